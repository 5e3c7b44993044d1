// Cluster: what there is. The mock cluster makes a topic for whoever asks about it and makes none
// for an admin client: missing topics are shown in tests/integration, topics_test.py.

#include "pipeline/kafka/cluster.h"

#include <librdkafka/rdkafka.h>

#include "tests/unit/kafka/kafka_fixture.h"

namespace weir::kafka {
namespace {

class ClusterTest : public KafkaFixture {
 protected:
  void SetUp() override {
    KafkaFixture::SetUp();
    auto connected = Cluster::connect(connection());
    ASSERT_TRUE(connected);
    cluster_.emplace(*std::move(connected));
  }
  static TopicPlan plan(std::string name) {
    TopicPlan plan;
    plan.name = std::move(name);
    return plan;
  }
  std::optional<Cluster> cluster_;
};

TEST_F(ClusterTest, HasAnIdThatStays) {
  const auto id = cluster_->id();
  ASSERT_TRUE(id) << id.error().message;
  EXPECT_FALSE(id->empty());
  EXPECT_EQ(*Cluster::connect(connection())->id(), *id);
}

TEST_F(ClusterTest, CountsThePartitionsOfATopic) {
  EXPECT_EQ(*cluster_->partitions("input"), 2);
}

TEST_F(ClusterTest, TopicsThatAreThereNeedNoPermissionToBeMade) {
  EXPECT_TRUE(cluster_->ensure({plan("input"), plan("verdicts")}));
}

TEST(Connection, APropertyTheLibraryDoesNotKnowIsNamedWithoutItsValue) {
  const auto refused = Cluster::connect({"127.0.0.1:1", {{"sasl.pasword", "secret"}}});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("kafka.properties.sasl.pasword"), std::string::npos);
  EXPECT_EQ(refused.error().message.find("secret"), std::string::npos) << refused.error().message;
}

}  // namespace
}  // namespace weir::kafka
