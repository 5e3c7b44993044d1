// KafkaInput against librdkafka's mock cluster: assignment, delivery from where it was told,
// rewinding, payments and labels side by side. (Static membership: tests/integration.)

#include <array>
#include <span>

#include <librdkafka/rdkafka.h>

#include "tests/unit/kafka/kafka_fixture.h"

namespace weir::kafka {
namespace {

using namespace std::chrono_literals;
using Names = std::vector<std::string>;

class KafkaInputTest : public KafkaFixture {
 protected:
  /// "payment 0" to "payment count-1" in one partition; the fourth has no value.
  void publish(int count) {
    auto producer = TopicProducer::open(connection());
    ASSERT_TRUE(producer);
    for (int i = 0; i < count; ++i) {
      ASSERT_TRUE((*producer)->send("input", "key", i == 3 ? "" : "payment " + std::to_string(i)));
    }
    ASSERT_TRUE((*producer)->flush(10s));
  }
  /// Polls until the group has given this member something.
  static void join(KafkaInput& input, Assignments& assignments) {
    until([&] { return !poll(input).empty() || !assignments.owned.empty(); });
  }
  /// "partition/offset" of what one poll delivers.
  static Names poll(KafkaInput& input, std::size_t max = 100) {
    std::vector<RawRecord> records;
    const auto polled = input.poll(records, max, 20ms);
    EXPECT_TRUE(polled) << polled.error().message;
    Names names;
    for (const auto& record : records) {
      names.push_back(std::to_string(record.partition) + "/" + std::to_string(record.offset));
    }
    return names;
  }
  static Names poll_until(KafkaInput& input, std::size_t count) {
    Names all;
    until([&] {
      for (auto& name : poll(input)) all.push_back(std::move(name));
      return all.size() >= count;
    });
    return all;
  }
  Names names(std::int64_t first, std::int64_t last) const {
    Names expected;
    for (auto offset = first; offset <= last; ++offset) {
      expected.push_back(std::to_string(partition_) + "/" + std::to_string(offset));
    }
    return expected;
  }
  using Positions = std::vector<PartitionOffset>;
  using Ids = std::vector<std::int32_t>;

