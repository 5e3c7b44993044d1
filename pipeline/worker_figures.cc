// What a worker says about itself: readiness, gauges.

#include <algorithm>

#include "pipeline/worker.h"

namespace weir {
namespace {

using Phase = Partition::Phase;

}  // namespace

bool Worker::has_progress() const {
  return std::ranges::any_of(
      partitions_, [](const auto& p) { return p.second.store && p.second.has_progress(); });
}

std::size_t Worker::staged_bytes() const {
  std::size_t bytes = 0;
  for (const auto& [id, partition] : partitions_) {
    if (partition.store) bytes += partition.store->staged_bytes();
  }
  return bytes;
}

bool Worker::ready() const {
  return joined_ && std::ranges::all_of(partitions_, [](const auto& p) {
           return p.second.phase == Phase::kActive || p.second.phase == Phase::kRewinding;
         });
}

bool Worker::has_stopped_partition() const {
  return std::ranges::any_of(partitions_,
                             [](const auto& p) { return p.second.phase == Phase::kStopped; });
}

void Worker::count_lookups(Partition& partition) {
  if (!partition.store) return;
  const auto lookups = partition.store->take_lookups();
  metrics_.hot_hits.add(static_cast<double>(lookups.hits));
  metrics_.hot_misses.add(static_cast<double>(lookups.misses));
}

Worker::Lag Worker::lag_of(std::int32_t id, const Partition& partition) const {
  const bool restored = partition.phase != Phase::kOpening && partition.phase != Phase::kRestoring;
  const auto next = restored ? partition.committed_next.events : partition.committed.events;
  const auto behind = ports_.input.known_end(id, Lane::kEvents) - std::max<std::int64_t>(next, 0);
  // Behind the last record there may be markers of transactions, which nobody waits for.
  if (behind <= 0 || (!partition.has_progress() && ports_.input.at_end(id, Lane::kEvents))) {
    return {};
  }
  // Before the first record nobody knows how old it is: at least as old as the assignment.
  const auto since_ms =
      partition.last_timestamp_ms > 0 ? partition.last_timestamp_ms : partition.assigned_ms;
  return {static_cast<double>(behind),
          static_cast<double>(ports_.clock.wall_ms() - since_ms) / 1e3};
}

void Worker::update_gauges() {
  gauges_at_ = ports_.clock.now();
  double lag = 0;
  double label_lag = 0;
  double lag_seconds = 0;
  double hot_bytes = 0;
  double hot_users = 0;
  double dirty = 0;
  double disk = 0;
  double restored = 0;
  double stopped = 0;
  for (auto& [id, partition] : partitions_) {
    if (partition.phase == Phase::kActive || partition.phase == Phase::kRewinding) ++restored;
    if (partition.phase == Phase::kStopped) ++stopped;
    const Lag waiting = lag_of(id, partition);
    lag += waiting.records;
    lag_seconds = std::max(lag_seconds, waiting.seconds);
    if (!partition.store) continue;
    partition.store->set_hot_bytes(options_.hot_bytes / partitions_.size());
    hot_bytes += static_cast<double>(partition.store->hot_bytes());
    hot_users += static_cast<double>(partition.store->hot_users());
    dirty += static_cast<double>(partition.store->dirty_bytes());
    disk += static_cast<double>(partition.store->disk_bytes());
    count_lookups(partition);
    if (partition.reads_labels) {
      const auto unread =
          ports_.input.known_end(id, Lane::kLabels) - partition.committed_next.labels;
      label_lag += static_cast<double>(std::max<std::int64_t>(unread, 0));
    }
  }
  metrics_.lag_records.set(lag);
  metrics_.label_lag_records.set(label_lag);
  metrics_.lag_seconds.set(lag_seconds);
  metrics_.hot_bytes.set(hot_bytes);
  metrics_.hot_users.set(hot_users);
  metrics_.dirty_bytes.set(dirty);
  metrics_.state_disk_bytes.set(disk);
  metrics_.assigned_partitions.set(static_cast<double>(partitions_.size()));
  metrics_.restored_partitions.set(restored);
  metrics_.stopped_partitions.set(stopped);
}

}  // namespace weir
