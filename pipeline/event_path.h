#pragma once
// The way of one payment, on one screen: decode, validate, dedupe, history, windows, score,
// decide, emit.
// The order is event_path.cc; every step is one file pair in operators/.

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "operators/decide.h"
#include "operators/features/feature_engine.h"
#include "operators/settings.h"
#include "pipeline/core/error.h"
#include "pipeline/core/record.h"
#include "pipeline/core/schema_source.h"
#include "pipeline/core/scorer.h"
#include "pipeline/telemetry/worker_metrics.h"
#include "pipeline/tracing/traced_record.h"
#include "state/user_store.h"

namespace weir {

/// Finds the store of an input partition; the partition is always one the worker owns.
using StoreOf = std::function<state::UserStore&(std::int32_t partition)>;

class EventPath {
 public:
  /// `scorer` may be null: every verdict is then made by the cost rule alone and says so in
  /// `degraded`. `engine` may be null: declared features are then not computed. `schemas` may be
  /// null: no record is then in a registered format. Everything passed by reference or pointer must
  /// outlive the path.
  EventPath(const operators::Settings& settings, Scorer* scorer, StoreOf store_of,
            telemetry::WorkerMetrics& metrics, operators::FeatureEngine* engine = nullptr,
            SchemaSource* schemas = nullptr);
  ~EventPath();

  /// Runs a batch. Appends verdicts, features and dead letters to `out`, in input order per
  /// partition; stages state. Every non-tombstone record leaves exactly one verdict or one dead
  /// letter. An Error leaves `out` and the staged state unusable: the caller rolls back. `poison`
  /// marks offsets that must not be scored (see poison_guard.h).
  Status process(std::span<const RawRecord> records, std::vector<OutputRecord>& out,
                 const std::function<bool(const RawRecord&)>& is_poison = {});

  /// Of the last batch: its records in sampled traces, and when each step ran. Until the next one.
  [[nodiscard]] std::span<const tracing::TracedRecord> traced() const;
  [[nodiscard]] std::span<const tracing::StepTime> step_times() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weir
