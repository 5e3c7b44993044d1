// TransactionalOutput against librdkafka's mock cluster: which error leaves the worker with which
// choice. What the mock cannot show (isolation, fencing, stored offsets) is shown on a real broker,
// in tests/integration.

#include <thread>

#include <librdkafka/rdkafka.h>

#include "tests/unit/kafka/kafka_fixture.h"

namespace weir::kafka {
namespace {

// Kafka protocol API keys.
constexpr int kProduce = 0;
constexpr int kInitProducerId = 22;
constexpr int kAddPartitionsToTxn = 24;
constexpr int kEndTxn = 26;
constexpr int kTxnOffsetCommit = 28;

constexpr std::string_view kRenewed = "the next transaction gets a fresh producer";

class TransactionalOutputTest : public KafkaFixture {
 protected:
  void SetUp() override {
    KafkaFixture::SetUp();
    input_ = std::make_unique<KafkaInput>(input_options());
    ASSERT_TRUE(input_->open(assignments_));
    output_ = std::make_unique<TransactionalOutput>(output_options(), *input_, clock_);
    const auto opened = output_->open();
    ASSERT_TRUE(opened) << opened.error().message;
  }
  /// A whole transaction, up to its end or first failure.
  TxnResult transact(const std::string& value = "v") {
    auto result = output_->begin();
    if (result.outcome != TxnOutcome::kCommitted) return result;
    result = output_->send(record(Stream::kVerdicts, value));
    if (result.outcome != TxnOutcome::kCommitted) return result;
    result = output_->send(record(Stream::kChangelog, "c"));
    if (result.outcome != TxnOutcome::kCommitted) return result;
    result = output_->flush();
    if (result.outcome != TxnOutcome::kCommitted) return result;
    return output_->commit(std::vector<PartitionOffset>{{0, 1}, {1, 1}});
  }
  void expect_works_again() {
    const auto aborted = output_->abort();
    ASSERT_TRUE(aborted) << aborted.error().message;
    const auto result = transact("again");
    EXPECT_EQ(result.outcome, TxnOutcome::kCommitted) << result.message;
  }
  /// One transaction with these answers to a request ends so, and the one after the abort commits.
  void expect_aborted_then_works(int api_key, rd_kafka_resp_err_t code) {
    broker_->fail_requests(api_key, {code});
    const auto result = transact();
    EXPECT_EQ(result.outcome, TxnOutcome::kAborted)
        << rd_kafka_err2name(code) << ": " << result.message;
    EXPECT_FALSE(result.message.empty());
    expect_works_again();
  }
  void expect_retried(int api_key, rd_kafka_resp_err_t code) {
    broker_->fail_requests(api_key, {code});
    const auto result = transact();
    EXPECT_EQ(result.outcome, TxnOutcome::kCommitted)
        << rd_kafka_err2name(code) << ": " << result.message;
  }

