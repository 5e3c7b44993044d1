#include "operators/features/event_row.h"

#include "operators/history.h"

namespace weir::operators {
namespace {

std::int64_t scaled_amount(const Transaction& payment) {
  std::int64_t factor = state::kAmountScale;
  for (int i = 0; i < payment.currency.exponent; ++i) factor /= 10;
  const bool fits = payment.amount_minor <= kEventAmountMax / factor;
  return fits ? payment.amount_minor * factor : kEventAmountMax;
}

}  // namespace

state::EventRow make_event_row(const Transaction& payment) {
  state::EventRow row;
  row.time_ms = payment.event_time.ms;
  row.transaction = hash_id(payment.transaction_id);
  row.amount = scaled_amount(payment);
  row.user = hash_id(payment.user_id);
  row.merchant = hash_id(payment.merchant_id);
  row.device = hash_id(payment.device_id);
  row.ip = hash_id(payment.ip);
  row.card = hash_id(payment.card_token);
  row.currency = payment.currency.numeric;
  row.mcc = payment.mcc;
  row.country = pack_country(payment.country);
  row.merchant_country = pack_country(payment.merchant_country);
  row.channel = hash_name(payment.channel);
  row.card_present = static_cast<std::uint8_t>(payment.card_present);
  return row;
}

}  // namespace weir::operators
