#pragma once
// Mistakes a worker or its ports could make, planted around the ports from outside. A simulation
// that does not see them sees nothing.

#include <map>
#include <optional>

#include "pipeline/core/log.h"

namespace weir::simulation {

enum class PlantedBug : std::uint8_t {
  kNone,
  kAppliesBeforeCommit,  // state is applied, and written to disk, before its transaction is durable
  kNoRewind,             // after an abort the input goes on instead of back
  kChangelogEndsEarly,   // restore stops before the last committed records
  kNoGenerationCheck,    // a member that lost its partitions commits all the same
};

/// Answers a commit first and performs it with the next call.
class EarlyAnswer final : public OutputLog {
 public:
  explicit EarlyAnswer(OutputLog& inner) : inner_(inner) {}

  Status open() override { return inner_.open(); }
  TxnResult begin() override {
    return after_commit([&] { return inner_.begin(); });
  }
  TxnResult send(OutputRecord&& record) override {
    return after_commit([&] { return inner_.send(std::move(record)); });
  }
  TxnResult flush() override {
    return after_commit([&] { return inner_.flush(); });
  }
  [[nodiscard]] std::int64_t changelog_position(std::int32_t partition) const override {
    return inner_.changelog_position(partition);
  }
  TxnResult commit(std::span<const PartitionOffset> offsets) override {
    return after_commit([&] {
      promised_.emplace(offsets.begin(), offsets.end());
      return TxnResult{};
    });
  }
  Status abort() override { return inner_.abort(); }
  void poll() override { commit_promised(); }

 private:
  TxnResult commit_promised() {
    if (!promised_) return {};
    const auto offsets = *std::exchange(promised_, std::nullopt);
    return inner_.commit(offsets);
  }
  template <class Call>
  TxnResult after_commit(Call call) {
    auto result = commit_promised();
    return result.outcome == TxnOutcome::kCommitted ? call() : result;
  }

  OutputLog& inner_;
  std::optional<std::vector<PartitionOffset>> promised_;
};

/// Resumes a paused partition where it stood, whatever it is told.
class NoRewind final : public InputLog {
 public:
  explicit NoRewind(InputLog& inner) : inner_(inner) {}

  Status poll(std::vector<RawRecord>& out, std::size_t max,
              std::chrono::milliseconds timeout) override {
    WEIR_RETURN_IF_ERROR(inner_.poll(out, max, timeout));
    for (const auto& record : out) delivered_[{record.lane, record.partition}] = record.offset + 1;
    return ok();
  }
  Status open(AssignmentListener& listener) override { return inner_.open(listener); }
  Result<std::vector<PartitionOffset>> committed(
      std::span<const std::int32_t> partitions) override {
    return inner_.committed(partitions);
  }
  Result<std::int64_t> first_offset(std::int32_t partition, Lane lane) override {
    return inner_.first_offset(partition, lane);
  }
  [[nodiscard]] std::int64_t known_end(std::int32_t partition, Lane lane) const override {
    return inner_.known_end(partition, lane);
  }
  [[nodiscard]] bool at_end(std::int32_t partition, Lane lane) const override {
    return inner_.at_end(partition, lane);
  }
  Status resume_at(std::span<const PartitionOffset> positions) override {
    std::vector<PartitionOffset> wrong(positions.begin(), positions.end());
    for (auto& position : wrong) {
      const std::pair input(position.lane, position.partition);
      if (paused_[position.partition]) position.next_offset = delivered_[input];
    }
    for (const auto& position : positions) paused_[position.partition] = false;
    return inner_.resume_at(wrong);
  }
  Status pause(std::span<const std::int32_t> partitions) override {
    for (const auto partition : partitions) paused_[partition] = true;
    return inner_.pause(partitions);
  }
  void close() override { inner_.close(); }

 private:
  InputLog& inner_;
  std::map<std::pair<Lane, std::int32_t>, std::int64_t> delivered_;
  std::map<std::int32_t, bool> paused_;
};

/// Asks for the end as a handle would that does not see the newest transaction yet.
class ShortChangelog final : public ChangelogReader {
 public:
  explicit ShortChangelog(ChangelogReader& inner) : inner_(inner) {}

  Result<std::pair<std::int64_t, std::int64_t>> bounds(std::int32_t partition) override {
    auto bounds = inner_.bounds(partition);
    if (bounds) bounds->second = std::max(bounds->first, bounds->second - 3);
    return bounds;
  }
  Status start(std::span<const PartitionOffset> positions) override {
    return inner_.start(positions);
  }
  Status read(std::chrono::milliseconds timeout,
              const std::function<Status(const Record&)>& sink) override {
    return inner_.read(timeout, [&](const Record& record) -> Status {
      const auto end = bounds(record.partition);
      if (!end) return end.error();
      return record.offset < end->second ? sink(record) : ok();
    });
  }
  [[nodiscard]] std::int64_t position(std::int32_t partition) const override {
    return inner_.position(partition);
  }
  void stop() override { inner_.stop(); }

 private:
  ChangelogReader& inner_;
};

}  // namespace weir::simulation
