#pragma once
// Somebody's opinion about a payment: was it fraud? Comes long after the payment, sometimes before
// it, sometimes without it; may be revised and reversed.

#include <cstdint>
#include <string_view>

#include "pipeline/core/event_time.h"
#include "pipeline/core/transaction.h"

namespace weir {

/// A valid label. Views live as long as those of a Transaction. Two labels of one label_id are two
/// revisions of one opinion; of several opinions about a payment the one with the latest label_time
/// counts.
struct FraudLabel {
  Origin origin;
  std::string_view label_id;        // 1..128 bytes, printable, valid UTF-8
  std::string_view transaction_id;  // same; the payment it is about
  std::string_view user_id;         // same; also the record key
  std::string_view merchant_id;     // same
  bool is_fraud = false;
  EventTime event_time;  // of the payment
  EventTime label_time;  // when the opinion was formed

  // Optional; empty or 0 when absent.
  std::uint32_t revision = 0;  // a higher one replaces a lower one of the same label_id
  std::string_view type;       // chargeback, dispute, analyst_good, ...; at most 32 bytes
  std::string_view source;     // who says so; at most 32 bytes
  std::string_view amount;     // disputed, decimal text in the payment's currency
  std::string_view device_id;
  std::string_view ip;
  std::string_view card_token;
};

}  // namespace weir
