#pragma once
// When to commit. Delay wants short intervals, throughput long ones: the interval starts at the
// configured value, grows while the input has a backlog or commits take more than a quarter of the
// time, and shrinks back when they do not.

#include <algorithm>
#include <chrono>

#include "pipeline/core/clock.h"

namespace weir {

struct CommitPacing {
  std::chrono::milliseconds interval{20};
  /// Longest interval under load. Delay no longer matters behind a backlog, the cost of a commit
  /// does.
  std::chrono::milliseconds interval_max{250};
  /// Nothing is produced for this long after a commit: the broker writes the last transaction's
  /// markers meanwhile, and a record sent before it is done costs a refused AddPartitions and 20 ms
  /// (librdkafka's fixed retry).
  std::chrono::milliseconds settle{2};
  std::size_t records_max = 50'000;
  std::size_t staged_bytes_max = 64U << 20;
};

class CommitPacer {
 public:
  explicit CommitPacer(const CommitPacing& pacing) : pacing_(pacing), interval_(pacing.interval) {}

  /// Something was staged at `now`; `backlog`: the poll came back full.
  void staged(Clock::TimePoint now, std::size_t records, bool backlog) {
    if (records_ == 0) {
      first_ = now;
      backlog_ = true;
    }
    records_ += records;
    backlog_ = backlog_ && backlog;
  }
  [[nodiscard]] bool due(Clock::TimePoint now, std::size_t staged_bytes) const {
    return records_ > 0 && (now - first_ >= interval_ || records_ >= pacing_.records_max ||
                            staged_bytes >= pacing_.staged_bytes_max);
  }
  [[nodiscard]] bool settled(Clock::TimePoint now) const { return now >= settled_at_; }
  /// How long the next poll may wait for a first record.
  [[nodiscard]] std::chrono::milliseconds patience(Clock::TimePoint now, bool unsent) const {
    using std::chrono::milliseconds;
    if (records_ == 0) return milliseconds(50);
    auto left = interval_ - (now - first_);
    if (unsent) left = std::min<std::chrono::nanoseconds>(left, settled_at_ - now);
    return std::clamp(std::chrono::ceil<milliseconds>(left), milliseconds(0), milliseconds(50));
  }
  void committed(Clock::TimePoint started, Clock::TimePoint now) {
    const auto cost = std::chrono::ceil<std::chrono::milliseconds>(now - started);
    const auto wanted = backlog_ ? interval_ * 2 : interval_ / 2;
    interval_ = std::clamp(std::max(wanted, cost * 4), pacing_.interval,
                           std::max(pacing_.interval, pacing_.interval_max));
    settled_at_ = now + pacing_.settle;
    records_ = 0;
  }
  void aborted() { records_ = 0; }
  [[nodiscard]] std::chrono::milliseconds interval() const { return interval_; }
  [[nodiscard]] std::size_t records() const { return records_; }

 private:
  CommitPacing pacing_;
  std::chrono::milliseconds interval_;
  Clock::TimePoint first_{};
  Clock::TimePoint settled_at_{};
  std::size_t records_ = 0;
  bool backlog_ = false;
};

}  // namespace weir
