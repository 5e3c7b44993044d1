#include "pipeline/event_path.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "operators/decide.h"
#include "operators/decode.h"
#include "operators/dedupe.h"
#include "operators/emit.h"
#include "operators/explain.h"
#include "operators/history.h"
#include "operators/link.h"
#include "operators/remember.h"
#include "operators/score.h"
#include "operators/traces.h"
#include "operators/validate.h"
#include "operators/windows.h"

namespace weir {
namespace {

using telemetry::Step;

/// Time per step of one batch. A step may be entered more than once; reading the clock is the only
/// use of it here, and no verdict sees it.
class StepTimer {
 public:
  using Clock = std::chrono::steady_clock;

  /// Begins a batch with its first step.
  void begin(Step step) {
    spent_.fill({});
    runs_.clear();
    running_ = step;
    since_ = Clock::now();
  }
  /// Ends the running step and begins `step`.
  void enter(Step step) {
    const auto now = Clock::now();
    spent_[static_cast<std::size_t>(running_)] += now - since_;
    runs_.push_back({running_, since_, now});
    running_ = step;
    since_ = now;
  }
  [[nodiscard]] std::span<const tracing::StepTime> runs() const { return runs_; }
  void finish(telemetry::WorkerMetrics& metrics) {
    enter(running_);
    constexpr Step kSteps[] = {Step::kDecode,  Step::kValidate, Step::kDedupe, Step::kHistory,
                               Step::kWindows, Step::kScore,    Step::kDecide, Step::kEmit};
    for (const Step step : kSteps) {
      const auto i = static_cast<std::size_t>(step);
      metrics.step_seconds[i].observe(std::chrono::duration<double>(spent_[i]).count());
    }
  }

 private:
  std::array<Clock::duration, telemetry::kStepNames.size()> spent_{};
  Step running_ = Step::kDecode;
  Clock::time_point since_;
  std::vector<tracing::StepTime> runs_;  // as they came; keeps its memory
};

Lineage lineage_of(const operators::Settings& settings, const Scorer* scorer) {
  Lineage lineage;
  if (scorer != nullptr) {
    const ModelInfo& info = scorer->info();
    lineage.model_name = info.name;
    lineage.model_version = info.version;
    lineage.model_digest = info.digest;
  }
  lineage.rules_digest = operators::rules_digest(settings.decide);
  return lineage;
}

/// One batch on its way. The vectors keep their memory from batch to batch, nothing else.
struct Batch {
  std::vector<operators::DecodedTransaction> decoded;
  std::vector<operators::ValidTransaction> valid;
  std::vector<operators::UniqueTransaction> unique;
  std::vector<operators::DuplicateTransaction> duplicates;
  std::vector<operators::RecalledTransaction> recalled;
  std::vector<operators::WindowedTransaction> windowed;
  std::vector<operators::ScoredTransaction> scored;
  std::vector<operators::DecidedTransaction> decided;
  std::vector<operators::Rejection> rejected;
  operators::RecalledUsers users;
  std::vector<tracing::TracedRecord> traced;

  void clear() {
    traced.clear();
    decoded.clear();
    valid.clear();
    unique.clear();
    duplicates.clear();
    recalled.clear();
    windowed.clear();
    scored.clear();
    decided.clear();
    rejected.clear();
    users.clear();
  }
};

}  // namespace

struct EventPath::Impl {
  Impl(const operators::Settings& settings, Scorer* scorer, StoreOf store_of,
       telemetry::WorkerMetrics& worker_metrics, operators::FeatureEngine* engine,
       SchemaSource* schemas)
      : lineage(lineage_of(settings, scorer)),
        metrics(worker_metrics),
        decode(settings.input, settings.transactions, schemas),
        validate(settings.input),
        dedupe(settings, std::move(store_of)),
        history(settings),
        windows(engine),
        score(scorer, engine == nullptr ? std::span<const std::string>() : engine->names()),
        decide(settings.decide),
        emit(settings.input_topic, lineage, worker_metrics,
             engine == nullptr ? std::span<const std::string>() : engine->names(),
             settings.verdicts, settings.verdict_schema_id),
        link(engine),
        traces(settings.input_topic, settings.trace_ratio) {}

