#pragma once
// Keeps what became of the traced records of a transaction until it commits, and makes spans of it
// then: one for each record, and below it one for each step of its batch and for the commit. A
// transaction that is given up leaves no spans; its records come again.
//
// Threading: the worker's thread. Bounded: records beyond kRecordsMax a transaction are dropped.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "pipeline/telemetry/cells.h"
#include "pipeline/tracing/span.h"
#include "pipeline/tracing/span_queue.h"
#include "pipeline/tracing/traced_record.h"

namespace weir::tracing {

class Recorder {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  static constexpr std::size_t kRecordsMax = 512;

  /// `dropped` counts spans. Both must outlive this.
  Recorder(SpanQueue& queue, telemetry::Cell& dropped);

  /// A batch of `records` went through the path, some of them traced.
  void add(std::span<const TracedRecord> traced, std::span<const StepTime> steps,
           std::size_t records);
  /// What has come so far was given to the producer.
  void sent(TimePoint begin, TimePoint end);
  /// It is committed. `wall_ms` is the wall clock at `end`, in milliseconds since the Unix epoch.
  void committed(TimePoint begin, TimePoint end, std::int64_t wall_ms, std::size_t records);
  /// It never happened.
  void forget();

 private:
  struct Batch {
    std::size_t first_step = 0;  // into steps_
    std::size_t step_count = 0;
    std::size_t records = 0;
    std::optional<StepTime> produce;  // once it was sent
  };
  struct Kept {
    TracedRecord record;
    std::size_t batch = 0;  // into batches_
  };
  static constexpr std::size_t kSpansOfRecordMax = 32;

  void make(const Kept& kept, const StepTime& commit, std::size_t commit_records,
            std::int64_t wall_offset_ns);

  SpanQueue& queue_;
  telemetry::Cell& dropped_;
  // Of the open transaction; all keep their memory.
  std::vector<StepTime> steps_;
  std::vector<Batch> batches_;
  std::vector<Kept> kept_;
  std::size_t sent_batches_ = 0;  // of batches_
  std::vector<Span> scratch_;
};

}  // namespace weir::tracing
