// Fuzz target: whatever bytes a producer sends. Input: record key, a newline, record value. Nothing
// may crash; every record becomes exactly one of payment, rejection, tombstone; what passes is in
// range; no dead letter holds a card number.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "operators/card_number.h"
#include "operators/dead_letter.h"
#include "operators/decode.h"
#include "operators/field_checks.h"
#include "operators/json_text.h"
#include "operators/validate.h"
#include "pipeline/core/error.h"

namespace {

using namespace weir;
using namespace weir::operators;

void check_payment(const ValidTransaction& payment) {
  WEIR_CHECK(!payment.transaction_id.empty() && payment.transaction_id.size() <= kIdBytesMax);
  WEIR_CHECK(!payment.user_id.empty() && payment.user_id.size() <= kIdBytesMax);
  WEIR_CHECK(!payment.merchant_id.empty() && payment.merchant_id.size() <= kIdBytesMax);
  WEIR_CHECK(payment.amount_minor >= 0 && payment.amount_minor <= kAmountMinorMax);
  WEIR_CHECK(payment.event_time.ms >= 0 && payment.event_time <= kEventTimeMax);
  WEIR_CHECK(payment.mcc <= 9999);
  for (const std::string_view id : {payment.transaction_id, payment.user_id, payment.merchant_id}) {
    WEIR_CHECK(!contains_card_number(id));
  }
  std::string out;
  append_event_time(out, payment.event_time);
  const auto time = parse_event_time(out);
  WEIR_CHECK(time.has_value() && *time == payment.event_time);
  out.clear();
  append_amount(out, payment.amount_minor, payment.currency);
  const auto amount = parse_amount(out, payment.currency);
  WEIR_CHECK(amount.has_value() && *amount == payment.amount_minor);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t split = input.find('\n');
  RawRecord record;
  record.timestamp_ms = 1'528'718'400'000;
  record.key = input.substr(0, split == std::string_view::npos ? 0 : split);
  record.value = split == std::string_view::npos ? input : input.substr(split + 1);
  record.tombstone = record.value.empty();
  record.headers.push_back({"key", record.key});

  static Decode decode{
      InputSettings{}};  // its scratch carries over from record to record, as in a worker
  static const Validate validate{InputSettings{}};
  std::vector<DecodedTransaction> decoded;
  std::vector<ValidTransaction> valid;
  std::vector<Rejection> rejected;
  const std::size_t tombstones = *decode.process({&record, 1}, decoded, rejected);
  validate.process({&record, 1}, decoded, valid, rejected);
  WEIR_CHECK(tombstones + valid.size() + rejected.size() == 1);
  if (!valid.empty()) check_payment(valid.front());

  // Any record may be refused, so any must be maskable.
  const OutputRecord letter = make_dead_letter(record, RejectReason::kDecode, "", "transactions");
  WEIR_CHECK(!contains_card_number(letter.value) && !contains_card_number(letter.key));
  WEIR_CHECK(letter.value.size() <= record.value.size());
  return 0;
}
