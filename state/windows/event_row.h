#pragma once
// One event as an entity remembers it: the payment's raw fields as small numbers, its label once
// known, nothing learned. Users, merchants, devices, addresses and cards keep the same row, so one
// window engine serves all. 104 bytes; the layout is part of the state format (state/format.md).

#include <cstdint>

namespace weir::state {

/// Amounts of all currencies in one unit: 1/10,000 of the major unit, which every ISO 4217 exponent
/// divides, so that sums are exact.
inline constexpr std::int64_t kAmountScale = 10'000;

enum class Label : std::uint8_t { kUnknown, kGenuine, kFraud };

#pragma pack(push, 1)
struct EventRow {
  std::int64_t time_ms = 0;       // event time
  std::uint32_t sequence = 0;     // arrival number within the entity: breaks ties of event time
  std::uint64_t transaction = 0;  // 64-bit hashes of ids; 0 = absent
  std::int64_t amount = 0;        // in 1/kAmountScale major units
  std::uint64_t user = 0;
  std::uint64_t merchant = 0;
  std::uint64_t device = 0;
  std::uint64_t ip = 0;
  std::uint64_t card = 0;
  std::uint32_t ratio_milli = 0;  // Field::kRatio, in 1/1000 and at least 1; 0 = none
  std::uint16_t currency = 999;   // ISO 4217 numeric
  std::uint16_t mcc = 0;          // 0 = absent
  std::uint16_t country = 0;      // two letters, high byte first; 0 = absent
  std::uint16_t merchant_country = 0;
  std::uint16_t channel = 0;         // 16-bit hash of the name; 0 = absent
  std::uint8_t card_present = 0;     // 0 unknown, 1 no, 2 yes
  Label label = Label::kUnknown;     // the opinion that counts now
  std::int64_t label_time_ms = 0;    // of that opinion
  std::uint64_t label_id = 0;        // hash of its label_id
  std::uint32_t label_revision = 0;  // of that label_id
};
#pragma pack(pop)
static_assert(sizeof(EventRow) == 104);

/// Order of rows: event time, then arrival.
inline bool before(const EventRow& a, const EventRow& b) {
  return a.time_ms != b.time_ms ? a.time_ms < b.time_ms : a.sequence < b.sequence;
}

}  // namespace weir::state
