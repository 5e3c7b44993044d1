#pragma once
// What the event path tells of a batch, for whoever keeps spans and exemplars: the records that
// belong to a sampled trace, and when each step ran.

#include <chrono>
#include <cstdint>

#include "pipeline/core/trace_context.h"
#include "pipeline/core/transaction.h"
#include "pipeline/core/verdict.h"
#include "pipeline/telemetry/worker_metrics.h"

namespace weir::tracing {

struct TracedRecord {
  enum class Outcome : std::uint8_t { kVerdict, kRepeat, kDeadLetter, kNone };

  TraceContext own;                  // span_id: Weir's work on the record
  std::uint64_t caller_span_id = 0;  // 0: the trace begins here
  Origin origin;
  std::int64_t timestamp_ms = -1;  // of the record
  Outcome outcome = Outcome::kNone;
  Action action = Action::kApprove;  // of a verdict or its repeat
  std::uint8_t degraded = 0;         // Degraded bits
};

/// One run of a step over a whole batch.
struct StepTime {
  telemetry::Step step{};
  std::chrono::steady_clock::time_point begin;
  std::chrono::steady_clock::time_point end;
};

}  // namespace weir::tracing
