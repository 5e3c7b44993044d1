#pragma once
// Last occurrence of every value of a field in one lane, as a hash table over pages that grows one
// bucket at a time (linear hashing, Litwin 1980): no event pays for a resize, and a table of a
// million values is as cheap as one of ten.

#include <cstdint>

#include "state/windows/operation.h"

namespace weir::state {

class DistinctTable {
 public:
#pragma pack(push, 1)
  struct Entry {
    std::int64_t value = 0;
    std::int64_t time_ms = 0;  // of the newest event with this value
    std::uint32_t sequence = 0;
  };
#pragma pack(pop)

  DistinctTable(Operation& operation, std::uint16_t table)
      : operation_(operation), table_(table), head_(operation.head.table(table)) {}

  /// nullptr when the value is not there. Valid until the next call.
  const Entry* find(std::int64_t value);
  /// Adds the value or replaces its occurrence.
  void put(const Entry& entry);
  void erase(std::int64_t value);
  void clear();
  void prefetch(std::int64_t value);

 private:
  [[nodiscard]] std::uint32_t bucket_of(std::int64_t value) const;
  [[nodiscard]] PageId page(std::uint32_t bucket) const {
    return {PageKind::kDistinct, table_, bucket};
  }
  void split_next();

  Operation& operation_;
  std::uint16_t table_;
  TableHead& head_;
};

}  // namespace weir::state
