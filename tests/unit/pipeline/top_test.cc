// What `weir top` makes of two looks at /metrics.

#include <gtest/gtest.h>

#include "pipeline/top/exposition_reader.h"
#include "pipeline/top/figures.h"
#include "pipeline/top/screen.h"

namespace weir::top {
namespace {

std::vector<Sample> samples(std::string_view text) {
  auto read = read_exposition(text);
  EXPECT_TRUE(read);
  return read ? *read : std::vector<Sample>();
}

const char* const kBefore = R"(# HELP weir_verdicts_total ...
weir_verdicts_total{worker="0",action="approve"} 100
weir_verdicts_total{worker="0",action="decline"} 10
weir_verdict_delay_seconds_bucket{worker="0",le="0.01"} 50
weir_verdict_delay_seconds_bucket{worker="0",le="0.1"} 110
weir_verdict_delay_seconds_bucket{worker="0",le="+Inf"} 110
weir_step_duration_seconds_count{worker="0",step="score"} 10
weir_step_duration_seconds_sum{worker="0",step="score"} 1
)";
const char* const kNow = R"(weir_verdicts_total{worker="0",action="approve"} 160 1e9
weir_verdicts_total{worker="0",action="decline"} 20
weir_verdicts_total{worker="entities-0",action="approve"} 5000
weir_verdict_delay_seconds_bucket{worker="0",le="0.01"} 110 # {trace_id="x"} 0.005
weir_verdict_delay_seconds_bucket{worker="0",le="0.1"} 180
weir_verdict_delay_seconds_bucket{worker="0",le="+Inf"} 180
weir_step_duration_seconds_count{worker="0",step="score"} 20
weir_step_duration_seconds_sum{worker="0",step="score"} 1.02
weir_consumer_lag_records{worker="0"} 7
weir_consumer_lag_seconds{worker="0"} 0.5
weir_assigned_partitions{worker="0"} 4
weir_restored_partitions{worker="0"} 3
)";

TEST(Top, RatesAreOfTheTimeBetweenTheLooksAndOfStageDecisions) {
  const auto figures = figures_between(samples(kBefore), samples(kNow), 2);
  EXPECT_DOUBLE_EQ(figures.verdicts_per_second, 35);
  EXPECT_DOUBLE_EQ(figures.verdicts_total, 180);
  EXPECT_DOUBLE_EQ(figures.actions_per_second.at("decline"), 5);
  EXPECT_DOUBLE_EQ(figures.lag_records, 7);
  EXPECT_DOUBLE_EQ(figures.lag_seconds, 0.5);
  EXPECT_DOUBLE_EQ(figures.restoring_partitions, 1);
  EXPECT_DOUBLE_EQ(figures.delay_p50_ms, 10);  // 60 of 70 new ones
  EXPECT_DOUBLE_EQ(figures.delay_p99_ms, 100);
  ASSERT_EQ(figures.steps.size(), 1U);
  EXPECT_EQ(figures.steps[0].name, "score");
  EXPECT_NEAR(figures.steps[0].mean_ms, 2, 1e-9);
  EXPECT_DOUBLE_EQ(figures.steps[0].batches_per_second, 5);
}

TEST(Top, ACounterThatFellCountsFromZero) {
  const auto figures = figures_between(samples(kNow), samples(kBefore), 1);
  EXPECT_DOUBLE_EQ(figures.verdicts_per_second, 110);
  EXPECT_DOUBLE_EQ(figures.delay_p99_ms, 100);
}

TEST(Top, AnInstanceThatIsAwayIsShownWithItsReason) {
  const std::vector<InstanceFigures> instances = {{"http://a:1", "connection refused", {}}};
  const auto text = page(instances, {}, false);
  EXPECT_NE(text.find("http://a:1"), std::string::npos);
  EXPECT_NE(text.find("connection refused"), std::string::npos);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(Top, WhatIsNoExpositionIsRefusedByLine) {
  for (const auto* text : {"<html>", "a{b=\"c\"", "a{b=\"c} 1", "a", "a b", " 1"})
    EXPECT_FALSE(read_exposition(text)) << text;
  EXPECT_TRUE(read_exposition("a_total{b=\"x\\\"y\"} 1e3\n\n# c\nd NaN\n"));
}

}  // namespace
}  // namespace weir::top
