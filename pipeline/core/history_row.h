#pragma once
// One past payment of a user as it is kept in state: raw fields as small numbers, nothing learned,
// so that a new model starts on old state at once. 52 bytes; the layout is part of the state format
// (state/format.h has its version).

#include <cstdint>
#include <cstring>
#include <string_view>

#include "pipeline/core/event_time.h"
#include "pipeline/core/transaction.h"

namespace weir {

#pragma pack(push, 1)
struct HistoryRow {
  std::int64_t event_time_ms = 0;
  std::int64_t amount_minor = 0;
  std::uint64_t merchant = 0;  // 64-bit hash of merchant_id (hash_id in operators/history.h)
  std::uint32_t device = 0;    // 32-bit hashes; 0 = absent
  std::uint32_t ip = 0;
  std::uint32_t card = 0;
  std::uint16_t currency = 999;  // ISO 4217 numeric
  std::uint16_t mcc = 0;         // 0 = absent
  std::uint16_t country = 0;     // two letters, 'A'..'Z', high byte first; 0 = absent
  std::uint16_t merchant_country = 0;
  std::uint16_t channel = 0;      // 16-bit hash of the name; 0 = absent
  std::uint8_t card_present = 0;  // 0 unknown, 1 no, 2 yes
  std::uint8_t currency_exponent = 2;
  std::uint32_t sequence = 0;  // arrival number within the user: breaks ties of event time

  friend bool operator==(const HistoryRow& a, const HistoryRow& b) {
    return std::memcmp(&a, &b, sizeof a) == 0;
  }
};
#pragma pack(pop)
static_assert(sizeof(HistoryRow) == 52);

}  // namespace weir
