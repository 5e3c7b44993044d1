// IdempotentOutput (at_least_once): results at once, offsets after them.

#include <librdkafka/rdkafka.h>

#include "tests/unit/kafka/kafka_fixture.h"

namespace weir::kafka {
namespace {

using namespace std::chrono_literals;

constexpr int kProduce = 0;
constexpr int kOffsetCommit = 8;

class IdempotentOutputTest : public KafkaFixture {
 protected:
  void SetUp() override {
    KafkaFixture::SetUp();
    input_ = std::make_unique<KafkaInput>(input_options());
    ASSERT_TRUE(input_->open(assignments_));
    std::vector<RawRecord> none;
    until([&] { return !input_->poll(none, 1, 20ms) || assignments_.times > 0; });
    output_ = std::make_unique<IdempotentOutput>(output_options(), *input_, clock_);
    ASSERT_TRUE(output_->open());
  }
  TxnResult send_and_flush() {
    output_->begin();
    output_->send(record(Stream::kVerdicts, "v"));
    output_->send(record(Stream::kChangelog, "c"));
    return output_->flush();
  }
  std::int64_t committed() {
    return input_->committed(std::vector<std::int32_t>{0})->front().next_offset;
  }
  TxnResult commit(std::int64_t next_offset) {
    return output_->commit(std::vector<PartitionOffset>{{0, next_offset}});
  }

  Assignments assignments_;
  std::unique_ptr<KafkaInput> input_;
  std::unique_ptr<IdempotentOutput> output_;
};

TEST_F(IdempotentOutputTest, OffsetsAreCommittedAfterTheResults) {
  EXPECT_EQ(send_and_flush().outcome, TxnOutcome::kCommitted);
  EXPECT_EQ(output_->changelog_position(0), 1);
  EXPECT_EQ(read_topic("verdicts"), std::vector<std::string>{"v"});
  EXPECT_EQ(committed(), -1);
  EXPECT_EQ(commit(7).outcome, TxnOutcome::kCommitted);
  EXPECT_EQ(committed(), 7);
}

TEST_F(IdempotentOutputTest, OffsetsThatCannotBeCommittedNowComeWithTheNextCommit) {
  send_and_flush();
  broker_->fail_requests(kOffsetCommit,
                         std::vector<int>(10, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED));
  EXPECT_EQ(commit(7).outcome, TxnOutcome::kCommitted)
      << "the commit record in the changelog counts";
  EXPECT_EQ(log_.count("tried again with the next commit"), 1);
}

TEST_F(IdempotentOutputTest, AMemberTheGroupNoLongerKnowsStops) {
  for (const auto code :
       {RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID}) {
    send_and_flush();
    broker_->fail_requests(kOffsetCommit, {code});
    EXPECT_EQ(commit(7).outcome, TxnOutcome::kUnknown) << rd_kafka_err2name(code);
  }
}

TEST_F(IdempotentOutputTest, ARefusedRecordIsNamedAndTheNextOneGoesThrough) {
  broker_->fail_requests(kProduce, {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE});
  output_->send(record(Stream::kDeadLetters, "refused", 1));
  const auto result = output_->flush();
  EXPECT_EQ(result.outcome, TxnOutcome::kAborted);
  EXPECT_EQ(result.failed_stream, Stream::kDeadLetters);
  EXPECT_EQ(result.failed_input_partition, 1);
  EXPECT_EQ(output_->send(record(Stream::kVerdicts, "late")).outcome, TxnOutcome::kAborted)
      << "nothing more until the caller gave up";
  ASSERT_TRUE(output_->abort());
  EXPECT_EQ(send_and_flush().outcome, TxnOutcome::kCommitted);
}

TEST_F(IdempotentOutputTest, ABrokerThatCannotTakeARecordNowIsAskedAgain) {
  broker_->fail_requests(kProduce, {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION});
  EXPECT_EQ(send_and_flush().outcome, TxnOutcome::kCommitted);
  EXPECT_EQ(read_topic("verdicts"), std::vector<std::string>{"v"}) << "once";
}

}  // namespace
}  // namespace weir::kafka
