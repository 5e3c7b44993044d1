#include "pipeline/replay/memory_log.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "pipeline/core/partitioner.h"

namespace weir::replay {

// -- cluster

void MemoryCluster::publish(std::string key, std::string value, std::int64_t timestamp_ms,
                            std::int32_t partition, Lane lane) {
  StoredRecord record;
  record.lane = lane;
  record.partition = partition >= 0 ? partition : partition_of_key(key, partitions_);
  record.offset = input_end[{lane, record.partition}]++;
  record.timestamp_ms = timestamp_ms;
  record.tombstone = value.empty();
  record.key = std::move(key);
  record.value = std::move(value);
  input.push_back(std::move(record));
}

// -- input

Status MemoryInput::open(AssignmentListener& listener) {
  listener_ = &listener;
  std::vector<std::int32_t> all(static_cast<std::size_t>(cluster_.partitions()));
  std::iota(all.begin(), all.end(), 0);
  pending_ = {std::move(all), false};
  return ok();
}

void MemoryInput::reassign(std::vector<std::int32_t> partitions, bool lost) {
  pending_ = {std::move(partitions), lost};
}

void MemoryInput::rebalance() {
  auto [partitions, lost] = *std::exchange(pending_, std::nullopt);
  if (!positions_.empty()) {
    std::vector<std::int32_t> old;
    for (const auto& [input, position] : positions_) {
      if (input.first == Lane::kEvents) old.push_back(input.second);
    }
    listener_->revoked(old, lost);
    positions_.clear();
  }
  const auto offsets = committed(partitions);
  for (const auto& offset : *offsets) positions_[{offset.lane, offset.partition}] = {};
  cursor_ = 0;
  if (!partitions.empty()) listener_->assigned(*offsets);
}

Status MemoryInput::poll(std::vector<RawRecord>& out, std::size_t max, std::chrono::milliseconds) {
  out.clear();
  if (pending_) rebalance();
  bool before_is_done = true;
  for (std::size_t i = cursor_; i < cluster_.input.size() && out.size() < max; ++i) {
    const auto& record = cluster_.input[i];
    const auto found = positions_.find({record.lane, record.partition});
    const bool ours = found != positions_.end();
    if (ours && found->second.flowing && record.offset == found->second.next) {
      found->second.next = record.offset + 1;
      out.push_back({record.partition,
                     record.offset,
                     record.timestamp_ms,
                     record.key,
                     record.value,
                     record.tombstone,
                     {},
                     record.lane});
    }
    const bool done = !ours || record.offset < found->second.next;
    before_is_done = before_is_done && done;
    if (before_is_done) cursor_ = i + 1;
  }
  return ok();
}

Result<std::vector<PartitionOffset>> MemoryInput::committed(
    std::span<const std::int32_t> partitions) {
  std::vector<PartitionOffset> offsets;
  for (const auto lane : lanes()) {
    for (const auto id : partitions) {
      const auto found = cluster_.group_offsets.find({lane, id});
      offsets.push_back({id, found == cluster_.group_offsets.end() ? -1 : found->second, lane});
    }
  }
  return offsets;
}

std::int64_t MemoryInput::known_end(std::int32_t partition, Lane lane) const {
  const auto found = cluster_.input_end.find({lane, partition});
  return found == cluster_.input_end.end() ? 0 : found->second;
}

bool MemoryInput::at_end(std::int32_t partition, Lane lane) const {
  const auto found = positions_.find({lane, partition});
  return found != positions_.end() && found->second.next >= known_end(partition, lane);
}

Status MemoryInput::resume_at(std::span<const PartitionOffset> positions) {
  for (const auto& p : positions) positions_[{p.lane, p.partition}] = {p.next_offset, true};
  cursor_ = 0;
  return ok();
}

Status MemoryInput::pause(std::span<const std::int32_t> partitions) {
  for (const auto lane : lanes()) {
    for (const auto id : partitions) positions_[{lane, id}].flowing = false;
  }
  return ok();
}

void MemoryInput::close() {
  pending_ = {std::vector<std::int32_t>{}, false};
  rebalance();
}

bool MemoryInput::drained() const {
  return !pending_ && std::ranges::all_of(positions_, [&](const auto& p) {
    return p.second.flowing && p.second.next >= known_end(p.first.second, p.first.first);
  });
}

// -- output

TxnResult MemoryOutput::begin() {
  open_.clear();
  return fault("begin");
}

TxnResult MemoryOutput::send(OutputRecord&& record) {
  auto result = fault("send", &record);
  if (result.outcome == TxnOutcome::kCommitted) open_.push_back(std::move(record));
  return result;
}

std::int64_t MemoryOutput::changelog_position(std::int32_t partition) const {
  const auto found = cluster_.changelog_end.find(partition);
  const auto kept = found == cluster_.changelog_end.end() ? 0 : found->second;
  const auto added = std::ranges::count_if(open_, [&](const OutputRecord& r) {
    return r.stream == Stream::kChangelog && r.partition == partition;
  });
  return kept + added;
}

TxnResult MemoryOutput::commit(std::span<const PartitionOffset> offsets) {
  auto result = fault("commit");
  if (result.outcome != TxnOutcome::kCommitted) return result;
  for (auto& record : open_) {
    if (record.stream == Stream::kChangelog) {
      ++cluster_.changelog_end[record.partition];
      if (!cluster_.keep_changelog) continue;
      auto& log = cluster_.changelog[record.partition];
      log.push_back({record.partition, static_cast<std::int64_t>(log.size()), -1, record.key,
                     record.value, false});
    } else if (cluster_.sink) {
      cluster_.sink(record);
    } else {
      cluster_.committed.push_back(std::move(record));
    }
  }
  open_.clear();
  for (const auto& o : offsets) cluster_.group_offsets[{o.lane, o.partition}] = o.next_offset;
  return fault("committed");
}

Status MemoryOutput::abort() {
  open_.clear();
  return ok();
}

// -- changelog

Result<std::pair<std::int64_t, std::int64_t>> MemoryChangelogReader::bounds(
    std::int32_t partition) {
  const auto found = cluster_.changelog.find(partition);
  const std::int64_t end =
      found == cluster_.changelog.end() ? 0 : static_cast<std::int64_t>(found->second.size());
  return std::pair{std::int64_t{0}, end};
}

Status MemoryChangelogReader::start(std::span<const PartitionOffset> positions) {
  positions_.clear();
  for (const auto& p : positions) positions_[p.partition] = p.next_offset;
  return ok();
}

Status MemoryChangelogReader::read(std::chrono::milliseconds,
                                   const std::function<Status(const Record&)>& sink) {
  constexpr int kRecordsPerRead = 100;  // several turns for a longer tail, as with a real log
  for (auto& [id, position] : positions_) {
    const auto found = cluster_.changelog.find(id);
    if (found == cluster_.changelog.end()) continue;
    const auto end = std::min<std::int64_t>(static_cast<std::int64_t>(found->second.size()),
                                            position + kRecordsPerRead);
    while (position < end) {
      const auto& record = found->second[static_cast<std::size_t>(position)];
      WEIR_RETURN_IF_ERROR(sink({id, record.offset, record.key, record.value, record.tombstone}));
      ++position;
    }
  }
  return ok();
}

std::int64_t MemoryChangelogReader::position(std::int32_t partition) const {
  const auto found = positions_.find(partition);
  return found == positions_.end() ? -1 : found->second;
}

}  // namespace weir::replay
