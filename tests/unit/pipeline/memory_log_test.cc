// The log in memory keeps the contracts of pipeline/core/log.h that a worker relies on.

#include "pipeline/replay/memory_log.h"

#include <gtest/gtest.h>

namespace weir::replay {
namespace {

using namespace std::chrono_literals;

/// Writes down what it is told.
class Listener final : public AssignmentListener {
 public:
  void assigned(std::span<const PartitionOffset> partitions) override {
    for (const auto& p : partitions) {
      told.push_back("assigned " + std::to_string(p.partition) + "@" +
                     std::to_string(p.next_offset));
    }
  }
  void revoked(std::span<const std::int32_t> partitions, bool lost) override {
    for (const auto p : partitions)
      told.push_back((lost ? "lost " : "revoked ") + std::to_string(p));
  }
  std::vector<std::string> told;
};

std::string name_of(const RawRecord& record) {
  return std::to_string(record.partition) + "/" + std::to_string(record.offset);
}

class MemoryLogTest : public testing::Test {
 protected:
  MemoryLogTest() { EXPECT_TRUE(input_.open(listener_)); }
  /// "partition/offset" of what one poll delivers.
  std::vector<std::string> poll(std::size_t max = 100) {
    std::vector<RawRecord> records;
    EXPECT_TRUE(input_.poll(records, max, 0ms));
    std::vector<std::string> names;
    for (const auto& record : records) names.push_back(name_of(record));
    return names;
  }
  void publish(std::int32_t partition, std::string value = "x") {
    cluster_.publish("key", std::move(value), 1, partition);
  }
  static OutputRecord output(Stream stream, std::int32_t partition, std::string value) {
    return {stream, partition, partition, "key", std::move(value), {}};
  }
  using Names = std::vector<std::string>;