  const Lineage lineage;  // of every decision this path makes: model and rules change with the path
  telemetry::WorkerMetrics& metrics;
  operators::Decode decode;
  operators::Validate validate;
  operators::Dedupe dedupe;
  operators::History history;
  operators::Windows windows;
  operators::Scoring score;
  operators::Decide decide;
  operators::Explain explain;
  operators::Emit emit;
  operators::Link link;
  operators::BatchTraces traces;
  Batch batch;
  StepTimer timer;
};

namespace {

/// What became of record `at`, if it is among these.
template <class Kind>
const Kind* of_record(const std::vector<Kind>& among, std::size_t at) {
  const auto found = std::ranges::lower_bound(among, at, {}, &Kind::record);
  return found != among.end() && found->record == at ? &*found : nullptr;
}

void note_traced(std::span<const RawRecord> records, const operators::BatchTraces& traces,
                 Batch& batch) {
  using Outcome = tracing::TracedRecord::Outcome;
  for (const operators::RecordTrace& trace : traces.all()) {
    if (!trace.own.sampled()) continue;
    const RawRecord& record = records[trace.record];
    tracing::TracedRecord traced;
    traced.own = trace.own;
    traced.caller_span_id = trace.caller_span_id;
    traced.origin = {record.partition, record.offset};
    traced.timestamp_ms = record.timestamp_ms;
    const Decision* decision = nullptr;
    if (const auto* payment = of_record(batch.decided, trace.record)) {
      traced.outcome = Outcome::kVerdict;
      decision = &payment->decision;
    } else if (const auto* repeat = of_record(batch.duplicates, trace.record)) {
      traced.outcome = Outcome::kRepeat;
      decision = repeat->first ? &repeat->first->verdict->decision
                               : &batch.decided[repeat->unique].decision;
    } else if (of_record(batch.rejected, trace.record) != nullptr) {
      traced.outcome = Outcome::kDeadLetter;
    }
    if (decision != nullptr) {
      traced.action = decision->action;
      traced.degraded = decision->degraded;
    }
    batch.traced.push_back(traced);
  }
}

}  // namespace

EventPath::EventPath(const operators::Settings& settings, Scorer* scorer, StoreOf store_of,
                     telemetry::WorkerMetrics& metrics, operators::FeatureEngine* engine,
                     SchemaSource* schemas)
    : impl_(std::make_unique<Impl>(settings, scorer, std::move(store_of), metrics, engine,
                                   schemas)) {}
EventPath::~EventPath() = default;

// The way of one payment. Each step knows more than the one before, and its type says so.
Status EventPath::process(std::span<const RawRecord> records, std::vector<OutputRecord>& out,
                          const std::function<bool(const RawRecord&)>& is_poison) {
  Impl& path = *impl_;
  Batch& batch = path.batch;
  batch.clear();
  StepTimer& timer = path.timer;

  timer.begin(Step::kDecode);
  path.metrics.bad_traceparents.add(static_cast<double>(path.traces.read(records)));
  WEIR_RETURN_IF_ERROR(path.decode.process(records, batch.decoded, batch.rejected));

  timer.enter(Step::kValidate);
  path.validate.process(records, batch.decoded, batch.valid, batch.rejected);
  path.traces.identify(batch.valid);
  for (auto& payment : batch.valid) {
    payment.poison = is_poison && is_poison(records[payment.record]);
  }

  timer.enter(Step::kDedupe);
  WEIR_RETURN_IF_ERROR(
      path.dedupe.process(batch.valid, batch.users, batch.unique, batch.duplicates));

  timer.enter(Step::kHistory);
  path.history.process(batch.unique, batch.users, batch.recalled);

  timer.enter(Step::kWindows);
  WEIR_RETURN_IF_ERROR(path.windows.process(batch.recalled, batch.users, batch.windowed));

  timer.enter(Step::kScore);
  path.score.process(batch.windowed, batch.scored);

  timer.enter(Step::kDecide);
  path.decide.process(batch.scored, batch.decided);
  path.explain.process(batch.decided);

  timer.enter(Step::kHistory);
  WEIR_RETURN_IF_ERROR(operators::remember(batch.decided, batch.users, path.lineage));

  timer.enter(Step::kEmit);
  std::sort(batch.rejected.begin(), batch.rejected.end(),
            [](const auto& a, const auto& b) { return a.record < b.record; });
  path.emit.process({records, batch.decided, batch.duplicates, batch.rejected, path.traces}, out);
  path.link.process(batch.decided, path.traces, out);
  if (!path.traces.empty()) note_traced(records, path.traces, batch);

  timer.finish(path.metrics);
  return ok();
}

std::span<const tracing::TracedRecord> EventPath::traced() const {
  return impl_->batch.traced;
}
std::span<const tracing::StepTime> EventPath::step_times() const {
  return impl_->timer.runs();
}

}  // namespace weir
