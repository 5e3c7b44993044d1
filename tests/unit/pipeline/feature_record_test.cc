// FeatureRecordReader: what a features record says, and which records it refuses.

#include "pipeline/feature_record.h"

#include <cmath>

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(FeatureRecordReader, ReadsPaymentAndValues) {
  FeatureRecordReader reader({"a", "b"});
  const auto row = reader.read(
      R"({"transaction_id":"t","verdict_id":"v","user_id":"u","event_time":"1970-01-01T00:00:01.234Z",)"
      R"("model":null,"windows":{"a":15.166666666666666,"b":-3},"input":{}})");
  ASSERT_TRUE(row);
  EXPECT_EQ(row->transaction_id, "t");
  EXPECT_EQ(row->user_id, "u");
  EXPECT_EQ(row->event_time, EventTime{1'234});
  ASSERT_EQ(row->values.size(), 2U);
  EXPECT_EQ(row->values[0], 15.166666666666666);
  EXPECT_EQ(row->values[1], -3);
}

TEST(FeatureRecordReader, AMissingValueIsNaN) {
  FeatureRecordReader reader({"a"});
  const auto row = reader.read(
      R"({"transaction_id":"t","user_id":"u","event_time":"1970-01-01T00:00:00Z","windows":{"a":null}})");
  ASSERT_TRUE(row);
  EXPECT_TRUE(std::isnan(row->values[0]));
}

TEST(FeatureRecordReader, ReadsRowsOfTheMerchantBackToTheBit) {
  FeatureRecordReader reader({"a"});
  const std::string start =
      R"({"transaction_id":"t","user_id":"u","event_time":"1970-01-01T00:00:00Z","windows":{"a":1})";
  const auto row = reader.read(
      start +
      R"(,"merchant":[[1,3.1780539,-0.5,0,7.2738938,0.033333335,0,1,0],[0,0,0,0,0,0,0,0,1]]})");
  ASSERT_TRUE(row);
  ASSERT_EQ(row->merchant.size(), 18U);
  EXPECT_EQ(row->merchant[1], 3.1780539F);
  EXPECT_EQ(row->merchant[5], 0.033333335F);
  EXPECT_EQ(row->merchant[17], 1);
  EXPECT_TRUE(reader.read(start + R"(,"merchant":[]})")->merchant.empty());
  EXPECT_TRUE(reader.read(start + "}")->merchant.empty());
  for (const char* wrong : {"1", "[1]", "[[1]]", R"([["x",0,0,0,0,0,0,0,0]])"}) {
    EXPECT_FALSE(reader.read(start + R"(,"merchant":)" + wrong + "}")) << wrong;
  }
}

TEST(FeatureRecordReader, RefusesWhatIsNoRecordOfExactlyTheseFeatures) {
  FeatureRecordReader reader({"a", "b"});
  const std::string payment =
      R"({"transaction_id":"t","user_id":"u","event_time":"1970-01-01T00:00:00Z")";
  EXPECT_TRUE(reader.read(payment + R"(,"windows":{"a":1,"b":2}})"));
  for (const std::string& json : {
           std::string(),
           std::string("{}"),
           payment + "}",
           payment + R"(,"windows":{"a":1}})",
           payment + R"(,"windows":{"b":1,"a":1}})",
           payment + R"(,"windows":{"a":1,"b":"x"}})",
           payment + R"(,"windows":{"a":1,"b":1,"c":1}})",
           std::string(R"({"transaction_id":"t","user_id":"u","windows":{"a":1,"b":1}})"),
           std::string(
               R"({"transaction_id":"t","user_id":"u","event_time":"x","windows":{"a":1,"b":1}})"),
       }) {
    const auto row = reader.read(json);
    ASSERT_FALSE(row) << json;
    EXPECT_EQ(row.error().message, "a features record without the declared features");
  }
}

}  // namespace
}  // namespace weir
