// The metrics topic: differences of two moments, never totals.

#include "pipeline/telemetry/metrics_window.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::telemetry {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::int64_t kStartMs = 1'528'676'687'000;  // 2018-06-11T00:24:47Z

MetricsSnapshot snapshot(std::initializer_list<const WorkerMetrics*> workers,
                         std::int64_t wall_ms) {
  return take_snapshot(std::vector<const WorkerMetrics*>(workers), wall_ms);
}

TEST(MetricsWindow, CountsWhatHappenedInsideIt) {
  WorkerMetrics worker;
  worker.events_in.add(100);
  worker.verdicts[0].add(90);
  worker.commit_staged();
  const auto start = snapshot({&worker}, kStartMs);
  worker.events_in.add(25);
  worker.verdicts[2].add(5);
  worker.dead_letters.of(InputTopic::kLabels, RejectReason::kPan).add(2);
  worker.commit_staged();
  const std::string json =
      render_metrics_window(start, snapshot({&worker}, kStartMs + 10'000), "weir-0");
  EXPECT_THAT(
      json, testing::StartsWith(R"({"instance":"weir-0","window":{"start":"2018-06-11T00:24:47Z",)"
                                R"("end":"2018-06-11T00:24:57Z","seconds":10},"counters":{)"
                                R"("weir_events_consumed_total":{"count":25,"per_second":2.5},)"
                                R"("weir_verdicts_total":{"approve":{"count":0,"per_second":0},)"));
  EXPECT_THAT(json, HasSubstr(R"("review":{"count":5,"per_second":0.5})"));
  const std::size_t labels = json.find(R"("weir_dead_letters_total":{"transactions":{"decode":)");
  EXPECT_THAT(json.substr(labels), HasSubstr(R"("labels":{"decode":{"count":0,"per_second":0},)"));
  EXPECT_THAT(json.substr(labels), HasSubstr(R"("pan":{"count":2,"per_second":0.2})"));
}

TEST(MetricsWindow, GaugesAreThoseOfItsEndSummedOrTheWorst) {
  WorkerMetrics a;
  WorkerMetrics b;
  const auto start = snapshot({&a, &b}, 0);
  a.lag_records.set(7);
  b.lag_records.set(5);
  a.lag_seconds.set(3);
  b.lag_seconds.set(9.5);
  const std::string json = render_metrics_window(start, snapshot({&a, &b}, 1'000), "i");
  EXPECT_THAT(json, HasSubstr(R"("weir_consumer_lag_records":12)"));
  EXPECT_THAT(json, HasSubstr(R"("weir_consumer_lag_seconds":9.5)"));
}

TEST(MetricsWindow, QuantilesAreOfTheWindowNotOfTheTotal) {
  WorkerMetrics worker;
  for (int i = 0; i < 1'000; ++i) worker.verdict_delay_seconds.observe(5);  // an earlier, slow time
  const auto start = snapshot({&worker}, 0);
  for (int i = 0; i < 100; ++i) worker.verdict_delay_seconds.observe(1.0 / 256);
  const std::string json = render_metrics_window(start, snapshot({&worker}, 1'000), "i");
  // All in the bucket (0.0025, 0.005]: half way, and 99 hundredths of the way through.
  EXPECT_THAT(json, HasSubstr(R"("weir_verdict_delay_seconds":{"count":100,"sum":0.390625,)"));
  EXPECT_THAT(json, HasSubstr(R"("p50":0.00375,"p99":0.004975)"));
}

TEST(MetricsWindow, NothingSeenIsNullNotZero) {
  const auto moment = snapshot({}, 0);
  const std::string json = render_metrics_window(moment, moment, "i");
  EXPECT_THAT(json, HasSubstr(R"("weir_score":{"count":0,"sum":0,"p50":null,"p99":null})"));
  EXPECT_THAT(json, Not(HasSubstr("nan")));
  EXPECT_THAT(json, Not(HasSubstr("inf")));
}

TEST(MetricsWindow, QuantileAboveTheLastBoundIsTheLastBound) {
  ScoreHistogram histogram(kScoreBounds);
  HistogramReading reading{histogram.bounds(), std::vector<double>(kScoreBounds.size() + 1, 0.0),
                           0};
  reading.buckets.back() = 10;
  EXPECT_EQ(estimate_quantile(reading, 0.5), 1.0);
  reading.buckets.front() = 10;
  EXPECT_DOUBLE_EQ(estimate_quantile(reading, 0.25), 0.0005);
  EXPECT_DOUBLE_EQ(estimate_quantile(reading, 0.5), 0.001);
  EXPECT_EQ(estimate_quantile(reading, 0.51), 1.0);
}

}  // namespace
}  // namespace weir::telemetry
