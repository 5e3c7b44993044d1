#pragma once
// Where the windows of entities live, as a port: pages of bytes, read and written in a transaction
// that somebody else commits or rolls back. Live it is the state store of a partition, in replay
// and feature export plain memory.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "pipeline/core/error.h"

namespace weir::state {

enum class PageKind : std::uint8_t {
  kHead,      // one an entity: frontier, fingers, aggregates
  kRows,      // events in order, numbered without gaps
  kExtremes,  // candidates for minimum or maximum of one lane
  kDistinct,  // buckets of last occurrences of one lane
  kLabelled,  // newest labelled events
  kOrphan,    // labels whose payment has not come yet
};

struct PageId {
  PageKind kind = PageKind::kHead;
  std::uint16_t group = 0;   // which list of extremes, which distinct table
  std::uint32_t number = 0;  // page of rows, bucket
  friend bool operator==(const PageId&, const PageId&) = default;
};

class PageStore {
 public:
  virtual ~PageStore() = default;
  /// nullptr when there is no such page. Pointers stay valid until the end of the operation, that
  /// is until end_operation() or erase() of that page.
  virtual Result<const std::string*> read(std::string_view entity, PageId id) = 0;
  /// For change; made when missing.
  virtual Result<std::string*> write(std::string_view entity, PageId id) = 0;
  virtual Status erase(std::string_view entity, PageId id) = 0;
  /// These bytes of the page will be asked for soon: where pages lie in memory, their way into the
  /// cache may begin. Changes nothing, and may do nothing.
  virtual void prefetch(std::string_view /*entity*/, PageId /*id*/, std::size_t /*offset*/,
                        std::size_t /*bytes*/) {}
  /// Memory may be reclaimed now.
  virtual void end_operation() {}
};

/// Plain memory, no transactions. `bytes` is what all pages hold.
class MemoryPageStore final : public PageStore {
 public:
  MemoryPageStore();
  ~MemoryPageStore() override;
  Result<const std::string*> read(std::string_view entity, PageId id) override;
  Result<std::string*> write(std::string_view entity, PageId id) override;
  Status erase(std::string_view entity, PageId id) override;
  void prefetch(std::string_view entity, PageId id, std::size_t offset, std::size_t bytes) override;
  void end_operation() override;
  [[nodiscard]] std::size_t bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weir::state
