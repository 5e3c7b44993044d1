#pragma once
// Spans on their way from one worker to the exporter: a ring with one writer and one reader. The
// writer never waits: what finds no room is dropped, a trace whole or not at all.

#include <atomic>
#include <cstddef>
#include <span>
#include <vector>

#include "pipeline/tracing/span.h"

namespace weir::tracing {

class SpanQueue {
 public:
  /// Room for `capacity` spans, taken at once.
  explicit SpanQueue(std::size_t capacity) : slots_(capacity) {}

  /// Writer only. False: there is no room for all of them, and none was taken.
  bool push(std::span<const Span> spans) {
    const std::size_t written = written_.load(std::memory_order_relaxed);
    const std::size_t used = written - read_.load(std::memory_order_acquire);
    if (spans.size() > slots_.size() - used) return false;
    for (std::size_t i = 0; i < spans.size(); ++i) slots_[(written + i) % slots_.size()] = spans[i];
    written_.store(written + spans.size(), std::memory_order_release);
    return true;
  }

  /// Reader only. Appends at most `max` spans, oldest first; returns how many.
  std::size_t pop(std::vector<Span>& to, std::size_t max) {
    const std::size_t read = read_.load(std::memory_order_relaxed);
    const std::size_t there = written_.load(std::memory_order_acquire) - read;
    const std::size_t count = there < max ? there : max;
    for (std::size_t i = 0; i < count; ++i) to.push_back(slots_[(read + i) % slots_.size()]);
    read_.store(read + count, std::memory_order_release);
    return count;
  }

 private:
  std::vector<Span> slots_;
  std::atomic<std::size_t> written_{0};
  std::atomic<std::size_t> read_{0};
};

}  // namespace weir::tracing
