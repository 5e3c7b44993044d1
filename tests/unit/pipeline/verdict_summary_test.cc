// VerdictSummary: what demo and replay print. Average precision is compared with
// values computed by hand.

#include "pipeline/verdict_summary.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

namespace weir {
namespace {

std::string verdict(std::string_view id, double p, std::string_view action = "approve") {
  return fmt::format(
      R"({{"transaction_id":"{}","action":"{}","duplicate":false,"late":false,"degraded":[],)"
      R"("risk":{{"fraud":{{"p":{}}}}}}})",
      id, action, p);
}

class VerdictSummaryTest : public testing::Test {
 protected:
  void add(std::string_view id, double p, bool is_fraud) {
    summary_.add_verdict(verdict(id, p));
    summary_.add_label(id, is_fraud);
  }
  VerdictSummary summary_;
};

TEST_F(VerdictSummaryTest, AveragePrecisionOfARankingWithoutTies) {
  add("a", 0.9, true);
  add("b", 0.8, false);
  add("c", 0.7, true);
  add("d", 0.6, false);
  ASSERT_TRUE(summary_.quality());
  EXPECT_EQ(summary_.quality()->labelled, 4U);
  EXPECT_EQ(summary_.quality()->frauds, 2U);
  EXPECT_DOUBLE_EQ(summary_.quality()->average_precision, 1.0 / 2 * 1 + 1.0 / 2 * (2.0 / 3));
}

TEST_F(VerdictSummaryTest, TiedScoresAreOneStepWhateverTheirOrder) {
  // At .5 one of two is a fraud (recall 1/2), at .4 two of three (recall 1).
  const double expected = 1.0 / 2 * (1.0 / 2) + 1.0 / 2 * (2.0 / 3);
  add("a", 0.5, true);
  add("b", 0.5, false);
  add("c", 0.4, true);
  EXPECT_DOUBLE_EQ(summary_.quality()->average_precision, expected);

  VerdictSummary turned;
  for (const auto& [id, p, is_fraud] :
       {std::tuple{"c", 0.4, true}, {"b", 0.5, false}, {"a", 0.5, true}}) {
    turned.add_label(id, is_fraud);
    turned.add_verdict(verdict(id, p));
  }
  EXPECT_DOUBLE_EQ(turned.quality()->average_precision, expected);
}

TEST_F(VerdictSummaryTest, OneScoreForAllGivesTheShareOfFrauds) {
  add("a", 0.5, true);
  add("b", 0.5, false);
  add("c", 0.5, false);
  add("d", 0.5, false);
  EXPECT_DOUBLE_EQ(summary_.quality()->average_precision, 0.25);
}

TEST_F(VerdictSummaryTest, WithoutBothKindsOfPaymentThereIsNoQuality) {
  EXPECT_FALSE(summary_.quality());
  add("a", 0.5, true);
  EXPECT_FALSE(summary_.quality()) << "only frauds";
  add("b", 0.4, false);
  EXPECT_TRUE(summary_.quality());
}

TEST_F(VerdictSummaryTest, OnlyVerdictsWithScoreAndLabelCountForQuality) {
  add("a", 0.9, true);
  add("b", 0.1, false);
  summary_.add_verdict(verdict("without label", 0.99));
  summary_.add_label("without verdict", true);
  summary_.add_label("without score", true);
  summary_.add_verdict(
      R"({"transaction_id":"without score","action":"review","duplicate":false,"late":false,)"
      R"("degraded":["no_model"],"risk":{"fraud":{"p":null}}})");
  EXPECT_EQ(summary_.quality()->labelled, 2U);
  EXPECT_DOUBLE_EQ(summary_.quality()->average_precision, 1);
  EXPECT_EQ(summary_.counts().degraded, 1U);
}

TEST_F(VerdictSummaryTest, TheLatestLabelOfAPaymentHolds) {
  add("a", 0.9, false);
  add("b", 0.1, true);
  EXPECT_DOUBLE_EQ(summary_.quality()->average_precision, 0.5);
  summary_.add_label("a", true);
  summary_.add_label("b", false);
  EXPECT_DOUBLE_EQ(summary_.quality()->average_precision, 1);
}

TEST_F(VerdictSummaryTest, CountsActionsAndLeavesDuplicatesOut) {
  summary_.add_verdict(verdict("a", 0.1, "approve"));
  summary_.add_verdict(verdict("b", 0.5, "review"));
  summary_.add_verdict(verdict("c", 0.9, "decline"));
  summary_.add_verdict(R"({"transaction_id":"c","action":"decline","duplicate":true})");
  summary_.add_verdict(
      R"({"transaction_id":"d","action":"approve","duplicate":false,"late":true})");
  EXPECT_EQ(summary_.counts().verdicts, 4U);
  EXPECT_EQ(summary_.counts().approve, 2U);
  EXPECT_EQ(summary_.counts().review, 1U);
  EXPECT_EQ(summary_.counts().decline, 1U);
  EXPECT_EQ(summary_.counts().duplicates, 1U);
  EXPECT_EQ(summary_.counts().late, 1U);
  EXPECT_EQ(summary_.riskiest(), "c");
}

TEST_F(VerdictSummaryTest, WhatIsNotAVerdictIsCountedAsUnreadable) {
  for (const char* line : {"", "{", "[]", "7", R"({"transaction_id":"a"})",
                           R"({"transaction_id":"a","action":"approve","duplicate":"no"})"}) {
    summary_.add_verdict(line);
  }
  EXPECT_EQ(summary_.counts().unreadable, 6U);
  EXPECT_EQ(summary_.counts().verdicts, 0U);
}

}  // namespace
}  // namespace weir
