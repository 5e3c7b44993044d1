#pragma once
// A payment after decoding and validation. After this nobody checks a field again.

#include <cstdint>
#include <string_view>

#include "pipeline/core/event_time.h"
#include "pipeline/core/money.h"

namespace weir {

/// Where a record came from: enough to find it again.
struct Origin {
  std::int32_t partition = 0;
  std::int64_t offset = 0;
};

/// A valid payment. Views point into the batch's bytes (or its arena) and live as long as the
/// batch.
struct Transaction {
  Origin origin;
  std::string_view transaction_id;  // 1..128 bytes, printable, valid UTF-8
  std::string_view user_id;         // same; also the record key
  EventTime event_time;
  std::int64_t amount_minor = 0;  // >= 0
  Currency currency;
  std::string_view merchant_id;  // 1..128 bytes

  // Optional; empty or 0 when absent.
  std::string_view device_id;
  std::string_view ip;
  std::string_view card_token;
  std::string_view channel;
  std::uint16_t mcc = 0;     // ISO 18245, 1..9999
  char country[2] = {0, 0};  // ISO 3166-1 alpha-2
  char merchant_country[2] = {0, 0};
  enum class CardPresent : std::uint8_t {
    kUnknown,
    kNo,
    kYes
  } card_present = CardPresent::kUnknown;
};

}  // namespace weir
