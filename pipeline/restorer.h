#pragma once
// Brings the state of newly assigned partitions to the group's committed offset: local store at
// position P, then the committed tail of the changelog. Steps and their order: ARCHITECTURE.md,
// "Restore".

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "pipeline/core/log.h"
#include "pipeline/partition.h"
#include "pipeline/telemetry/worker_metrics.h"

namespace weir {

/// Opens and removes the local store of a partition: RocksDB live, memory in replay.
class StoreHost {
 public:
  virtual ~StoreHost() = default;
  virtual Result<std::unique_ptr<state::UserStore>> open(std::int32_t partition) = 0;
  virtual Status wipe(std::int32_t partition) = 0;
};

class Restorer {
 public:
  Restorer(InputLog& input, ChangelogReader& changelog, StoreHost& stores, bool exactly_once,
           const Clock& clock, telemetry::WorkerMetrics& metrics)
      : input_(input),
        changelog_(changelog),
        stores_(stores),
        exactly_once_(exactly_once),
        clock_(clock),
        metrics_(metrics) {}

  /// Does a bounded part of the work on every partition that is opening or restoring. Partitions
  /// that are ready become kActive and flow from the right offset; ones whose state contradicts the
  /// group's offset become kStopped.
  Status step(std::map<std::int32_t, Partition>& partitions);
  /// An assignment ended: forget reading positions.
  void stop();

 private:
  Status open_stores(std::map<std::int32_t, Partition>& partitions);
  Status open_store(std::int32_t id, Partition& partition);
  Status rebuild(std::int32_t id, Partition& partition, const std::string& why);
  Status start_reading(std::map<std::int32_t, Partition>& partitions);
  Status read_some(std::map<std::int32_t, Partition>& partitions);
  Status finish(std::int32_t id, Partition& partition);
  Result<LaneOffsets> start_offsets(std::int32_t id, const Partition& partition,
                                    std::string& contradiction);
  Result<std::int64_t> start_of_labels(std::int32_t id, const Partition& partition,
                                       std::string& contradiction);

  InputLog& input_;
  ChangelogReader& changelog_;
  StoreHost& stores_;
  bool exactly_once_;
  const Clock& clock_;
  telemetry::WorkerMetrics& metrics_;
  bool reading_ = false;
  Clock::TimePoint started_{};
};

}  // namespace weir
