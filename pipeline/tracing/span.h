#pragma once
// A finished span as plain data: what crosses from a worker to the exporter, without an allocation.
// Never a user, a card or an amount.

#include <cstdint>

#include "pipeline/core/trace_context.h"
#include "pipeline/telemetry/worker_metrics.h"
#include "pipeline/tracing/traced_record.h"

namespace weir::tracing {

struct Span {
  TraceContext own;
  std::uint64_t parent_id = 0;  // 0: none
  std::int64_t begin_ns = 0;    // since the Unix epoch
  std::int64_t end_ns = 0;
  bool of_record = false;  // a record's own span; else one of its steps
  bool parent_is_remote = false;

  // Of a record.
  Origin origin;
  TracedRecord::Outcome outcome = TracedRecord::Outcome::kNone;
  Action action = Action::kApprove;
  std::uint8_t degraded = 0;

  // Of a step, which runs over many records at once.
  telemetry::Step step{};
  std::uint32_t records = 0;
};

}  // namespace weir::tracing
