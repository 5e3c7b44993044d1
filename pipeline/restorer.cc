#include "pipeline/restorer.h"

#include <algorithm>
#include <vector>

#include <fmt/core.h>

#include "pipeline/telemetry/log.h"

namespace weir {
namespace {

using Phase = Partition::Phase;
constexpr int kMismatchesMax = 3;
constexpr int kRebuildsMax = 2;
constexpr std::chrono::milliseconds kReadWait{20};

bool any(const std::map<std::int32_t, Partition>& partitions, Phase phase) {
  return std::ranges::any_of(partitions, [&](const auto& p) { return p.second.phase == phase; });
}

}  // namespace

Status Restorer::step(std::map<std::int32_t, Partition>& partitions) {
  if (any(partitions, Phase::kOpening)) {
    WEIR_RETURN_IF_ERROR(open_stores(partitions));
    WEIR_RETURN_IF_ERROR(start_reading(partitions));
  }
  if (any(partitions, Phase::kRestoring)) return read_some(partitions);
  if (reading_) {
    metrics_.restore_seconds.set(std::chrono::duration<double>(clock_.now() - started_).count());
    stop();
  }
  return ok();
}

void Restorer::stop() {
  if (reading_) changelog_.stop();
  reading_ = false;
  metrics_.restore_remaining_records.set(0);
}

Status Restorer::open_stores(std::map<std::int32_t, Partition>& partitions) {
  for (auto& [id, partition] : partitions) {
    if (partition.phase != Phase::kOpening || partition.store) continue;
    WEIR_RETURN_IF_ERROR(open_store(id, partition));
  }
  return ok();
}

Status Restorer::open_store(std::int32_t id, Partition& partition) {
  auto opened = stores_.open(id);
  if (!opened) {
    if (opened.error().kind != ErrorKind::kFatal) return opened.error();
    return rebuild(id, partition, opened.error().message);
  }
  partition.store = *std::move(opened);
  return ok();
}

Status Restorer::rebuild(std::int32_t id, Partition& partition, const std::string& why) {
  if (++partition.rebuilds > kRebuildsMax) {
    return fatal(
        fmt::format("partition {}: the local store was rebuilt {} times and is refused again: {}",
                    id, kRebuildsMax, why));
  }
  log_warn("partition {}: the local store is refused and rebuilt from the changelog: {}", id, why);
  metrics_.store_rebuilds.add();
  partition.store.reset();
  WEIR_RETURN_IF_ERROR(stores_.wipe(id));
  auto opened = stores_.open(id);
  if (!opened) return opened.error();
  partition.store = *std::move(opened);
  partition.phase = Phase::kOpening;
  return ok();
}

Status Restorer::start_reading(std::map<std::int32_t, Partition>& partitions) {
  std::vector<PartitionOffset> positions;
  for (auto& [id, partition] : partitions) {
    if (partition.phase != Phase::kOpening && partition.phase != Phase::kRestoring) continue;
    // The target is asked after the committed offset: markers reach partitions at different times,
    // and the offset may already be visible while the changelog's marker is not.
    const auto bounds = changelog_.bounds(id);
    if (!bounds) return bounds.error();
    const auto [low, high] = *bounds;
    auto from = partition.store->restore_from();
    if (from > high || (from > 0 && from < low)) {
      WEIR_RETURN_IF_ERROR(
          rebuild(id, partition,
                  fmt::format("it stands at changelog position {}, the topic holds {} to {}", from,
                              low, high)));
      from = partition.store->restore_from();
    }
    from = std::max(from, low);
    partition.restore_target = high;
    if (from < high) {
      positions.push_back({id, from});
    } else {
      WEIR_RETURN_IF_ERROR(partition.store->finish_restore(high));
      WEIR_RETURN_IF_ERROR(finish(id, partition));
    }
  }
  if (positions.empty()) return ok();
  if (!reading_) started_ = clock_.now();
  WEIR_RETURN_IF_ERROR(changelog_.start(positions));
  reading_ = true;
  for (const auto& position : positions)
    partitions.at(position.partition).phase = Phase::kRestoring;
  return ok();
}

Status Restorer::read_some(std::map<std::int32_t, Partition>& partitions) {
  double read = 0;
  std::int32_t damaged = -1;
  auto status = changelog_.read(kReadWait, [&](const ChangelogReader::Record& record) -> Status {
    const auto found = partitions.find(record.partition);
    if (found == partitions.end() || found->second.phase != Phase::kRestoring) return ok();
    ++read;
    auto applied = found->second.store->restore(record.key, record.value, record.offset);
    if (!applied) damaged = record.partition;
    return applied;
  });
  metrics_.restore_records.add(read);
  if (!status) {
    if (damaged < 0 || status.error().kind != ErrorKind::kFatal) return status;
    // Store or changelog: a rebuilt store tells them apart, since the same record is then refused
    // again.
    WEIR_RETURN_IF_ERROR(rebuild(damaged, partitions.at(damaged), status.error().message));
    return start_reading(partitions);
  }
  double remaining = 0;
  for (auto& [id, partition] : partitions) {
    if (partition.phase != Phase::kRestoring) continue;
    const auto position = changelog_.position(id);
    if (position < partition.restore_target) {
      remaining +=
          static_cast<double>(partition.restore_target - std::max<std::int64_t>(position, 0));
      continue;
    }
    WEIR_RETURN_IF_ERROR(partition.store->finish_restore(position));
    WEIR_RETURN_IF_ERROR(finish(id, partition));
  }
  metrics_.restore_remaining_records.set(remaining);
  return ok();
}

Status Restorer::finish(std::int32_t id, Partition& partition) {
  std::string contradiction;
  const auto start = start_offsets(id, partition, contradiction);
  if (!start) return start.error();
  if (!contradiction.empty()) {
    if (++partition.mismatches >= kMismatchesMax) {
      partition.phase = Phase::kStopped;
      partition.retry_at = Clock::TimePoint::max();
      partition.why_stopped = contradiction;
      log_error("partition {} stopped: {}", id, contradiction);
      return ok();
    }
    // A worker that was stopped between the two questions sees this once: ask both again.
    const std::int32_t ids[] = {id};
    const auto committed = input_.committed(ids);
    if (!committed) return committed.error();
    for (const auto& offset : *committed) partition.committed[offset.lane] = offset.next_offset;
    partition.phase = Phase::kOpening;
    return ok();
  }
  partition.next = partition.committed_next = *start;
  partition.phase = Phase::kActive;
  partition.mismatches = 0;
  std::vector<PartitionOffset> positions;
  partition.append_offsets(id, *start, positions);
  return input_.resume_at(positions);
}

Result<LaneOffsets> Restorer::start_offsets(std::int32_t id, const Partition& partition,
                                            std::string& contradiction) {
  const auto labels = start_of_labels(id, partition, contradiction);
  if (!labels) return labels.error();
  const auto record = partition.store->last_commit();
  const auto committed = partition.committed.events;
  if (!record && committed < 0) {
    const auto first = input_.first_offset(id, Lane::kEvents);
    if (!first) return first.error();
    return LaneOffsets{*first, *labels};
  }
  if (!record) {
    contradiction = fmt::format(
        "the group's committed offset is {} but the changelog has no commit record: the state of "
        "this partition is lost or "
        "belongs to another group. Restore the changelog topic, or reset the group's offset to "
        "start with empty state",
        committed);
    return LaneOffsets{committed, *labels};
  }
  if (committed < 0) {
    log_warn(
        "partition {}: the group has no committed offset; going on at {} as the changelog's commit "
        "record says",
        id, record->next_offset);
    return LaneOffsets{record->next_offset, *labels};
  }
  // at_least_once writes the commit record before it commits the offset: a crash in between leaves
  // the offset behind.
  const bool agrees =
      committed == record->next_offset || (!exactly_once_ && committed < record->next_offset);
  if (!agrees) {
    contradiction = fmt::format(
        "the group's committed offset is {}, the changelog's last commit record says {}: a torn "
        "transaction, or the "
        "group's offset was changed by hand. Set the offset to {} to go on, or give Weir a new "
        "group and changelog topic",
        committed, record->next_offset, record->next_offset);
  }
  return LaneOffsets{record->next_offset, *labels};
}

/// A label that is read again changes nothing, so in doubt the earlier place is the right one.
Result<std::int64_t> Restorer::start_of_labels(std::int32_t id, const Partition& partition,
                                               std::string& contradiction) {
  const auto record = partition.store->last_commit();
  const auto committed = partition.committed.labels;
  const std::int64_t recorded = record ? record->next_label : -1;
  if (!partition.reads_labels) return recorded;
  if (!record) return input_.first_offset(id, Lane::kLabels);
  if (recorded < 0) {  // labels were not read so far
    return committed >= 0 ? committed : input_.first_offset(id, Lane::kLabels);
  }
  if (exactly_once_ && committed >= 0 && committed != recorded) {
    contradiction = fmt::format(
        "the group's committed offset in the labels is {}, the changelog's last commit record says "
        "{}: a torn transaction, or the group's offset was changed by hand. Set the offset to {} "
        "to go on",
        committed, recorded, recorded);
  }
  return recorded;
}

}  // namespace weir
