#pragma once
// The log in memory, behind the same ports as Kafka: replay, and tests of the worker. Transactions
// are atomic, the input is one sequence in a fixed order, the changelog keeps every committed
// record. A FaultPlan lets a test fail any call; replay has none.

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/core/log.h"

namespace weir::replay {

struct StoredRecord {
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::int64_t timestamp_ms = -1;
  std::string key;
  std::string value;
  bool tombstone = false;
  Lane lane = Lane::kEvents;  // of input
};

/// What outlives a worker: the topics and the group's offsets. Shared by the ports below; one
/// thread.
class MemoryCluster {
 public:
  explicit MemoryCluster(std::int32_t partitions) : partitions_(partitions) {}

  /// A partition in one lane.
  using Input = std::pair<Lane, std::int32_t>;

  /// Appends to an input topic; the partition follows the key (murmur2) unless given.
  void publish(std::string key, std::string value, std::int64_t timestamp_ms = -1,
               std::int32_t partition = -1, Lane lane = Lane::kEvents);
  [[nodiscard]] std::int32_t partitions() const { return partitions_; }

  /// Sees every record when its transaction commits, in order. Without a sink records are kept in
  /// `committed`.
  std::function<void(const OutputRecord&)> sink;
  std::vector<OutputRecord> committed;
  bool keep_changelog = true;

  std::deque<StoredRecord> input;  // in order of publication, all lanes and partitions
  std::map<std::int32_t, std::vector<StoredRecord>> changelog;  // committed records
  std::map<Input, std::int64_t> group_offsets;
  std::map<Input, std::int64_t> input_end;
  std::map<std::int32_t, std::int64_t> changelog_end;  // counts on when the records are not kept

 private:
  std::int32_t partitions_;
};

class MemoryInput final : public InputLog {
 public:
  explicit MemoryInput(MemoryCluster& cluster, bool reads_labels = false)
      : cluster_(cluster), reads_labels_(reads_labels) {}

  Status open(AssignmentListener& listener) override;
  Status poll(std::vector<RawRecord>& out, std::size_t max,
              std::chrono::milliseconds timeout) override;
  Result<std::vector<PartitionOffset>> committed(std::span<const std::int32_t> partitions) override;
  Result<std::int64_t> first_offset(std::int32_t, Lane) override { return std::int64_t{0}; }
  [[nodiscard]] std::int64_t known_end(std::int32_t partition, Lane lane) const override;
  [[nodiscard]] bool at_end(std::int32_t partition, Lane lane) const override;
  Status resume_at(std::span<const PartitionOffset> positions) override;
  Status pause(std::span<const std::int32_t> partitions) override;
  void close() override;

  /// A rebalance at the next poll: these partitions are all this member has from then on.
  void reassign(std::vector<std::int32_t> partitions, bool lost = false);
  /// The cluster's delivered input was cleared: start looking from the front again.
  void forget_delivered() { cursor_ = 0; }
  /// Everything published and flowing was delivered.
  [[nodiscard]] bool drained() const;

 private:
  struct Position {
    std::int64_t next = 0;
    bool flowing = false;
  };
  void rebalance();
  [[nodiscard]] std::span<const Lane> lanes() const {
    return std::span(kLanes).first(reads_labels_ ? std::size(kLanes) : 1);
  }

  MemoryCluster& cluster_;
  bool reads_labels_;
  AssignmentListener* listener_ = nullptr;
  std::map<MemoryCluster::Input, Position> positions_;
  std::optional<std::pair<std::vector<std::int32_t>, bool>> pending_;
  std::size_t cursor_ = 0;  // everything before it was delivered or is not ours
};

class MemoryOutput final : public OutputLog {
 public:
  explicit MemoryOutput(MemoryCluster& cluster) : cluster_(cluster) {}

  Status open() override { return ok(); }
  TxnResult begin() override;
  TxnResult send(OutputRecord&& record) override;
  TxnResult flush() override { return fault("flush"); }
  [[nodiscard]] std::int64_t changelog_position(std::int32_t partition) const override;
  TxnResult commit(std::span<const PartitionOffset> offsets) override;
  Status abort() override;
  void poll() override {}

  /// Test hook: asked before every call with its name ("begin", "send", "flush", "commit",
  /// "committed"); a result other than kCommitted is returned instead. "committed" comes after the
  /// transaction took effect.
  std::function<TxnResult(std::string_view call, const OutputRecord* record)> faults;

 private:
  TxnResult fault(std::string_view call, const OutputRecord* record = nullptr) const {
    return faults ? faults(call, record) : TxnResult{};
  }

  MemoryCluster& cluster_;
  std::vector<OutputRecord> open_;
};

class MemoryChangelogReader final : public ChangelogReader {
 public:
  explicit MemoryChangelogReader(const MemoryCluster& cluster) : cluster_(cluster) {}

  Result<std::pair<std::int64_t, std::int64_t>> bounds(std::int32_t partition) override;
  Status start(std::span<const PartitionOffset> positions) override;
  Status read(std::chrono::milliseconds, const std::function<Status(const Record&)>& sink) override;
  [[nodiscard]] std::int64_t position(std::int32_t partition) const override;
  void stop() override { positions_.clear(); }

 private:
  const MemoryCluster& cluster_;
  std::map<std::int32_t, std::int64_t> positions_;
};

}  // namespace weir::replay
