#include "operators/emit.h"

#include "operators/dead_letter.h"
#include "operators/json_text.h"
#include "operators/verdict_binary.h"
#include "pipeline/core/money.h"

namespace weir::operators {
namespace {

// Typical sizes, so that a value is allocated once.
constexpr std::size_t kVerdictBytes = 1280;
constexpr std::size_t kFeaturesBytes = 2048;

OutputRecord record_for(Stream stream, const Transaction& payment) {
  OutputRecord record;
  record.stream = stream;
  record.input_partition = payment.origin.partition;
  record.key = payment.user_id;
  return record;
}

/// The first verdict as state remembers it, whatever the resent payment says.
VerdictContent content_of(const DuplicateTransaction& payment) {
  const state::Entry& first = *payment.first;
  const state::RememberedVerdict& verdict = *first.verdict;
  const Currency* currency = find_currency(verdict.currency);
  VerdictContent content{.transaction_id = verdict.transaction_id,
                         .user_id = payment.user_id,
                         .merchant_id = verdict.merchant_id,
                         .event_time = {verdict.event_time_ms},
                         .amount_minor = verdict.amount_minor,
                         .currency = currency != nullptr ? *currency : payment.currency,
                         .decision = &verdict.decision,
                         .lineage = payment.lineage,
                         .origin = verdict.origin,
                         .duplicate = true};
  return content;
}

}  // namespace

void Emit::process(const BatchOutcome& batch, std::vector<OutputRecord>& out) {
  auto decided = batch.decided.begin();
  auto duplicate = batch.duplicates.begin();
  auto rejected = batch.rejected.begin();
  for (std::size_t i = 0; i < batch.records.size(); ++i) {
    const RawRecord& record = batch.records[i];
    const std::size_t made = out.size();
    if (decided != batch.decided.end() && decided->record == i) {
      emit_decided(record, *decided++, out);
    } else if (duplicate != batch.duplicates.end() && duplicate->record == i) {
      emit_duplicate(record, *duplicate++, batch.decided, out);
    } else if (rejected != batch.rejected.end() && rejected->record == i) {
      emit_dead_letter(record, rejected->reason, rejected->detail, out);
      ++rejected;
    } else {
      metrics_.tombstones.add();
    }
    batch.traces.carry_on(i, std::span(out).subspan(made));
  }
  WEIR_CHECK(decided == batch.decided.end() && duplicate == batch.duplicates.end() &&
             rejected == batch.rejected.end());
}

void Emit::emit_decided(const RawRecord& record, const DecidedTransaction& payment,
                        std::vector<OutputRecord>& out) {
  emit_verdict(content_of(payment, lineage_), payment, out);
  count(payment);
  metrics_.amounts.add(payment.currency.name(), payment.decision.action,
                       major_units(payment.amount_minor, payment.currency));
  const bool has_features = !payment.current.empty() || payment.past != nullptr;
  if (has_features && !payment.poison) {
    OutputRecord features = record_for(Stream::kFeatures, payment);
    features.value.reserve(kFeaturesBytes);
    append_features_json(features.value, payment, window_names_, lineage_, input_topic_);
    out.push_back(std::move(features));
  }
  if (payment.poison) {
    emit_dead_letter(record, RejectReason::kPoison, "stopped the process before", out);
  }
}

void Emit::emit_duplicate(const RawRecord& record, const DuplicateTransaction& payment,
                          std::span<const DecidedTransaction> decided,
                          std::vector<OutputRecord>& out) {
  VerdictContent content =
      payment.first ? content_of(payment) : content_of(decided[payment.unique], lineage_);
  content.duplicate = true;
  emit_verdict(content, payment, out);
  metrics_.duplicates.add();
  if (payment.poison) {
    emit_dead_letter(record, RejectReason::kPoison, "stopped the process before", out);
  }
}

void Emit::emit_verdict(const VerdictContent& verdict, const Transaction& payment,
                        std::vector<OutputRecord>& out) {
  OutputRecord record = record_for(Stream::kVerdicts, payment);
  record.value.reserve(kVerdictBytes);
  append_verdict(record.value, verdict);
  if (verdict.duplicate) {
    std::string input = input_topic_;
    input += '/';
    append_integer(input, payment.origin.partition);
    input += '/';
    append_integer(input, payment.origin.offset);
    record.headers.emplace_back("weir-input", std::move(input));
  }
  metrics_.verdicts[static_cast<std::size_t>(verdict.decision->action)].add();
  out.push_back(std::move(record));
}

void Emit::append_verdict(std::string& out, const VerdictContent& verdict) const {
  switch (format_) {
    case VerdictFormat::kJson:
      return append_verdict_json(out, verdict, input_topic_);
    case VerdictFormat::kAvro:
      return append_verdict_avro(out, schema_id_, verdict, input_topic_);
    case VerdictFormat::kProtobuf:
      return append_verdict_protobuf(out, schema_id_, verdict, input_topic_);
  }
}

void Emit::emit_dead_letter(const RawRecord& record, RejectReason reason, std::string_view detail,
                            std::vector<OutputRecord>& out) {
  out.push_back(make_dead_letter(record, reason, detail, input_topic_));
  metrics_.dead_letters.of(telemetry::InputTopic::kTransactions, reason).add();
}

void Emit::count(const DecidedTransaction& payment) {
  if (payment.late) metrics_.late.add();
  if (payment.out_of_order) metrics_.out_of_order.add();
  if (payment.score) metrics_.score.observe(payment.score->p);
  std::size_t i = 0;  // the metric's order
  for (const auto degraded : {Degraded::kNoModel, Degraded::kScoreInvalid, Degraded::kPoison,
                              Degraded::kProfileStale, Degraded::kProfileDown}) {
    const auto bit = static_cast<std::uint8_t>(degraded);
    if ((payment.decision.degraded & bit) != 0) metrics_.degraded[i].add();
    ++i;
  }
}

}  // namespace weir::operators
