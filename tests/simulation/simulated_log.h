#pragma once
// MemoryOutput and MemoryChangelogReader behind a network that fails, with a broker's offsets and
// its check of the group's generation.

#include <map>

#include "tests/simulation/simulated_world.h"

namespace weir::simulation {

/// In exactly_once a transaction becomes visible when it commits; in at_least_once every record
/// when it is sent.
class SimulatedOutput final : public OutputLog {
 public:
  /// `generation`: of the member that writes; a commit of an older one than the group's is refused.
  SimulatedOutput(World& world, const int& generation);
  /// The process is gone: the coordinator aborts what it left open.
  ~SimulatedOutput() override { end_transaction(false); }

  Status open() override;
  TxnResult begin() override { return inner_.begin(); }
  TxnResult send(OutputRecord&& record) override;
  TxnResult flush() override { return inner_.flush(); }
  [[nodiscard]] std::int64_t changelog_position(std::int32_t partition) const override;
  TxnResult commit(std::span<const PartitionOffset> offsets) override;
  Status abort() override;
  void poll() override {}

 private:
  TxnResult pass(std::string_view call);
  void publish();
  void end_transaction(bool committed);

  World& world_;
  const int& generation_;
  replay::MemoryOutput inner_;
  std::map<std::int32_t, std::int64_t>
      open_;  // changelog records in the open transaction, by partition
  bool publishing_ = false;
};

class SimulatedChangelog final : public ChangelogReader {
 public:
  explicit SimulatedChangelog(World& world) : world_(world), inner_(world.cluster) {}

  Result<std::pair<std::int64_t, std::int64_t>> bounds(std::int32_t partition) override;
  Status start(std::span<const PartitionOffset> positions) override;
  Status read(std::chrono::milliseconds timeout,
              const std::function<Status(const Record&)>& sink) override;
  [[nodiscard]] std::int64_t position(std::int32_t partition) const override;
  void stop() override { inner_.stop(); }

 private:
  World& world_;
  replay::MemoryChangelogReader inner_;
};

/// Compacts the front of a changelog partition, up to a place chosen at random: of every key only
/// the last record there stays. What is gone keeps its offset, and no reader sees it.
void compact(World& world, std::int32_t partition, Random& random);

}  // namespace weir::simulation
