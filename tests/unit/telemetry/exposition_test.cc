// What a scrape holds: clean for promtool, complete from the start, every cell of a worker exposed.

#include "pipeline/telemetry/exposition.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "pipeline/telemetry/metric_families.h"
#include "tests/unit/telemetry/fake_clock.h"

namespace weir::telemetry {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

class ExpositionTest : public testing::Test {
 protected:
  ExpositionTest() { exposition_.add_worker("0", metrics_); }

  [[nodiscard]] std::vector<std::string> scrape() const {
    return lines_of(exposition_.render_prometheus());
  }

  StillClock clock_;
  Health health_{clock_, 1};
  WorkerMetrics metrics_;
  Exposition exposition_{{"0.1.0", "abc123"}, health_};
};

TEST_F(ExpositionTest, PromtoolFindsNothing) {
  if (::access("/usr/bin/promtool", X_OK) != 0) {
    GTEST_SKIP()
        << "promtool is not here (Debian package prometheus): names and units are not linted";
  }
  metrics_.step_seconds[0].observe(0.002);
  metrics_.score.observe(0.3);
  const auto report =
      std::filesystem::temp_directory_path() / ("weir-promtool-" + std::to_string(::getpid()));
  std::FILE* promtool =
      ::popen(("/usr/bin/promtool check metrics >" + report.native() + " 2>&1").c_str(), "w");
  ASSERT_NE(promtool, nullptr);
  const std::string text = exposition_.render_prometheus();
  std::fwrite(text.data(), 1, text.size(), promtool);
  const int status = ::pclose(promtool);
  std::ostringstream said;
  said << std::ifstream(report).rdbuf();
  std::filesystem::remove(report);
  EXPECT_EQ(status, 0) << said.str();
  EXPECT_THAT(said.str(), IsEmpty());
}

TEST_F(ExpositionTest, EverySeriesIsThereWithZeroFromTheFirstScrape) {
  const auto lines = scrape();
  for (const char* series :
       {"weir_events_consumed_total{worker=\"0\"} 0",
        "weir_verdicts_total{worker=\"0\",action=\"approve\"} 0",
        "weir_verdicts_total{worker=\"0\",action=\"block\"} 0",
        "weir_dead_letters_total{worker=\"0\",input=\"labels\",reason=\"poison\"} 0",
        "weir_waiting_labels_dropped_total{worker=\"0\"} 0",
        "weir_amount_total{worker=\"0\",action=\"decline\",currency=\"other\"} 0",
        "weir_verdict_delay_seconds_bucket{worker=\"0\",le=\"3\"} 0",
        "weir_commits_total{worker=\"0\",outcome=\"aborted\"} 0",
        "weir_consumer_lag_records{worker=\"0\"} 0",
        "weir_step_duration_seconds_count{worker=\"0\",step=\"score\"} 0",
        "weir_step_duration_seconds_bucket{worker=\"0\",step=\"commit\",le=\"+Inf\"} 0",
        "weir_score_bucket{worker=\"0\",le=\"0.001\"} 0",
        "weir_profile_lookups_total{worker=\"0\",state=\"down\"} 0",
        "weir_profile_staleness_seconds_bucket{worker=\"0\",le=\"0.005\"} 0",
        "weir_profile_staleness_seconds_bucket{worker=\"0\",le=\"3600\"} 0",
        "weir_profiles 0",
        "weir_profile_bytes 0",
        "weir_profile_records_total 0",
        "weir_profile_bad_records_total 0",
        "weir_build_info{version=\"0.1.0\",revision=\"abc123\"} 1",
        "weir_model_info{name=\"\",version=\"\",digest=\"\"} 1",
        "weir_ready 0",
        "weir_live 1"}) {
    EXPECT_THAT(lines, Contains(series));
  }
}

// Counts 8-byte cells: who adds one to WorkerMetrics must give it a row in metric_families.cc.
TEST_F(ExpositionTest, EveryCellOfAWorkerIsExposed) {
  constexpr std::size_t kBounds = kStepNames.size() * kDurationBounds.size() + kDelayBounds.size() +
                                  kScoreBounds.size() + kStalenessBounds.size();
  constexpr std::size_t kStagedCells =  // of two words, of which one is exposed
      std::tuple_size_v<decltype(WorkerMetrics::verdicts)> +
      std::tuple_size_v<decltype(WorkerMetrics::degraded)> +
      std::tuple_size_v<decltype(DeadLetterCounters::cells)> + 6 + kScoreBounds.size() + 2;
  constexpr std::size_t kCells = (sizeof(WorkerMetrics) - sizeof(LabelCounters) -
                                  sizeof(AmountCounters) - sizeof(WorkerMetrics::delay_exemplars)) /
                                     sizeof(Cell) -
                                 kBounds - kStagedCells;
  std::size_t exposed = 0;
  for (const std::string& line : scrape()) {
    // _count is the sum of the buckets, no cell of its own.
    if (line.find("{worker=\"0\"") != std::string::npos &&
        line.find("_count{") == std::string::npos && !line.starts_with("weir_amount_total"))
      ++exposed;
  }
  EXPECT_EQ(exposed, kCells);
}

TEST_F(ExpositionTest, LabelsAreCountedBySourceOpinionAndOutcomeWithTheirDelay) {
  metrics_.labels.count("issuer", true, LabelFate::kApplied, 86'400);
  metrics_.labels.count("", false, LabelFate::kWaiting, -5);
  metrics_.commit_staged();
  const auto lines = scrape();
  EXPECT_THAT(lines, Contains("weir_labels_total{worker=\"0\",source=\"issuer\",fraud=\"true\","
                              "outcome=\"applied\"} 1"));
  EXPECT_THAT(lines, Contains("weir_labels_total{worker=\"0\",source=\"unknown\",fraud=\"false\","
                              "outcome=\"waiting\"} 1"));
  EXPECT_THAT(lines,
              Contains("weir_label_delay_seconds_sum{worker=\"0\",source=\"issuer\"} 86400"));
  EXPECT_THAT(lines, Contains("weir_label_delay_seconds_bucket{worker=\"0\",source=\"issuer\","
                              "le=\"86400\"} 1"));
}

TEST_F(ExpositionTest, AmountsAreCountedByActionAndConfiguredCurrency) {
  const std::string codes[] = {"EUR", "JPY"};
  metrics_.amounts.tell_apart(codes);
  metrics_.amounts.add("EUR", Action::kDecline, 12.5);
  metrics_.amounts.add("EUR", Action::kDecline, 0.25);
  metrics_.amounts.add("JPY", Action::kApprove, 4'000);
  metrics_.amounts.add("CHF", Action::kApprove, 1);
  metrics_.amounts.add("PLN", Action::kApprove, 2);
  metrics_.commit_staged();
  const auto lines = scrape();
  for (const char* series :
       {"weir_amount_total{worker=\"0\",action=\"decline\",currency=\"EUR\"} 12.75",
        "weir_amount_total{worker=\"0\",action=\"approve\",currency=\"EUR\"} 0",
        "weir_amount_total{worker=\"0\",action=\"approve\",currency=\"JPY\"} 4000",
        "weir_amount_total{worker=\"0\",action=\"approve\",currency=\"other\"} 3"}) {
    EXPECT_THAT(lines, Contains(series));
  }
}

TEST_F(ExpositionTest, GaugesOfAWorkerThatHasEndedAreReset) {
  const auto gauge = [&](const CellFamily& row, std::size_t i) -> Cell& {
    return const_cast<Cell&>(row.cell(metrics_, i));
  };
  for (const CellFamily& row : cell_families()) {
    for (std::size_t i = 0; i < row.size(); ++i) gauge(row, i).set(7);
  }
  metrics_.reset_gauges();
  for (const CellFamily& row : cell_families()) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      EXPECT_EQ(gauge(row, i).get(), row.kind == Kind::kGauge ? 0 : 7) << row.name;
    }
  }
}

TEST_F(ExpositionTest, EveryFamilyHasHelpTypeAndAnOwnPrefix) {
  std::set<std::string> helped;
  for (const std::string& line : scrape()) {
    if (line.starts_with("# HELP ")) {
      const std::string name = line.substr(7, line.find(' ', 7) - 7);
      EXPECT_TRUE(name.starts_with("weir_") || name.starts_with("process_")) << name;
      EXPECT_GT(line.size(), name.size() + 15) << line;
      EXPECT_TRUE(helped.insert(name).second) << name << " twice";
    } else if (line.starts_with("# TYPE ")) {
      EXPECT_TRUE(helped.contains(line.substr(7, line.find(' ', 7) - 7))) << line;
    }
  }
  EXPECT_GT(helped.size(), 30U);
}

TEST_F(ExpositionTest, HistogramBucketsAreCumulativeAndBoundsInclusive) {
  metrics_.score.observe(0.001);
  metrics_.score.observe(0.0011);
  metrics_.score.observe(1.0, 3);
  metrics_.commit_staged();
  const auto lines = scrape();
  EXPECT_THAT(lines, Contains("weir_score_bucket{worker=\"0\",le=\"0.001\"} 1"));
  EXPECT_THAT(lines, Contains("weir_score_bucket{worker=\"0\",le=\"0.002\"} 2"));
  EXPECT_THAT(lines, Contains("weir_score_bucket{worker=\"0\",le=\"1\"} 5"));
  EXPECT_THAT(lines, Contains("weir_score_bucket{worker=\"0\",le=\"+Inf\"} 5"));
  EXPECT_THAT(lines, Contains("weir_score_count{worker=\"0\"} 5"));
  EXPECT_THAT(lines, Contains("weir_score_sum{worker=\"0\"} 3.0021"));
}

TEST_F(ExpositionTest, WorkersAreKeptApart) {
  WorkerMetrics second;
  exposition_.add_worker("1", second);
  metrics_.verdicts[0].add(3);
  second.verdicts[0].add(4);
  metrics_.commit_staged();
  second.commit_staged();
  const auto lines = scrape();
  EXPECT_THAT(lines, Contains("weir_verdicts_total{worker=\"0\",action=\"approve\"} 3"));
  EXPECT_THAT(lines, Contains("weir_verdicts_total{worker=\"1\",action=\"approve\"} 4"));
}

TEST_F(ExpositionTest, WhatATransactionBroughtAboutCountsWhenItCommits) {
  const auto verdicts = Contains("weir_verdicts_total{worker=\"0\",action=\"approve\"} 3");
  metrics_.verdicts[0].add(3);
  metrics_.labels.count("issuer", true, LabelFate::kApplied, 1);
  metrics_.score.observe(0.1);
  EXPECT_THAT(scrape(), Not(verdicts));
  metrics_.forget_staged();  // given up: its input runs again
  metrics_.commit_staged();
  EXPECT_THAT(scrape(), Contains("weir_score_count{worker=\"0\"} 0"));
  EXPECT_THAT(scrape(), Not(Contains(HasSubstr("weir_labels_total{"))));
  metrics_.verdicts[0].add(3);
  metrics_.commit_staged();
  metrics_.commit_staged();
  EXPECT_THAT(scrape(), verdicts);
}

TEST_F(ExpositionTest, FollowsModelAndHealth) {
  exposition_.set_model({"handbook-attend", "1.0.0", "sha256:ab"});
  health_.worker(0).set_phase(WorkerPhase::kRunning);
  auto lines = scrape();
  EXPECT_THAT(
      lines,
      Contains(
          "weir_model_info{name=\"handbook-attend\",version=\"1.0.0\",digest=\"sha256:ab\"} 1"));
  EXPECT_THAT(lines, Contains("weir_ready 1"));
  clock_.advance(std::chrono::hours(1));
  lines = scrape();
  EXPECT_THAT(lines, Contains("weir_live 0"));
  EXPECT_THAT(lines, Not(Contains(HasSubstr("name=\"\""))));
}

TEST_F(ExpositionTest, ReadsTheTableOfProfilesAtEachScrape) {
  double profiles = 10;
  exposition_.set_profiles([&] { return ProfileFigures{profiles++, 2'048, 30, 4}; });
  const auto lines = scrape();
  EXPECT_THAT(lines, Contains("weir_profiles 10"));
  EXPECT_THAT(lines, Contains("weir_profile_bytes 2048"));
  EXPECT_THAT(lines, Contains("weir_profile_records_total 30"));
  EXPECT_THAT(lines, Contains("weir_profile_bad_records_total 4"));
  EXPECT_THAT(scrape(), Contains("weir_profiles 11"));
}

TEST_F(ExpositionTest, ProcessFiguresAreReal) {
  std::map<std::string, double> values;
  for (const std::string& line : scrape()) {
    const auto space = line.find(' ');
    if (line.starts_with("process_"))
      values[line.substr(0, space)] = std::stod(line.substr(space + 1));
  }
  EXPECT_GT(values["process_resident_memory_bytes"], 1e6);
  EXPECT_GT(values["process_virtual_memory_bytes"], values["process_resident_memory_bytes"]);
  EXPECT_GT(values["process_cpu_seconds_total"], 0);
  EXPECT_GT(values["process_start_time_seconds"], 1.5e9);
  EXPECT_GE(values["process_open_fds"], 3);
  EXPECT_GE(values["process_max_fds"], values["process_open_fds"]);
}

}  // namespace
}  // namespace weir::telemetry
