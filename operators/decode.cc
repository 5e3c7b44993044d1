#include "operators/decode.h"

#include <array>

namespace weir::operators {
namespace {

constexpr FieldSpec kFields[] = {
    {"transaction_id", FieldKind::kString},   {"user_id", FieldKind::kString},
    {"event_time", FieldKind::kTime},         {"amount", FieldKind::kAmount},
    {"currency", FieldKind::kString},         {"merchant_id", FieldKind::kString},
    {"mcc", FieldKind::kStringOrNumber},      {"country", FieldKind::kString},
    {"merchant_country", FieldKind::kString}, {"channel", FieldKind::kString},
    {"device_id", FieldKind::kString},        {"ip", FieldKind::kString},
    {"card_token", FieldKind::kString},       {"amount_minor", FieldKind::kStringOrNumber},
    {"is_card_present", FieldKind::kBool},    {"attributes", FieldKind::kFlatMap},
};
/// Where the texts of the table go; what follows them is not text.
constexpr std::string_view DecodedTransaction::*kTexts[] = {
    &DecodedTransaction::transaction_id,
    &DecodedTransaction::user_id,
    &DecodedTransaction::event_time,
    &DecodedTransaction::amount,
    &DecodedTransaction::currency,
    &DecodedTransaction::merchant_id,
    &DecodedTransaction::mcc,
    &DecodedTransaction::country,
    &DecodedTransaction::merchant_country,
    &DecodedTransaction::channel,
    &DecodedTransaction::device_id,
    &DecodedTransaction::ip,
    &DecodedTransaction::card_token,
    &DecodedTransaction::amount_minor,
};
constexpr std::size_t kCardPresent = std::size(kTexts);
static_assert(kFields[kCardPresent].name == "is_card_present");

DecodedTransaction::Flag flag_of(std::string_view text) {
  if (text.empty()) return DecodedTransaction::Flag::kAbsent;
  return text == "true" ? DecodedTransaction::Flag::kYes : DecodedTransaction::Flag::kNo;
}

}  // namespace

std::span<const FieldSpec> payment_fields() {
  return kFields;
}

Decode::Decode(const InputSettings& settings, const RecordFormat& format, SchemaSource* schemas)
    : settings_(settings), reader_(kFields, format, schemas) {}

Result<std::size_t> Decode::process(std::span<const RawRecord> in,
                                    std::vector<DecodedTransaction>& out,
                                    std::vector<Rejection>& rejected) {
  reader_.forget();
  std::array<std::string_view, std::size(kFields)> values;
  std::size_t tombstones = 0;
  for (std::size_t i = 0; i < in.size(); ++i) {
    const RawRecord& record = in[i];
    if (record.tombstone || record.value.empty()) {
      ++tombstones;
      continue;
    }
    const auto flaw = reader_.read(record, settings_.record_bytes_max, values);
    if (!flaw) return flaw.error();
    if (*flaw) {
      rejected.push_back({i, (*flaw)->reason, detail_of(**flaw)});
      continue;
    }
    DecodedTransaction& decoded = out.emplace_back();
    decoded.record = i;
    for (std::size_t f = 0; f < std::size(kTexts); ++f) decoded.*kTexts[f] = values[f];
    decoded.is_card_present = flag_of(values[kCardPresent]);
  }
  return tombstones;
}

}  // namespace weir::operators
