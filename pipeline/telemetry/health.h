#pragma once
// Whether this process lives and is ready, as probes ask. Workers say where they are and that they
// move; the admin thread reads. Atomics only, one writer each, so neither side ever waits for the
// other.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/core/clock.h"

namespace weir::telemetry {

/// Where a worker is. Only kRunning is ready.
enum class WorkerPhase : std::uint8_t {
  kStarting,   // loading the model, opening producers
  kJoining,    // waiting for its place in the group
  kRestoring,  // partitions assigned, state being read back
  kStopped,    // a partition waits for help or time; its reason is in the log
  kRunning,    // assigned (maybe nothing, when there are more workers than partitions) and restored
  kDraining,   // told to stop
  kFailed,     // stopped with an error
};
std::string_view to_string(WorkerPhase phase);

/// One worker's entry; written by that worker's thread alone.
class WorkerHealth {
 public:
  explicit WorkerHealth(const Clock& clock) : clock_(clock) { beat(); }
  /// "I move": once a turn of the worker's loop, and inside long steps such as a restore.
  void beat() { last_beat_.store(clock_.now(), std::memory_order_relaxed); }
  void set_phase(WorkerPhase phase) {
    phase_.store(phase, std::memory_order_relaxed);
    beat();
  }
  [[nodiscard]] WorkerPhase phase() const { return phase_.load(std::memory_order_relaxed); }
  [[nodiscard]] Clock::TimePoint last_beat() const {
    return last_beat_.load(std::memory_order_relaxed);
  }

 private:
  const Clock& clock_;
  std::atomic<Clock::TimePoint> last_beat_;
  std::atomic<WorkerPhase> phase_{WorkerPhase::kStarting};
};

/// All workers of the process. `clock` must outlive it and be callable from every thread.
class Health {
 public:
  Health(const Clock& clock, std::size_t workers,
         std::chrono::milliseconds patience = std::chrono::seconds(150));

  [[nodiscard]] WorkerHealth& worker(std::size_t index) { return workers_.at(index); }
  /// Readiness asks for the first workers only: what the others do, payments need not wait for.
  void need_only_first(std::size_t workers) { needed_ = workers; }
  /// What readiness still waits for, "worker-0: restoring" each; empty when ready.
  [[nodiscard]] std::vector<std::string> waiting_for() const;
  /// Workers without a beat for longer than `patience`, "worker-0: no heartbeat for 31s" each;
  /// empty when alive.
  [[nodiscard]] std::vector<std::string> stalled() const;

 private:
  const Clock& clock_;
  std::chrono::milliseconds patience_;
  std::size_t needed_;
  std::deque<WorkerHealth> workers_;  // a deque, because atomics cannot move
};

}  // namespace weir::telemetry
