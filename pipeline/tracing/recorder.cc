#include "pipeline/tracing/recorder.h"

#include <algorithm>

namespace weir::tracing {
namespace {

using telemetry::Step;

std::int64_t nanoseconds(Recorder::TimePoint time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

/// Another id for each step of a span, and the same again for the same span (splitmix64).
std::uint64_t step_id(std::uint64_t span_id, std::size_t number) {
  std::uint64_t x = span_id + 0x9e3779b97f4a7c15U * (number + 1);
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
  x ^= x >> 31U;
  return x != 0 ? x : 1;
}

}  // namespace

Recorder::Recorder(SpanQueue& queue, telemetry::Cell& dropped) : queue_(queue), dropped_(dropped) {
  kept_.reserve(kRecordsMax);
  scratch_.reserve(kSpansOfRecordMax);
}

void Recorder::add(std::span<const TracedRecord> traced, std::span<const StepTime> steps,
                   std::size_t records) {
  if (traced.empty()) return;
  const std::size_t room = kRecordsMax - kept_.size();
  const auto taken = traced.first(std::min(room, traced.size()));
  // A record that is not taken would have had one span, and one for each step, produce and commit.
  const std::size_t spans_each = steps.size() + 3;
  if (taken.size() < traced.size()) {
    dropped_.add(static_cast<double>((traced.size() - taken.size()) * spans_each));
  }
  if (taken.empty()) return;
  for (const TracedRecord& record : taken) kept_.push_back({record, batches_.size()});
  batches_.push_back({steps_.size(), steps.size(), records, std::nullopt});
  steps_.insert(steps_.end(), steps.begin(), steps.end());
}

void Recorder::sent(TimePoint begin, TimePoint end) {
  for (; sent_batches_ < batches_.size(); ++sent_batches_) {
    batches_[sent_batches_].produce = {Step::kProduce, begin, end};
  }
}

void Recorder::committed(TimePoint begin, TimePoint end, std::int64_t wall_ms,
                         std::size_t records) {
  const std::int64_t wall_offset_ns = wall_ms * 1'000'000 - nanoseconds(end);
  for (const Kept& kept : kept_) make(kept, {Step::kCommit, begin, end}, records, wall_offset_ns);
  forget();
}

void Recorder::make(const Kept& kept, const StepTime& commit, std::size_t commit_records,
                    std::int64_t wall_offset_ns) {
  const Batch& batch = batches_[kept.batch];
  const auto steps = std::span(steps_).subspan(batch.first_step, batch.step_count);
  scratch_.clear();

  Span whole;
  whole.own = kept.record.own;
  whole.parent_id = kept.record.caller_span_id;
  whole.parent_is_remote = whole.parent_id != 0;
  whole.begin_ns = nanoseconds(steps.empty() ? commit.begin : steps.front().begin) + wall_offset_ns;
  whole.end_ns = nanoseconds(commit.end) + wall_offset_ns;
  whole.of_record = true;
  whole.origin = kept.record.origin;
  whole.outcome = kept.record.outcome;
  whole.action = kept.record.action;
  whole.degraded = kept.record.degraded;
  scratch_.push_back(whole);

  const auto add_step = [&](const StepTime& time, std::size_t of_records) {
    Span step;
    step.own = whole.own;
    step.own.span_id = step_id(whole.own.span_id, scratch_.size());
    step.parent_id = whole.own.span_id;
    step.begin_ns = nanoseconds(time.begin) + wall_offset_ns;
    step.end_ns = nanoseconds(time.end) + wall_offset_ns;
    step.step = time.step;
    step.records = static_cast<std::uint32_t>(of_records);
    scratch_.push_back(step);
  };
  for (const StepTime& time : steps) add_step(time, batch.records);
  if (batch.produce) add_step(*batch.produce, batch.records);
  add_step(commit, commit_records);
  if (!queue_.push(scratch_)) dropped_.add(static_cast<double>(scratch_.size()));
}

void Recorder::forget() {
  steps_.clear();
  batches_.clear();
  kept_.clear();
  sent_batches_ = 0;
}

}  // namespace weir::tracing
