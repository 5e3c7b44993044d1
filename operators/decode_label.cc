#include "operators/decode_label.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "operators/field_checks.h"
#include "pipeline/core/money.h"

namespace weir::operators {
namespace {

// Indices into the table below.
enum At : std::size_t {
  kLabelId,
  kTransactionId,
  kUserId,
  kMerchantId,
  kIsFraud,
  kEventTime,
  kLabelTime,
  kRequired,
  kRevision = kRequired,
  kType,
  kSource,
  kAmount,
  kDeviceId,
  kIp,
  kCardToken,
  kFieldCount
};
constexpr std::array<FieldSpec, kFieldCount> kFields = {{
    {"label_id", FieldKind::kString},
    {"transaction_id", FieldKind::kString},
    {"user_id", FieldKind::kString},
    {"merchant_id", FieldKind::kString},
    {"is_fraud", FieldKind::kBool},
    {"event_time", FieldKind::kTime},
    {"label_time", FieldKind::kTime},
    {"revision", FieldKind::kStringOrNumber},
    {"type", FieldKind::kString},
    {"source", FieldKind::kString},
    {"amount", FieldKind::kAmount},
    {"device_id", FieldKind::kString},
    {"ip", FieldKind::kString},
    {"card_token", FieldKind::kString},
}};
using Values = std::array<std::string_view, kFieldCount>;

FieldFlaw check_texts(const Values& values) {
  constexpr At kIds[] = {kLabelId, kTransactionId, kUserId, kMerchantId, kDeviceId,
                         kIp,      kCardToken};
  for (const At i : kIds) {
    if (auto flaw = check_text(kFields[i].name, values[i], kIdBytesMax)) return flaw;
  }
  for (const At i : {kType, kSource}) {
    if (auto flaw = check_text(kFields[i].name, values[i], kChannelBytesMax)) return flaw;
  }
  return std::nullopt;
}

FieldFlaw take_time(At field, const Values& values, const RawRecord& record,
                    const InputSettings& settings, bool clamp, EventTime& out) {
  const auto time = parse_event_time(values[field]);
  if (!time) return refuse(RejectReason::kRange, kFields[field].name, time.error().message);
  out = *time;
  const EventTime stamped{record.timestamp_ms};
  if (record.timestamp_ms < 0 || out <= stamped + settings.future_max) return std::nullopt;
  if (!clamp) {
    return refuse(RejectReason::kFuture, kFields[field].name, "ahead of the record's timestamp");
  }
  out = stamped;
  return std::nullopt;
}

FieldFlaw take_revision(std::string_view text, std::uint32_t& out) {
  if (is_absent(text)) return std::nullopt;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (failure == std::errc{} && end == text.data() + text.size()) return std::nullopt;
  return refuse(RejectReason::kRange, "revision", "not a whole number of 32 bits");
}

/// A label has no currency of its own, so the amount is good when it is one in some currency.
FieldFlaw check_amount(std::string_view text) {
  if (is_absent(text)) return std::nullopt;
  constexpr std::uint8_t kExponents[] = {0, 2, 3, 4};
  for (const std::uint8_t exponent : kExponents) {
    Currency currency;
    currency.exponent = exponent;
    if (parse_amount(text, currency)) return std::nullopt;
  }
  return refuse(RejectReason::kRange, "amount", "not an amount in any currency");
}

void take_views(const Values& values, FraudLabel& out) {
  out.label_id = values[kLabelId];
  out.transaction_id = values[kTransactionId];
  out.user_id = values[kUserId];
  out.merchant_id = values[kMerchantId];
  out.is_fraud = values[kIsFraud] == "true";
  out.type = values[kType];
  out.source = values[kSource];
  out.amount = values[kAmount];
  out.device_id = values[kDeviceId];
  out.ip = values[kIp];
  out.card_token = values[kCardToken];
}

FieldFlaw check(const RawRecord& record, bool keyed, const Values& values,
                const InputSettings& settings, FraudLabel& out) {
  for (std::size_t i = 0; i < kRequired; ++i) {
    if (auto flaw = check_present(kFields[i].name, values[i])) return flaw;
  }
  if (keyed) {
    if (auto flaw = check_key(record.key, values[kUserId])) return flaw;
  }
  if (auto flaw = check_texts(values)) return flaw;
  if (auto flaw = take_time(kEventTime, values, record, settings, false, out.event_time)) {
    return flaw;
  }
  if (auto flaw =
          take_time(kLabelTime, values, record, settings, settings.clamp_future, out.label_time)) {
    return flaw;
  }
  if (auto flaw = take_revision(values[kRevision], out.revision)) return flaw;
  if (auto flaw = check_amount(values[kAmount])) return flaw;
  out.origin = {record.partition, record.offset};
  take_views(values, out);
  return std::nullopt;
}

}  // namespace

std::span<const FieldSpec> label_fields() {
  return kFields;
}

DecodeLabels::DecodeLabels(const InputSettings& settings, const RecordFormat& format,
                           SchemaSource* schemas)
    : settings_(settings), reader_(kFields, format, schemas) {}

Result<FieldFlaw> DecodeLabels::decode(const RawRecord& record, bool keyed, FraudLabel& out) {
  Values values;
  const auto unread = reader_.read(record, settings_.record_bytes_max, values);
  if (!unread) return unread.error();
  if (const auto& flaw = *unread) {
    return FieldFlaw(Rejection{0, flaw->reason, detail_of(*flaw)});
  }
  return check(record, keyed, values, settings_, out);
}

Result<std::size_t> DecodeLabels::process(std::span<const RawRecord> in,
                                          std::vector<ValidLabel>& out,
                                          std::vector<Rejection>& rejected) {
  reader_.forget();
  std::size_t tombstones = 0;
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (in[i].tombstone || in[i].value.empty()) {
      ++tombstones;
      continue;
    }
    ValidLabel label;
    label.record = i;
    auto flaw = decode(in[i], true, label);
    if (!flaw) return flaw.error();
    if (*flaw) {
      (*flaw)->record = i;
      rejected.push_back(std::move(**flaw));
    } else {
      out.push_back(label);
    }
  }
  return tombstones;
}

Result<FraudLabel> DecodeLabels::parse(std::string_view line) {
  reader_.forget();
  RawRecord record;
  record.value = line;
  FraudLabel label;
  const auto flaw = decode(record, false, label);
  if (!flaw) return flaw.error();
  if (*flaw) return Error{ErrorKind::kRejectEvent, (*flaw)->detail};
  return label;
}

}  // namespace weir::operators
