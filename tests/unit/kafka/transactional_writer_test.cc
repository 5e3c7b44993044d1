// TransactionalWriter against librdkafka's mock cluster: what each failure says, and that the next
// write begins with a fresh producer. What the mock cannot show (both records or none, fencing by a
// second process) is shown on a real broker, in tests/e2e/dispositions_test.py.

#include "pipeline/kafka/transactional_writer.h"

#include <gmock/gmock.h>
#include <librdkafka/rdkafka.h>

#include "tests/unit/kafka/kafka_fixture.h"

namespace weir::kafka {
namespace {

using testing::HasSubstr;

// Kafka protocol API keys.
constexpr int kProduce = 0;
constexpr int kInitProducerId = 22;
constexpr int kEndTxn = 26;
constexpr std::chrono::seconds kBound{5};

class TransactionalWriterTest : public KafkaFixture {
 protected:
  void SetUp() override {
    KafkaFixture::SetUp();
    writer_.emplace(connection(), "weir-test-console");
  }
  Status write(const std::string& value) {
    const std::vector<TopicRecord> records{{"verdicts", "user", value, 1},
                                           {"features", "user", value + "-too"}};
    return writer_->write(records, kBound);
  }
  void settles(bool as_another) {
    const auto fresh = writer_->settle(kBound);
    ASSERT_TRUE(fresh) << fresh.error().message;
    EXPECT_EQ(*fresh, as_another);
  }
  std::optional<TransactionalWriter> writer_;
};

TEST_F(TransactionalWriterTest, WritesEveryRecordToItsTopicAndStaysTheSameProducer) {
  settles(true);
  ASSERT_TRUE(write("a"));
  settles(false);
  ASSERT_TRUE(write("b"));
  EXPECT_EQ(read_topic("verdicts"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(read_topic("features"), (std::vector<std::string>{"a-too", "b-too"}));
}

TEST_F(TransactionalWriterTest, ARecordThatIsRefusedNamesItsTopicAndTheNextWriteIsAnothers) {
  settles(true);
  broker_->fail_requests(kProduce, {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED});
  const auto refused = write("a");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kRetry);
  EXPECT_THAT(refused.error().message, HasSubstr("did not take a record"));
  settles(true);
  EXPECT_TRUE(write("b"));
}

TEST_F(TransactionalWriterTest, WhoeverTookOverIsToldApart) {
  settles(true);
  broker_->fail_requests(kEndTxn, {RD_KAFKA_RESP_ERR_PRODUCER_FENCED});
  const auto fenced = write("a");
  ASSERT_FALSE(fenced);
  EXPECT_THAT(fenced.error().message, HasSubstr("weir-test-console: give each instance"));
  settles(true);
  EXPECT_TRUE(write("b"));
}

TEST_F(TransactionalWriterTest, ACommitWhoseAnswerCameLateIsOneAndTheNextWriteIsAnothers) {
  settles(true);
  broker_->fail_requests(kEndTxn, {RD_KAFKA_RESP_ERR__TRANSPORT});
  EXPECT_TRUE(write("a"));
  settles(true);
  EXPECT_TRUE(write("b"));
}

TEST_F(TransactionalWriterTest, AMissingRightIsNamed) {
  broker_->fail_requests(kInitProducerId,
                         {RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED});
  const auto refused = writer_->settle(kBound);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("no right to write as transactional id"));
  settles(true);
}

TEST_F(TransactionalWriterTest, ABrokerThatIsAwayIsSaidSoInTime) {
  broker_->set_broker_up(1, false);
  const auto late = writer_->settle(std::chrono::milliseconds(500));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, ErrorKind::kRetry);
}

}  // namespace
}  // namespace weir::kafka
