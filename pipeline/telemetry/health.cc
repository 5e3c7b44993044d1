#include "pipeline/telemetry/health.h"

#include <fmt/format.h>

namespace weir::telemetry {

std::string_view to_string(WorkerPhase phase) {
  switch (phase) {
    case WorkerPhase::kStarting:
      return "starting";
    case WorkerPhase::kJoining:
      return "joining the group";
    case WorkerPhase::kStopped:
      return "a partition is stopped, see the log";
    case WorkerPhase::kRestoring:
      return "restoring state";
    case WorkerPhase::kRunning:
      return "running";
    case WorkerPhase::kDraining:
      return "draining";
    case WorkerPhase::kFailed:
      return "failed";
  }
  return "failed";
}

Health::Health(const Clock& clock, std::size_t workers, std::chrono::milliseconds patience)
    : clock_(clock), patience_(patience), needed_(workers) {
  for (std::size_t i = 0; i < workers; ++i) workers_.emplace_back(clock);
}

std::vector<std::string> Health::waiting_for() const {
  std::vector<std::string> reasons;
  for (std::size_t i = 0; i < needed_; ++i) {
    const WorkerPhase phase = workers_[i].phase();
    if (phase != WorkerPhase::kRunning)
      reasons.push_back(fmt::format("worker-{}: {}", i, to_string(phase)));
  }
  return reasons;
}

std::vector<std::string> Health::stalled() const {
  std::vector<std::string> reasons;
  const auto now = clock_.now();
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    const auto silence = now - workers_[i].last_beat();
    if (silence <= patience_) continue;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(silence).count();
    reasons.push_back(fmt::format("worker-{}: no heartbeat for {}s", i, seconds));
  }
  return reasons;
}

}  // namespace weir::telemetry