  MemoryCluster cluster_{2};
  MemoryInput input_{cluster_};
  MemoryOutput output_{cluster_};
  MemoryChangelogReader changelog_{cluster_};
  Listener listener_;
};

TEST_F(MemoryLogTest, AssignedPartitionsDeliverNothingUntilTheyAreResumed) {
  publish(0);
  publish(1);
  EXPECT_EQ(poll(), Names{});
  EXPECT_EQ(listener_.told, (Names{"assigned 0@-1", "assigned 1@-1"}));
  ASSERT_TRUE(input_.resume_at(std::vector<PartitionOffset>{{1, 0}}));
  EXPECT_EQ(poll(), Names{"1/0"});
  EXPECT_EQ(poll(), Names{}) << "once";
}

TEST_F(MemoryLogTest, DeliversInOrderOfPublicationUpToTheLimit) {
  for (const std::int32_t p : {1, 0, 0, 1}) publish(p);
  poll();
  ASSERT_TRUE(input_.resume_at(std::vector<PartitionOffset>{{0, 0}, {1, 0}}));
  EXPECT_EQ(poll(3), (Names{"1/0", "0/0", "0/1"}));
  EXPECT_FALSE(input_.drained());
  EXPECT_EQ(poll(3), Names{"1/1"});
  EXPECT_TRUE(input_.drained());
}

TEST_F(MemoryLogTest, ResumingRewinds) {
  for (int i = 0; i < 3; ++i) publish(0);
  poll();
  ASSERT_TRUE(input_.resume_at(std::vector<PartitionOffset>{{0, 0}}));
  EXPECT_EQ(poll().size(), 3U);
  ASSERT_TRUE(input_.pause(std::vector<std::int32_t>{0}));
  publish(0);
  EXPECT_EQ(poll(), Names{});
  ASSERT_TRUE(input_.resume_at(std::vector<PartitionOffset>{{0, 1}}));
  EXPECT_EQ(poll(), (Names{"0/1", "0/2", "0/3"}));
}

TEST_F(MemoryLogTest, ARebalanceRevokesWhatWasThereAndAssignsWithCommittedOffsets) {
  poll();
  cluster_.group_offsets[{Lane::kEvents, 1}] = 5;
  listener_.told.clear();
  input_.reassign({1});
  EXPECT_FALSE(input_.drained()) << "a rebalance is due";
  poll();
  EXPECT_EQ(listener_.told, (Names{"revoked 0", "revoked 1", "assigned 1@5"}));
  listener_.told.clear();
  input_.reassign({0}, true);
  poll();
  EXPECT_EQ(listener_.told, (Names{"lost 1", "assigned 0@-1"}));
  listener_.told.clear();
  input_.close();
  EXPECT_EQ(listener_.told, Names{"revoked 0"});
}

TEST_F(MemoryLogTest, AnEmptyValueIsATombstone) {
  publish(0, "");
  poll();
  ASSERT_TRUE(input_.resume_at(std::vector<PartitionOffset>{{0, 0}}));
  std::vector<RawRecord> records;
  ASSERT_TRUE(input_.poll(records, 10, 0ms));
  ASSERT_EQ(records.size(), 1U);
  EXPECT_TRUE(records[0].tombstone);
}

TEST_F(MemoryLogTest, ATransactionIsSeenWhenItCommitsAndNotBefore) {
  ASSERT_EQ(output_.begin().outcome, TxnOutcome::kCommitted);
  output_.send(output(Stream::kVerdicts, 0, "v"));
  output_.send(output(Stream::kChangelog, 0, "c"));
  EXPECT_TRUE(cluster_.committed.empty());
  EXPECT_TRUE(cluster_.changelog[0].empty());
  EXPECT_EQ(output_.changelog_position(0), 1) << "known before it is visible";
  ASSERT_EQ(output_.commit(std::vector<PartitionOffset>{{0, 7}}).outcome, TxnOutcome::kCommitted);
  ASSERT_EQ(cluster_.committed.size(), 1U);
  EXPECT_EQ(cluster_.committed[0].value, "v");
  EXPECT_EQ(cluster_.changelog[0].size(), 1U);
  EXPECT_EQ((cluster_.group_offsets[{Lane::kEvents, 0}]), 7);
}

TEST_F(MemoryLogTest, AnAbortedTransactionLeavesNothing) {
  output_.begin();
  output_.send(output(Stream::kVerdicts, 0, "v"));
  output_.send(output(Stream::kChangelog, 0, "c"));
  ASSERT_TRUE(output_.abort());
  EXPECT_EQ(output_.changelog_position(0), 0);
  output_.begin();
  ASSERT_EQ(output_.commit({}).outcome, TxnOutcome::kCommitted);
  EXPECT_TRUE(cluster_.committed.empty());
  EXPECT_TRUE(cluster_.changelog[0].empty());
}

TEST_F(MemoryLogTest, AFaultStandsInForTheCallButComesTooLateAfterTheCommit) {
  std::string failing = "commit";
  output_.faults = [&](std::string_view call, const OutputRecord*) -> TxnResult {
    if (call == failing) return {TxnOutcome::kUnknown, "injected", -1, Stream::kVerdicts};
    return {};
  };
  output_.begin();
  output_.send(output(Stream::kVerdicts, 0, "v"));
  EXPECT_EQ(output_.commit({}).outcome, TxnOutcome::kUnknown);
  EXPECT_TRUE(cluster_.committed.empty());
  failing = "committed";
  EXPECT_EQ(output_.commit({}).outcome, TxnOutcome::kUnknown);
  EXPECT_EQ(cluster_.committed.size(), 1U);
}

TEST_F(MemoryLogTest, TheChangelogReadsFromAPositionToItsEnd) {
  for (int i = 0; i < 250; ++i) {
    output_.send(output(Stream::kChangelog, 1, std::to_string(i)));
  }
  output_.commit({});
  ASSERT_TRUE(changelog_.bounds(1));
  EXPECT_EQ(*changelog_.bounds(1), (std::pair<std::int64_t, std::int64_t>{0, 250}));
  EXPECT_EQ(*changelog_.bounds(0), (std::pair<std::int64_t, std::int64_t>{0, 0}));
  ASSERT_TRUE(changelog_.start(std::vector<PartitionOffset>{{1, 10}}));
  std::vector<std::string> values;
  for (int turn = 0; turn < 10 && changelog_.position(1) < 250; ++turn) {
    ASSERT_TRUE(changelog_.read(0ms, [&](const ChangelogReader::Record& record) {
      EXPECT_EQ(record.offset, static_cast<std::int64_t>(values.size()) + 10);
      values.emplace_back(record.value);
      return ok();
    }));
  }
  ASSERT_EQ(values.size(), 240U);
  EXPECT_EQ(values.front(), "10");
  EXPECT_EQ(values.back(), "249");
}

TEST_F(MemoryLogTest, PositionsGoOnWhereChangelogRecordsAreNotKept) {
  cluster_.keep_changelog = false;
  for (int i = 1; i <= 3; ++i) {
    output_.begin();
    output_.send(output(Stream::kChangelog, 0, "c"));
    EXPECT_EQ(output_.changelog_position(0), i);
    output_.commit({});
  }
  EXPECT_TRUE(cluster_.changelog[0].empty());
}

}  // namespace
}  // namespace weir::replay