  Assignments assignments_;
  std::unique_ptr<KafkaInput> input_;
  std::unique_ptr<TransactionalOutput> output_;
};

TEST_F(TransactionalOutputTest, WritesRecordsWhereTheyBelongAndKnowsTheChangelogsPosition) {
  ASSERT_EQ(output_->begin().outcome, TxnOutcome::kCommitted);
  EXPECT_EQ(output_->changelog_position(1), -1);
  output_->send(record(Stream::kVerdicts, "v", 1));
  output_->send(record(Stream::kChangelog, "c1", 1));
  output_->send(record(Stream::kChangelog, "c2", 1));
  ASSERT_EQ(output_->flush().outcome, TxnOutcome::kCommitted);
  EXPECT_EQ(output_->changelog_position(1), 2);
  EXPECT_EQ(output_->changelog_position(0), -1) << "nothing of partition 0 in this transaction";
  ASSERT_EQ(output_->commit(std::vector<PartitionOffset>{{1, 1}}).outcome, TxnOutcome::kCommitted);
  EXPECT_EQ(read_topic("verdicts"), std::vector<std::string>{"v"});
  EXPECT_EQ(read_topic("changelog"), (std::vector<std::string>{"c1", "c2"}));
  ASSERT_EQ(output_->begin().outcome, TxnOutcome::kCommitted);
  EXPECT_EQ(output_->changelog_position(1), -1) << "a transaction starts anew";
}

TEST_F(TransactionalOutputTest, AnEndWhoseAnswerComesLateCommitsAndRenewsTheProducer) {
  EXPECT_EQ(transact().outcome, TxnOutcome::kCommitted);
  EXPECT_EQ(log_.count(kRenewed), 0) << "asked once and answered: the producer stays";
  int renewed = 0;
  for (const auto code :
       {RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
        RD_KAFKA_RESP_ERR_NOT_COORDINATOR, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
        RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS}) {
    expect_retried(kEndTxn, code);
    EXPECT_EQ(log_.count(kRenewed), ++renewed) << rd_kafka_err2name(code);
    EXPECT_EQ(transact().outcome, TxnOutcome::kCommitted) << "with the fresh producer";
    EXPECT_EQ(log_.count(kRenewed), renewed);
  }
}

TEST_F(TransactionalOutputTest, AnotherProcessWithTheSameIdentityIsSeenAndNothingGoesOn) {
  for (const auto code :
       {RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, RD_KAFKA_RESP_ERR_PRODUCER_FENCED}) {
    ASSERT_TRUE(output_->open());
    broker_->fail_requests(kEndTxn, {code});
    const auto result = transact();
    EXPECT_EQ(result.outcome, TxnOutcome::kFenced)
        << rd_kafka_err2name(code) << ": " << result.message;
    EXPECT_FALSE(output_->abort()) << "an abort would fence the other one";
  }
}

TEST_F(TransactionalOutputTest, ATransactionTheBrokerDoesNotKnowHasAnUnknownOutcome) {
  broker_->fail_requests(kEndTxn, {RD_KAFKA_RESP_ERR_INVALID_TXN_STATE});
  EXPECT_EQ(transact().outcome, TxnOutcome::kUnknown);
}

TEST_F(TransactionalOutputTest, AForgottenProducerIdAborts) {
  expect_aborted_then_works(kEndTxn, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING);
}

TEST_F(TransactionalOutputTest, OffsetsTheGroupRefusesAbort) {
  for (const auto code :
       {RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID,
        RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS,
        RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED}) {
    expect_aborted_then_works(kTxnOffsetCommit, code);
  }
}

TEST_F(TransactionalOutputTest, APartitionThatMayNotBeWrittenAborts) {
  expect_aborted_then_works(kAddPartitionsToTxn, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
}

TEST_F(TransactionalOutputTest, APartitionThatIsStillBusyWithTheLastTransactionIsWaitedFor) {
  expect_retried(kAddPartitionsToTxn, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS);
}

TEST_F(TransactionalOutputTest, ABrokerThatCannotTakeARecordNowIsAskedAgain) {
  for (const auto code :
       {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR}) {
    expect_retried(kProduce, code);
  }
}

TEST_F(TransactionalOutputTest, ARecordTheBrokerRefusesIsNamedByStreamAndInputPartition) {
  for (const auto code : {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_INVALID_RECORD}) {
    broker_->fail_requests(kProduce, {code});
    ASSERT_EQ(output_->begin().outcome, TxnOutcome::kCommitted);
    output_->send(record(Stream::kDeadLetters, "refused", 1));
    const auto result = output_->flush();
    EXPECT_EQ(result.outcome, TxnOutcome::kAborted);
    EXPECT_EQ(result.failed_stream, Stream::kDeadLetters) << rd_kafka_err2name(code);
    EXPECT_EQ(result.failed_input_partition, 1) << rd_kafka_err2name(code);
    EXPECT_NE(result.message.find("dead-letters"), std::string::npos) << result.message;
    expect_works_again();
  }
}

TEST_F(TransactionalOutputTest, ARecordAboveTheClientsOwnLimitIsNamedToo) {
  auto options = output_options();
  options.connection.properties["message.max.bytes"] = "10000";
  output_ = std::make_unique<TransactionalOutput>(options, *input_, clock_);
  ASSERT_TRUE(output_->open());
  ASSERT_EQ(output_->begin().outcome, TxnOutcome::kCommitted);
  const auto result = output_->send(record(Stream::kDeadLetters, std::string(10'001, 'x'), 1));
  EXPECT_EQ(result.outcome, TxnOutcome::kAborted);
  EXPECT_EQ(result.failed_stream, Stream::kDeadLetters);
  EXPECT_EQ(result.failed_input_partition, 1);
  EXPECT_EQ(output_->flush().outcome, TxnOutcome::kAborted)
      << "and the transaction cannot end well any more";
  expect_works_again();
}

TEST_F(TransactionalOutputTest, ABrokenSequenceOfRecordsNeedsAFreshProducer) {
  broker_->fail_requests(kProduce, {RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER});
  EXPECT_NE(transact().outcome, TxnOutcome::kCommitted);
  expect_works_again();
}

TEST_F(TransactionalOutputTest, NothingOfAnAbortedTransactionIsSentLater) {
  ASSERT_EQ(output_->begin().outcome, TxnOutcome::kCommitted);
  output_->send(record(Stream::kChangelog, "given up"));
  ASSERT_TRUE(output_->abort());
  ASSERT_EQ(output_->begin().outcome, TxnOutcome::kCommitted);
  EXPECT_EQ(output_->changelog_position(0), -1);
  EXPECT_EQ(output_->flush().outcome, TxnOutcome::kCommitted);
}

TEST_F(TransactionalOutputTest, ACommitSurvivesABrokerThatGoesAndComesBack) {
  ASSERT_EQ(output_->begin().outcome, TxnOutcome::kCommitted);
  output_->send(record(Stream::kVerdicts, "v"));
  ASSERT_EQ(output_->flush().outcome, TxnOutcome::kCommitted);
  broker_->set_broker_up(1, false);
  std::thread repair([&] {
    log_.wait_for("onnect");  // a line of librdkafka about the lost connection
    broker_->set_broker_up(1, true);
  });
  const auto result = output_->commit(std::vector<PartitionOffset>{{0, 1}});
  repair.join();
  EXPECT_EQ(result.outcome, TxnOutcome::kCommitted) << result.message;
  EXPECT_EQ(transact().outcome, TxnOutcome::kCommitted);
}

TEST_F(TransactionalOutputTest, OpeningWaitsForACoordinatorThatIsLoading) {
  broker_->fail_requests(kInitProducerId, {RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS});
  EXPECT_TRUE(output_->open());
  EXPECT_EQ(transact().outcome, TxnOutcome::kCommitted);
}

TEST_F(TransactionalOutputTest, AnIdentityThatMayNotTransactIsAnErrorThatNamesIt) {
  broker_->fail_requests(kInitProducerId,
                         {RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED});
  const auto opened = output_->open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kFatal);
  EXPECT_NE(opened.error().message.find("weir-test-0"), std::string::npos)
      << opened.error().message;
}

}  // namespace
}  // namespace weir::kafka
