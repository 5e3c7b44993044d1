// Cluster: what there is. (The mock cluster cannot create topics for an admin client:
// tests/integration does.)

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

TEST_F(ClusterTest, CountsPartitionsAndDoesNotMakeATopicByAskingForIt) {
  EXPECT_EQ(*cluster_->partitions("input"), 2);
  EXPECT_EQ(*cluster_->partitions("nowhere"), std::nullopt);
  EXPECT_EQ(*cluster_->partitions("nowhere"), std::nullopt)
      << "the first question must not have made it";
}

TEST_F(ClusterTest, MissingTopicsThatMayNotBeMadeAreNamedAllAtOnce) {
  EXPECT_TRUE(cluster_->ensure({plan("input"), plan("verdicts")}));
  const auto missing = cluster_->ensure({plan("nowhere"), plan("input"), plan("never")});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::kFatal);
  EXPECT_NE(missing.error().message.find("nowhere, never"), std::string::npos)
      << missing.error().message;
}

TEST(Connection, APropertyTheLibraryDoesNotKnowIsNamedWithoutItsValue) {
  const auto refused = Cluster::connect({"127.0.0.1:1", {{"sasl.pasword", "secret"}}});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("kafka.properties.sasl.pasword"), std::string::npos);
  EXPECT_EQ(refused.error().message.find("secret"), std::string::npos) << refused.error().message;
}

}  // namespace
}  // namespace weir::kafka
