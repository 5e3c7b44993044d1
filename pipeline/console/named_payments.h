#pragma once
// Which payments named a device, an address or a card. Verdicts do not say; the payments' own
// records do, read here as the pipeline reads them (mappings and registered formats included).
//
// Threads: one reader of the topics adds, any thread asks; one lock, held for one look. No worker
// takes it. Bounded: the newest `payments_max` that named anything, half a KiB each and twice the
// ids (at most 128 bytes an id).

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "operators/formats/record_reader.h"
#include "operators/settings.h"
#include "pipeline/console/kept_verdicts.h"
#include "pipeline/core/record.h"
#include "pipeline/core/schema_source.h"

namespace weir::console {

/// What a payment may name beside user and merchant, as entities are called.
inline constexpr std::array<std::string_view, 3> kNamedKinds = {"device", "ip", "card"};

/// The ids that a payment named; empty: none, or not known.
struct NamedIds {
  std::string device_id, ip, card_token;
  [[nodiscard]] bool empty() const { return device_id.empty() && ip.empty() && card_token.empty(); }
  /// By the place in kNamedKinds.
  [[nodiscard]] std::array<std::string_view, 3> all() const { return {device_id, ip, card_token}; }
};

/// Reads them from a payment's record. Threads: one.
class NamedIdsReader {
 public:
  /// `schemas` may be null: what is registered is then not read. It must outlive this.
  NamedIdsReader(const operators::Settings& settings, SchemaSource* schemas);
  /// Empty for what is no payment, and while the registry does not answer.
  NamedIds read(const RawRecord& record);

 private:
  const std::size_t record_bytes_max_;
  const std::size_t device_, ip_, card_;  // places of these fields
  operators::RecordReader reader_;
  std::vector<std::string_view> values_;  // by field
};

class NamedPayments {
 public:
  explicit NamedPayments(std::size_t payments_max) : max_(payments_max) {}

  /// Also of a payment that named nothing: it is known that it did.
  void add(const Spot& spot, NamedIds ids);

  /// nullopt: this record was not read, or has given way.
  [[nodiscard]] std::optional<NamedIds> at(const Spot& spot) const;
  /// At most `limit`, newest first. `kind`: a place in kNamedKinds.
  [[nodiscard]] std::vector<Spot> that_named(std::size_t kind, const std::string& id,
                                             std::size_t limit) const;

 private:
  struct Payment {
    Spot spot;
    NamedIds ids;
    /// By kind the payment before that named the same; gone when that one has given way.
    std::array<std::weak_ptr<const Payment>, kNamedKinds.size()> before;
  };
  struct Reach {
    std::int64_t first, next;  // offsets that are known: from, and up to but not
  };
  using Kept = std::shared_ptr<const Payment>;
  void forget_oldest();

  const std::size_t max_;
  mutable std::mutex mutex_;
  std::deque<Kept> payments_;            // oldest first
  std::map<std::int32_t, Reach> reach_;  // by partition
  std::unordered_map<Spot, Kept, SpotHash> by_spot_;
  /// By kind and id the newest. (A list for each id would cost more than all the rest.)
  std::array<std::unordered_map<std::string, Kept>, kNamedKinds.size()> newest_;
};

}  // namespace weir::console
