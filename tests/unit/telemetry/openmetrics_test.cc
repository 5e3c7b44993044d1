// The OpenMetrics form of a scrape, and who is given it. That a strict parser and Prometheus take
// it: tests/integration/tracing_test.py.

#include "pipeline/telemetry/openmetrics.h"

#include <limits>
#include <sstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/telemetry/accept.h"
#include "pipeline/telemetry/exposition.h"
#include "tests/unit/telemetry/fake_clock.h"

namespace weir::telemetry {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

class OpenMetricsTest : public testing::Test {
 protected:
  OpenMetricsTest() { exposition_.add_worker("0", metrics_); }
  [[nodiscard]] std::vector<std::string> scrape() const {
    std::vector<std::string> lines;
    std::istringstream in(exposition_.render_openmetrics());
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
  }

  StillClock clock_;
  Health health_{clock_, 1};
  WorkerMetrics metrics_;
  Exposition exposition_{{"0.1.0", "abc123"}, health_};
};

TEST_F(OpenMetricsTest, FamiliesAreNamedWithoutWhatTheirSamplesAdd) {
  const auto lines = scrape();
  for (const char* line :
       {"# TYPE weir_verdicts counter", "weir_verdicts_total{worker=\"0\",action=\"approve\"} 0",
        "# TYPE weir_consumer_lag_seconds gauge", "# UNIT weir_consumer_lag_seconds seconds",
        "# TYPE process_cpu_seconds counter", "# UNIT process_cpu_seconds seconds",
        "# UNIT weir_hot_set_bytes bytes", "# TYPE weir_build info",
        "weir_build_info{version=\"0.1.0\",revision=\"abc123\"} 1",
        "# TYPE weir_verdict_delay_seconds histogram", "weir_ready 0"}) {
    EXPECT_THAT(lines, Contains(line));
  }
  EXPECT_EQ(lines.back(), "# EOF");
  EXPECT_EQ(std::ranges::count(lines, "# EOF"), 1);
}

TEST_F(OpenMetricsTest, BoundsAreWrittenInOneWayOnly) {
  EXPECT_EQ(bound_text(1), "1.0");
  EXPECT_EQ(bound_text(0.001), "0.001");
  EXPECT_EQ(bound_text(1e-6), "1e-06");
  EXPECT_EQ(bound_text(2.5e-6), "2.5e-06");
  EXPECT_EQ(bound_text(86'400), "86400.0");
  EXPECT_EQ(bound_text(604'800), "604800.0");
  EXPECT_EQ(bound_text(1'000'000), "1e+06");
  EXPECT_EQ(bound_text(1'209'600), "1.2096e+06");
  EXPECT_EQ(bound_text(15'552'000), "1.5552e+07");
  EXPECT_EQ(bound_text(std::numeric_limits<double>::infinity()), "+Inf");
}

TEST_F(OpenMetricsTest, ABucketShowsTheNewestTraceThatFellIntoIt) {
  const auto fall = [&](std::uint64_t trace, double value, std::int64_t wall_ms) {
    metrics_.verdict_delay_seconds.observe(value);
    metrics_.delay_exemplars[metrics_.verdict_delay_seconds.bucket_of(value)].set(
        {{0xab, trace, 0xcd, 1}, value, wall_ms});
  };
  fall(1, 0.03, 1'700'000'000'001);
  fall(2, 0.04, 1'700'000'000'020);
  fall(3, 99, 1'700'000'000'300);
  const auto lines = scrape();
  EXPECT_THAT(lines, Contains("weir_verdict_delay_seconds_bucket{worker=\"0\",le=\"0.05\"} 2 # "
                              "{trace_id=\"00000000000000ab0000000000000002\","
                              "span_id=\"00000000000000cd\"} 0.04 1700000000.020"));
  EXPECT_THAT(lines, Contains("weir_verdict_delay_seconds_bucket{worker=\"0\",le=\"+Inf\"} 3 # "
                              "{trace_id=\"00000000000000ab0000000000000003\","
                              "span_id=\"00000000000000cd\"} 99 1700000000.300"));
  EXPECT_THAT(lines, Contains("weir_verdict_delay_seconds_bucket{worker=\"0\",le=\"0.25\"} 2"));
  EXPECT_THAT(exposition_.render_prometheus(), Not(HasSubstr("trace_id")))
      << "the older form has no exemplars";
}

TEST(Exemplars, AReaderNeverSeesTwoHalves) {
  ExemplarCell cell;
  EXPECT_FALSE(cell.get());
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (std::uint64_t i = 1; !stop; ++i) {
      cell.set({{i, i, i, 0}, static_cast<double>(i), static_cast<std::int64_t>(i)});
    }
  });
  std::size_t seen = 0;
  while (seen < 100'000) {
    const auto read = cell.get();
    if (!read) continue;
    ++seen;
    ASSERT_EQ(read->trace.trace_high, read->trace.span_id);
    ASSERT_EQ(static_cast<double>(read->trace.trace_low), read->value);
    ASSERT_EQ(static_cast<std::uint64_t>(read->wall_ms), read->trace.span_id);
  }
  stop = true;
  writer.join();
}

TEST(Accept, OpenMetricsIsForWhoNamesIt) {
  // Prometheus 2.42 and 3, curl, a browser.
  EXPECT_TRUE(
      wants_openmetrics("application/openmetrics-text;version=1.0.0,"
                        "application/openmetrics-text;version=0.0.1;q=0.75,"
                        "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"));
  EXPECT_TRUE(wants_openmetrics(
      "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
      "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;q=0.4,*/*;q=0.1"));
  EXPECT_TRUE(wants_openmetrics("application/openmetrics-text"));
  EXPECT_TRUE(wants_openmetrics(" application/openmetrics-text ; version = 1.0.0 "));
  for (const char* accept :
       {"", "*/*", "text/plain", "text/html,application/xhtml+xml,*/*;q=0.8",
        "application/openmetrics-text;version=0.0.1", "application/openmetrics-text;q=0",
        "application/openmetrics-text;q=0.3,text/plain;q=0.9", "application/openmetrics-text;q=x",
        ",;=,;;", "application/openmetrics-textual"}) {
    EXPECT_FALSE(wants_openmetrics(accept)) << accept;
  }
}

}  // namespace
}  // namespace weir::telemetry
