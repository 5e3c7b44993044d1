// Fuzz target: whatever bytes a sender of labels sends. Input: record key, a newline, record value.
// Nothing may crash; every record becomes exactly one of label, rejection, tombstone; what passes
// is in range and holds no card number; a line of a file is read as the same value of a record is.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "operators/card_number.h"
#include "operators/decode_label.h"
#include "operators/field_checks.h"
#include "pipeline/core/error.h"

namespace {

using namespace weir;
using namespace weir::operators;

constexpr EventTime kStamped{1'529'280'000'000};

InputSettings clamping() {
  InputSettings settings;
  settings.clamp_future = true;
  return settings;
}

void check_label(const FraudLabel& label, const RawRecord& record, EventTime label_time_max) {
  WEIR_CHECK(label.user_id == record.key);
  for (const std::string_view id :
       {label.label_id, label.transaction_id, label.user_id, label.merchant_id}) {
    WEIR_CHECK(!id.empty() && id.size() <= kIdBytesMax && !contains_card_number(id));
  }
  for (const std::string_view id : {label.device_id, label.ip, label.card_token}) {
    WEIR_CHECK(id.size() <= kIdBytesMax && !contains_card_number(id));
  }
  WEIR_CHECK(label.type.size() <= kChannelBytesMax && label.source.size() <= kChannelBytesMax);
  WEIR_CHECK(label.event_time.ms >= 0 && label.event_time <= kEventTimeMax);
  WEIR_CHECK(label.event_time <= kStamped + InputSettings{}.future_max);
  WEIR_CHECK(label.label_time.ms >= 0 && label.label_time <= label_time_max);
}

void check_same(const FraudLabel& line, const FraudLabel& record) {
  WEIR_CHECK(line.label_id == record.label_id && line.transaction_id == record.transaction_id);
  WEIR_CHECK(line.user_id == record.user_id && line.merchant_id == record.merchant_id);
  WEIR_CHECK(line.is_fraud == record.is_fraud && line.revision == record.revision);
  WEIR_CHECK(line.event_time == record.event_time && line.label_time == record.label_time);
  WEIR_CHECK(line.type == record.type && line.source == record.source);
  WEIR_CHECK(line.amount == record.amount && line.device_id == record.device_id);
  WEIR_CHECK(line.ip == record.ip && line.card_token == record.card_token);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t split = input.find('\n');
  RawRecord record;
  record.timestamp_ms = kStamped.ms;
  record.key = input.substr(0, split == std::string_view::npos ? 0 : split);
  record.value = split == std::string_view::npos ? input : input.substr(split + 1);
  record.tombstone = record.value.empty();

  // Their scratch carries over from record to record, as in a worker.
  static DecodeLabels decode{InputSettings{}};
  static DecodeLabels clamp{clamping()};
  static DecodeLabels lines{InputSettings{}};
  std::vector<ValidLabel> labels;
  std::vector<Rejection> rejected;
  const std::size_t tombstones = *decode.process({&record, 1}, labels, rejected);
  WEIR_CHECK(tombstones + labels.size() + rejected.size() == 1);
  const auto line = lines.parse(record.value);
  if (!labels.empty()) {
    check_label(labels.front(), record, kStamped + InputSettings{}.future_max);
    WEIR_CHECK(line.has_value());
    check_same(*line, labels.front());
  }

  // Clamping accepts the same, and of what is refused for the future the label times alone.
  std::vector<ValidLabel> clamped;
  std::vector<Rejection> refused;
  WEIR_CHECK(*clamp.process({&record, 1}, clamped, refused) == tombstones);
  WEIR_CHECK(tombstones + clamped.size() + refused.size() == 1);
  if (!clamped.empty()) {
    check_label(clamped.front(), record, kStamped + InputSettings{}.future_max);
    WEIR_CHECK(!labels.empty() || rejected.front().reason == RejectReason::kFuture);
  }
  WEIR_CHECK(labels.empty() || clamped.size() == 1);
  return 0;
}
