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

  /// Ends the running step and begins `step`.
  void enter(Step step) {
    const auto now = Clock::now();
    spent_[static_cast<std::size_t>(running_)] += now - since_;
    running_ = step;
    since_ = now;
  }
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
  Clock::time_point since_ = Clock::now();
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

  void clear() {
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
       telemetry::WorkerMetrics& worker_metrics, operators::FeatureEngine* engine)
      : lineage(lineage_of(settings, scorer)),
        metrics(worker_metrics),
        decode(settings.input),
        validate(settings.input),
        dedupe(settings, std::move(store_of)),
        history(settings),
        windows(engine),
        score(scorer, engine == nullptr ? std::span<const std::string>() : engine->names()),
        decide(settings.decide),
        emit(settings.input_topic, lineage, worker_metrics,
             engine == nullptr ? std::span<const std::string>() : engine->names()),
        link(engine) {}

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
  Batch batch;
};

EventPath::EventPath(const operators::Settings& settings, Scorer* scorer, StoreOf store_of,
                     telemetry::WorkerMetrics& metrics, operators::FeatureEngine* engine)
    : impl_(std::make_unique<Impl>(settings, scorer, std::move(store_of), metrics, engine)) {}
EventPath::~EventPath() = default;

// The way of one payment. Each step knows more than the one before, and its type says so.
Status EventPath::process(std::span<const RawRecord> records, std::vector<OutputRecord>& out,
                          const std::function<bool(const RawRecord&)>& is_poison) {
  Impl& path = *impl_;
  Batch& batch = path.batch;
  batch.clear();
  StepTimer timer;

  timer.enter(Step::kDecode);
  path.decode.process(records, batch.decoded, batch.rejected);

  timer.enter(Step::kValidate);
  path.validate.process(records, batch.decoded, batch.valid, batch.rejected);
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
  path.emit.process({records, batch.decided, batch.duplicates, batch.rejected}, out);
  path.link.process(batch.decided, out);

  timer.finish(path.metrics);
  return ok();
}

}  // namespace weir
