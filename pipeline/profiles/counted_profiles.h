#pragma once
// The shared table as one worker sees it: the same answers, counted in that worker's own metrics.
// So operators know nothing of metrics, and no cell has two writers.

#include <chrono>
#include <cstddef>

#include "operators/features/profile.h"
#include "pipeline/profiles/profile_table.h"
#include "pipeline/telemetry/worker_metrics.h"

namespace weir {

class CountedProfiles final : public operators::ProfileSource {
 public:
  /// Both must outlive this; `metrics` is written by the thread that calls find().
  CountedProfiles(const ProfileTable& table, telemetry::WorkerMetrics& metrics)
      : table_(table), metrics_(metrics) {}

  operators::ProfileState find(state::EntityKind kind, std::string_view id,
                               std::uint64_t plan_digest, std::span<double> values,
                               operators::ProfileVersion& version,
                               std::vector<operators::LabelledRow>* rows) const override {
    const auto [state, staleness] = table_.look_up(kind, id, plan_digest, values, version, rows);
    metrics_.profile_lookups[static_cast<std::size_t>(state)].add();
    if (staleness) {
      metrics_.profile_staleness_seconds.observe(std::chrono::duration<double>(*staleness).count());
    }
    return state;
  }

 private:
  static_assert(
      telemetry::kProfileStateNames[static_cast<std::size_t>(operators::ProfileState::kCurrent)] ==
      "current");
  static_assert(
      telemetry::kProfileStateNames[static_cast<std::size_t>(operators::ProfileState::kDown)] ==
      "down");

  const ProfileTable& table_;
  telemetry::WorkerMetrics& metrics_;
};

}  // namespace weir
