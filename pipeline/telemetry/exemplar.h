#pragma once
// One trace that fell into a histogram's bucket: from a figure to a payment that made it.

#include <atomic>
#include <cstdint>
#include <optional>

#include "pipeline/core/trace_context.h"

namespace weir::telemetry {

struct Exemplar {
  TraceContext trace;  // span_id: Weir's span of the payment
  double value = 0;
  std::int64_t wall_ms = 0;  // when it was observed, since the Unix epoch
};

/// The newest exemplar of one bucket. One writer, which never waits; any number of readers. A
/// sequence number, odd while a write is under way, tells a reader that it read two halves.
class ExemplarCell {
 public:
  void set(const Exemplar& exemplar) {
    const std::uint64_t begun = sequence_.load(std::memory_order_relaxed) + 1;
    sequence_.store(begun, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    trace_high_.store(exemplar.trace.trace_high, std::memory_order_relaxed);
    trace_low_.store(exemplar.trace.trace_low, std::memory_order_relaxed);
    span_id_.store(exemplar.trace.span_id, std::memory_order_relaxed);
    value_.store(exemplar.value, std::memory_order_relaxed);
    wall_ms_.store(exemplar.wall_ms, std::memory_order_relaxed);
    sequence_.store(begun + 1, std::memory_order_release);
  }

  /// nullopt: none yet, or the writer was at it again and again.
  [[nodiscard]] std::optional<Exemplar> get() const {
    constexpr int kTries = 8;
    for (int i = 0; i < kTries; ++i) {
      const std::uint64_t before = sequence_.load(std::memory_order_acquire);
      if (before == 0) return std::nullopt;
      Exemplar read;
      read.trace.trace_high = trace_high_.load(std::memory_order_relaxed);
      read.trace.trace_low = trace_low_.load(std::memory_order_relaxed);
      read.trace.span_id = span_id_.load(std::memory_order_relaxed);
      read.value = value_.load(std::memory_order_relaxed);
      read.wall_ms = wall_ms_.load(std::memory_order_relaxed);
      std::atomic_thread_fence(std::memory_order_acquire);
      const bool whole = before % 2 == 0 && sequence_.load(std::memory_order_relaxed) == before;
      if (whole) return read;
    }
    return std::nullopt;
  }

 private:
  std::atomic<std::uint64_t> sequence_{0};
  std::atomic<std::uint64_t> trace_high_{0};
  std::atomic<std::uint64_t> trace_low_{0};
  std::atomic<std::uint64_t> span_id_{0};
  std::atomic<double> value_{0};
  std::atomic<std::int64_t> wall_ms_{0};
};

}  // namespace weir::telemetry
