#include "pipeline/label_path.h"

#include <utility>

#include "operators/dead_letter.h"

namespace weir {
namespace {

using telemetry::LabelFate;

LabelFate fate_of(const std::optional<state::LabelOutcome>& outcome) {
  if (!outcome) return LabelFate::kUnused;
  switch (*outcome) {
    case state::LabelOutcome::kApplied:
      return LabelFate::kApplied;
    case state::LabelOutcome::kRepeated:
      return LabelFate::kRepeated;
    case state::LabelOutcome::kOutdated:
      return LabelFate::kOutdated;
    case state::LabelOutcome::kWaiting:
    case state::LabelOutcome::kCrowding:
      return LabelFate::kWaiting;
    case state::LabelOutcome::kExpired:
      return LabelFate::kExpired;
  }
  return LabelFate::kUnused;
}

}  // namespace

LabelPath::LabelPath(const operators::Settings& settings, operators::FeatureEngine* engine,
                     PlaceOf place_of, telemetry::WorkerMetrics& metrics, SchemaSource* schemas)
    : decode_(settings.input, settings.labels, schemas),
      engine_(engine),
      link_(engine),
      place_of_(std::move(place_of)),
      metrics_(metrics),
      topic_(settings.label_topic),
      traces_(topic_) {}

Status LabelPath::process(std::span<const RawRecord> records, std::vector<OutputRecord>& out) {
  valid_.clear();
  rejected_.clear();
  metrics_.bad_traceparents.add(static_cast<double>(traces_.read(records)));
  const auto tombstones = decode_.process(records, valid_, rejected_);
  if (!tombstones) return tombstones.error();
  metrics_.tombstones.add(static_cast<double>(*tombstones));
  for (const auto& label : valid_) {
    WEIR_RETURN_IF_ERROR(apply(label));
    link_.process(label, traces_, out);
  }
  for (const auto& [record, reason, detail] : rejected_) {
    out.push_back(operators::make_dead_letter(records[record], reason, detail, topic_));
    traces_.carry_on(record, std::span(out).last(1));
    metrics_.dead_letters.of(telemetry::InputTopic::kLabels, reason).add();
  }
  return ok();
}

Status LabelPath::apply(const operators::ValidLabel& label) {
  LabelFate fate = LabelFate::kUnused;
  if (engine_ != nullptr) {
    const auto [store, next_payment] = place_of_(label.origin.partition);
    const auto outcomes = engine_->label(label, store.windows());
    if (!outcomes) return outcomes.error();
    store.log(store.take_window_changes(), state::WindowCause::kLabel, next_payment);
    for (const auto& outcome : *outcomes) {
      if (outcome == state::LabelOutcome::kCrowding) metrics_.waiting_labels_dropped.add();
    }
    fate = fate_of((*outcomes)[static_cast<std::size_t>(state::EntityKind::kUser)]);
  }
  const auto delay_ms = label.label_time.ms - label.event_time.ms;
  metrics_.labels.count(label.source, label.is_fraud, fate, static_cast<double>(delay_ms) / 1e3);
  return ok();
}

}  // namespace weir
