#include "operators/validate.h"

#include <charconv>
#include <optional>

#include "operators/field_checks.h"

namespace weir::operators {
namespace {

using Flaw = FieldFlaw;

Flaw check_required(const DecodedTransaction& in) {
  const struct {
    std::string_view name, text;
  } required[] = {{"transaction_id", in.transaction_id},
                  {"user_id", in.user_id},
                  {"event_time", in.event_time},
                  {"amount", is_absent(in.amount) ? in.amount_minor : in.amount},
                  {"currency", in.currency},
                  {"merchant_id", in.merchant_id}};
  for (const auto& field : required) {
    if (auto flaw = check_present(field.name, field.text)) return flaw;
  }
  return std::nullopt;
}

Flaw take_ids(const DecodedTransaction& in, std::string_view key, Transaction& out) {
  if (auto flaw = check_key(key, in.user_id)) return flaw;
  if (auto flaw = check_text("transaction_id", in.transaction_id, kIdBytesMax)) return flaw;
  if (auto flaw = check_text("user_id", in.user_id, kIdBytesMax)) return flaw;
  if (auto flaw = check_text("merchant_id", in.merchant_id, kIdBytesMax)) return flaw;
  out.transaction_id = in.transaction_id;
  out.user_id = in.user_id;
  out.merchant_id = in.merchant_id;
  return std::nullopt;
}

Flaw take_time(const DecodedTransaction& in, const RawRecord& record, const InputSettings& settings,
               Transaction& out) {
  const auto time = parse_event_time(in.event_time);
  if (!time) return refuse(RejectReason::kRange, "event_time", time.error().message);
  out.event_time = *time;
  if (record.timestamp_ms < 0) return std::nullopt;
  const EventTime stamped{record.timestamp_ms};
  if (out.event_time <= stamped + settings.future_max) return std::nullopt;
  if (!settings.clamp_future) {
    return refuse(RejectReason::kFuture, "event_time", "ahead of the record's timestamp");
  }
  out.event_time = stamped;
  return std::nullopt;
}

Flaw take_minor_units(std::string_view text, std::int64_t& out) {
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (failure != std::errc{} || end != text.data() + text.size()) {
    return refuse(RejectReason::kRange, "amount_minor", "not a whole number");
  }
  if (out < 0) return refuse(RejectReason::kRange, "amount_minor", "negative");
  if (out > kAmountMinorMax) return refuse(RejectReason::kRange, "amount_minor", "too large");
  return std::nullopt;
}

Flaw take_amount(const DecodedTransaction& in, Transaction& out) {
  const Currency* currency = find_currency(in.currency);
  if (currency == nullptr) return refuse(RejectReason::kRange, "currency", "not an ISO 4217 code");
  out.currency = *currency;
  if (is_absent(in.amount)) return take_minor_units(in.amount_minor, out.amount_minor);
  const auto amount = parse_amount(in.amount, *currency);
  if (!amount) return refuse(RejectReason::kRange, "amount", amount.error().message);
  out.amount_minor = *amount;
  return std::nullopt;
}

Flaw take_mcc(std::string_view text, std::uint16_t& out) {
  if (is_absent(text)) return std::nullopt;
  std::uint16_t value = 0;
  const bool sized = !text.empty() && text.size() <= 4;
  for (std::size_t i = 0; sized && i < text.size(); ++i) {
    if (text[i] < '0' || text[i] > '9') return refuse(RejectReason::kRange, "mcc", "not 1 to 9999");
    value = static_cast<std::uint16_t>(value * 10 + (text[i] - '0'));
  }
  if (!sized || value == 0) return refuse(RejectReason::kRange, "mcc", "not 1 to 9999");
  out = value;
  return std::nullopt;
}

Flaw take_country(std::string_view name, std::string_view text, char (&out)[2]) {
  if (is_absent(text)) return std::nullopt;
  const auto upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (text.size() != 2 || !upper(text[0]) || !upper(text[1])) {
    return refuse(RejectReason::kRange, name, "not two letters A to Z");
  }
  out[0] = text[0];
  out[1] = text[1];
  return std::nullopt;
}

Flaw take_optional(const DecodedTransaction& in, Transaction& out) {
  if (auto flaw = check_text("device_id", in.device_id, kIdBytesMax)) return flaw;
  if (auto flaw = check_text("ip", in.ip, kIdBytesMax)) return flaw;
  if (auto flaw = check_text("card_token", in.card_token, kIdBytesMax)) return flaw;
  if (auto flaw = check_text("channel", in.channel, kChannelBytesMax)) return flaw;
  if (auto flaw = take_mcc(in.mcc, out.mcc)) return flaw;
  if (auto flaw = take_country("country", in.country, out.country)) return flaw;
  if (auto flaw = take_country("merchant_country", in.merchant_country, out.merchant_country)) {
    return flaw;
  }
  out.device_id = in.device_id;
  out.ip = in.ip;
  out.card_token = in.card_token;
  out.channel = in.channel;
  switch (in.is_card_present) {
    case DecodedTransaction::Flag::kAbsent:
      break;
    case DecodedTransaction::Flag::kNo:
      out.card_present = Transaction::CardPresent::kNo;
      break;
    case DecodedTransaction::Flag::kYes:
      out.card_present = Transaction::CardPresent::kYes;
      break;
  }
  return std::nullopt;
}

Flaw check(const DecodedTransaction& in, const RawRecord& record, const InputSettings& settings,
           Transaction& out) {
  if (auto flaw = check_required(in)) return flaw;
  if (auto flaw = take_ids(in, record.key, out)) return flaw;
  if (auto flaw = take_time(in, record, settings, out)) return flaw;
  if (auto flaw = take_amount(in, out)) return flaw;
  return take_optional(in, out);
}

}  // namespace

void Validate::process(std::span<const RawRecord> records, std::span<const DecodedTransaction> in,
                       std::vector<ValidTransaction>& out, std::vector<Rejection>& rejected) const {
  for (const DecodedTransaction& decoded : in) {
    const RawRecord& record = records[decoded.record];
    ValidTransaction valid;
    valid.record = decoded.record;
    valid.origin = {record.partition, record.offset};
    if (auto flaw = check(decoded, record, settings_, valid)) {
      flaw->record = decoded.record;
      rejected.push_back(std::move(*flaw));
    } else {
      out.push_back(valid);
    }
  }
}

}  // namespace weir::operators