  const std::int32_t partition_ = 1;  // of "key", by murmur2 over two partitions
};

TEST_F(KafkaInputTest, DeliversFromWhereItIsToldAndAgainAfterARewind) {
  publish(6);
  Assignments assignments;
  KafkaInput input(input_options());
  ASSERT_TRUE(input.open(assignments));
  join(input, assignments);
  ASSERT_EQ(assignments.owned.size(), 2U);
  EXPECT_EQ(assignments.owned[0].next_offset, -1) << "nothing was committed yet";
  EXPECT_EQ(poll(input), Names{}) << "assigned, but not yet told where to start";
  EXPECT_EQ(*input.first_offset(partition_, Lane::kEvents), 0);

  ASSERT_TRUE(input.resume_at(Positions{{0, 0}, {1, 0}}));
  EXPECT_EQ(poll_until(input, 6), names(0, 5));
  EXPECT_EQ(input.known_end(partition_, Lane::kEvents), 6);

  // An abort: pause, and later back to the committed offset.
  ASSERT_TRUE(input.pause(Ids{0, 1}));
  EXPECT_EQ(poll(input), Names{});
  ASSERT_TRUE(input.resume_at(Positions{{0, 0}, {1, 2}}));
  EXPECT_EQ(poll_until(input, 4), names(2, 5));
  // And once more without a pause.
  ASSERT_TRUE(input.resume_at(Positions{{1, 4}}));
  EXPECT_EQ(poll_until(input, 2), names(4, 5));

  input.close();
  EXPECT_EQ(assignments.told, (Names{"assigned", "revoked 2"}));
}

TEST_F(KafkaInputTest, AsksAgainWhereAPartitionBeginsWhenItIsNotTold) {
  publish(6);
  Assignments assignments;
  KafkaInput input(input_options());
  ASSERT_TRUE(input.open(assignments));
  join(input, assignments);
  for (int i = 0; i < 10; ++i) {
    broker_->fail_requests(kListOffsets, {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED});
    const auto first = input.first_offset(partition_, Lane::kEvents);
    ASSERT_TRUE(first) << first.error().message;
    ASSERT_EQ(*first, 0) << "payments would be skipped";
  }
}

TEST_F(KafkaInputTest, DeliversAtMostTheBatchAskedForWithTheRecordsOwnBytes) {
  publish(6);
  Assignments assignments;
  KafkaInput input(input_options());
  ASSERT_TRUE(input.open(assignments));
  join(input, assignments);
  ASSERT_TRUE(input.resume_at(Positions{{0, 0}, {1, 0}}));
  std::vector<RawRecord> records;
  until([&] {
    const auto polled = input.poll(records, 3, 20ms);
    return !polled || !records.empty();
  });
  std::size_t seen = records.size();
  ASSERT_GE(seen, 1U);
  EXPECT_LE(seen, 3U);
  EXPECT_EQ(records[0].key, "key");
  EXPECT_EQ(records[0].value, "payment 0");
  EXPECT_FALSE(records[0].tombstone);
  EXPECT_GT(records[0].timestamp_ms, 0);
  until([&] {
    const auto polled = input.poll(records, 4 - seen, 20ms);
    seen += records.size();
    return !polled || seen == 4;
  });
  ASSERT_FALSE(records.empty());
  EXPECT_EQ(records.back().offset, 3);
  EXPECT_TRUE(records.back().tombstone);
}

TEST_F(KafkaInputTest, TheNextMemberStartsAtTheCommittedOffset) {
  publish(6);
  {
    Assignments assignments;
    KafkaInput input(input_options());
    ASSERT_TRUE(input.open(assignments));
    join(input, assignments);
    const auto committed = input.commit_offsets(Positions{{partition_, 4}});
    ASSERT_TRUE(committed) << committed.error().message;
  }
  Assignments assignments;
  KafkaInput input(input_options());
  ASSERT_TRUE(input.open(assignments));
  join(input, assignments);
  ASSERT_EQ(assignments.owned.size(), 2U);
  for (const auto& owned : assignments.owned) {
    EXPECT_EQ(owned.next_offset, owned.partition == partition_ ? 4 : -1);
  }
  EXPECT_EQ(input.committed(Ids{partition_})->front().next_offset, 4);
  ASSERT_TRUE(input.resume_at(Positions{{partition_, 4}}));
  EXPECT_EQ(poll_until(input, 2), names(4, 5));
}

TEST_F(KafkaInputTest, ASecondMemberTakesItsShareThroughRevokeAndAssign) {
  Assignments of_first;
  Assignments of_second;
  KafkaInput first(input_options());
  KafkaInput second(input_options());
  ASSERT_TRUE(first.open(of_first));
  join(first, of_first);
  ASSERT_EQ(of_first.owned.size(), 2U);
  ASSERT_TRUE(second.open(of_second));
  until([&] {
    poll(first);
    poll(second);
    return of_first.owned.size() == 1 && of_second.owned.size() == 1;
  });
  // A busy machine may see more rounds, but never a lost partition: there was time to commit.
  ASSERT_GE(of_first.told.size(), 3U);
  EXPECT_EQ(Names(of_first.told.begin(), of_first.told.begin() + 3),
            (Names{"assigned", "revoked 2", "assigned"}));
  for (const auto& told : of_first.told) EXPECT_EQ(told.find("lost"), std::string::npos) << told;
  EXPECT_NE(of_first.owned.at(0).partition, of_second.owned.at(0).partition);

  second.close();
  EXPECT_EQ(of_second.told.back(), "revoked 1");
}

TEST_F(KafkaInputTest, ACommittedOffsetThatIsNoLongerInTheLogIsForAPersonToDecide) {
  publish(2);
  Assignments assignments;
  KafkaInput input(input_options());
  ASSERT_TRUE(input.open(assignments));
  join(input, assignments);
  ASSERT_TRUE(input.resume_at(Positions{{partition_, 100}}));
  std::string message;
  until([&] {
    std::vector<RawRecord> records;
    const auto polled = input.poll(records, 10, 20ms);
    if (!polled) {
      EXPECT_EQ(polled.error().kind, ErrorKind::kFatal);
      message = polled.error().message;
    }
    return !polled;
  });
  EXPECT_NE(message.find("partition 1"), std::string::npos) << message;
}

TEST_F(KafkaInputTest, ABrokerThatGoesAndComesBackLosesNothing) {
  publish(3);
  Assignments assignments;
  KafkaInput input(input_options());
  ASSERT_TRUE(input.open(assignments));
  join(input, assignments);
  ASSERT_TRUE(input.resume_at(Positions{{0, 0}, {1, 0}}));
  EXPECT_EQ(poll_until(input, 3), names(0, 2));
  broker_->set_broker_up(1, false);
  ASSERT_TRUE(log_.wait_for("onnect"));
  EXPECT_EQ(poll(input), Names{});
  broker_->set_broker_up(1, true);
  publish(2);
  EXPECT_EQ(poll_until(input, 2), names(3, 4));
}

/// Payments in topic "input", labels in topic "labels": all of one key, so of partition_.
class TwoLanesTest : public KafkaInputTest {
 protected:
  void SetUp() override {
    KafkaInputTest::SetUp();
    ASSERT_TRUE(broker_->create_topic("labels", 2));
  }
  [[nodiscard]] InputOptions two_lanes() const {
    InputOptions options = input_options();
    options.labels_topic = "labels";
    return options;
  }
  void publish_labels(int count) {
    auto producer = TopicProducer::open(connection());
    ASSERT_TRUE(producer);
    for (int i = 0; i < count; ++i) {
      ASSERT_TRUE((*producer)->send("labels", "key", "label " + std::to_string(i)));
    }
    ASSERT_TRUE((*producer)->flush(10s));
  }
  /// What comes until there are `count` records: values by lane.
  static std::array<Names, 2> poll_lanes(KafkaInput& input, std::size_t count) {
    std::array<Names, 2> values;
    until([&] {
      std::vector<RawRecord> records;
      const auto polled = input.poll(records, 100, 20ms);
      EXPECT_TRUE(polled) << polled.error().message;
      for (const auto& record : records) {
        values[static_cast<std::size_t>(record.lane)].emplace_back(record.value);
      }
      return values[0].size() + values[1].size() >= count;
    });
    return values;
  }
  static std::int64_t offset_of(std::span<const PartitionOffset> all, std::int32_t partition,
                                Lane lane) {
    for (const auto& one : all) {
      if (one.partition == partition && one.lane == lane) return one.next_offset;
    }
    ADD_FAILURE() << "not among them: " << partition;
    return -2;
  }
  [[nodiscard]] Positions from_the_start() const {
    return {
        {0, 0, Lane::kEvents}, {1, 0, Lane::kEvents}, {0, 0, Lane::kLabels}, {1, 0, Lane::kLabels}};
  }
};

TEST_F(TwoLanesTest, APartitionIsAssignedWithBothAndRecordsCarryTheirLane) {
  publish(2);
  publish_labels(3);
  Assignments assignments;
  KafkaInput input(two_lanes());
  ASSERT_TRUE(input.open(assignments));
  join(input, assignments);
  ASSERT_EQ(assignments.owned.size(), 4U) << "two partitions of two topics";
  EXPECT_EQ(assignments.times, 1);
  for (const auto lane : kLanes) {
    EXPECT_EQ(offset_of(assignments.owned, 0, lane), -1);
    EXPECT_EQ(offset_of(assignments.owned, 1, lane), -1);
  }
  EXPECT_EQ(*input.first_offset(partition_, Lane::kLabels), 0) << "where nothing is committed";

  ASSERT_TRUE(input.resume_at(from_the_start()));
  const auto values = poll_lanes(input, 5);
  EXPECT_EQ(values[0], (Names{"payment 0", "payment 1"}));
  EXPECT_EQ(values[1], (Names{"label 0", "label 1", "label 2"}));
  EXPECT_EQ(input.known_end(partition_, Lane::kEvents), 2);
  EXPECT_EQ(input.known_end(partition_, Lane::kLabels), 3);
}

TEST_F(TwoLanesTest, EachLaneIsCommittedAndRewoundForItself) {
  publish(2);
  publish_labels(3);
  {
    Assignments assignments;
    KafkaInput input(two_lanes());
    ASSERT_TRUE(input.open(assignments));
    join(input, assignments);
    const auto committed = input.commit_offsets(
        Positions{{partition_, 1, Lane::kEvents}, {partition_, 2, Lane::kLabels}});
    ASSERT_TRUE(committed) << committed.error().message;
  }
  Assignments assignments;
  KafkaInput input(two_lanes());
  ASSERT_TRUE(input.open(assignments));
  join(input, assignments);
  ASSERT_EQ(assignments.owned.size(), 4U);
  const auto committed = input.committed(Ids{0, 1});
  ASSERT_TRUE(committed) << committed.error().message;
  for (const auto& all : {assignments.owned, *committed}) {
    EXPECT_EQ(offset_of(all, partition_, Lane::kEvents), 1);
    EXPECT_EQ(offset_of(all, partition_, Lane::kLabels), 2);
    EXPECT_EQ(offset_of(all, 0, Lane::kEvents), -1);
    EXPECT_EQ(offset_of(all, 0, Lane::kLabels), -1);
  }
  ASSERT_TRUE(
      input.resume_at(Positions{{partition_, 1, Lane::kEvents}, {partition_, 2, Lane::kLabels}}));
  auto values = poll_lanes(input, 2);
  EXPECT_EQ(values[0], Names{"payment 1"});
  EXPECT_EQ(values[1], Names{"label 2"});
  ASSERT_TRUE(input.pause(Ids{partition_}));
  ASSERT_TRUE(
      input.resume_at(Positions{{partition_, 2, Lane::kEvents}, {partition_, 1, Lane::kLabels}}));
  values = poll_lanes(input, 2);
  EXPECT_EQ(values[0], Names{});
  EXPECT_EQ(values[1], (Names{"label 1", "label 2"}));
}

TEST_F(TwoLanesTest, TheEndIsKnownByLaneAndOverWithTheNextRecord) {
  publish(2);
  publish_labels(1);
  Assignments assignments;
  KafkaInput input(two_lanes());
  ASSERT_TRUE(input.open(assignments));
  join(input, assignments);
  EXPECT_FALSE(input.at_end(partition_, Lane::kEvents)) << "nothing was looked at";
  ASSERT_TRUE(input.resume_at(from_the_start()));
  const auto wait_for_the_end = [&] {
    until([&] {
      poll(input);
      return input.at_end(partition_, Lane::kEvents) && input.at_end(partition_, Lane::kLabels) &&
             input.at_end(0, Lane::kEvents);
    });
  };
  wait_for_the_end();
  EXPECT_FALSE(input.at_end(7, Lane::kEvents)) << "somebody else's";
  publish_labels(1);
  until([&] { return !poll(input, 1).empty(); });
  EXPECT_FALSE(input.at_end(partition_, Lane::kLabels));
  EXPECT_TRUE(input.at_end(partition_, Lane::kEvents)) << "only labels have come";
  wait_for_the_end();

  ASSERT_TRUE(input.pause(Ids{partition_}));
  EXPECT_FALSE(input.at_end(partition_, Lane::kEvents)) << "it does not look any more";
  ASSERT_TRUE(
      input.resume_at(Positions{{partition_, 0, Lane::kEvents}, {partition_, 0, Lane::kLabels}}));
  EXPECT_FALSE(input.at_end(partition_, Lane::kEvents));
}

}  // namespace
}  // namespace weir::kafka
