// Lines stay lines, whatever is in them.

#include "pipeline/telemetry/log.h"

#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir {
namespace {

constexpr std::int64_t kNoon = 1'769'860'800'123;  // 2026-01-31T12:00:00.123Z

class Log : public testing::Test {
 protected:
  ~Log() override { configure_log(LogLevel::kInfo, LogFormat::kText); }
};

TEST_F(Log, TextLineHasTimeLevelThreadAndMessage) {
  EXPECT_EQ(format_log_line(LogFormat::kText, LogLevel::kInfo, kNoon, "worker-0",
                            "assigned 4 partitions"),
            "2026-01-31T12:00:00.123Z INFO  worker-0 assigned 4 partitions");
}

TEST_F(Log, JsonLineEscapesQuotesBackslashesAndControlCharacters) {
  EXPECT_EQ(
      format_log_line(LogFormat::kJson, LogLevel::kError, kNoon, "main", "a \"b\" \\ c\nd\x01 {}"),
      R"({"time":"2026-01-31T12:00:00.123Z","level":"error","thread":"main",)"
      R"("message":"a \"b\" \\ c\nd\u0001 {}"})");
}

TEST_F(Log, MessageCannotForgeASecondLine) {
  EXPECT_EQ(format_log_line(LogFormat::kText, LogLevel::kWarn, kNoon, "main",
                            "x\n2026 INFO main y\x1B[2J"),
            "2026-01-31T12:00:00.123Z WARN  main x\\n2026 INFO main y\\u001b[2J");
}

TEST_F(Log, LevelHidesWhatIsBelowIt) {
  configure_log(LogLevel::kWarn, LogFormat::kText);
  testing::internal::CaptureStderr();
  log_info("not {}", "seen");
  log_warn("seen {}", 1);
  log_error("seen {}", 2);
  const std::string lines = testing::internal::GetCapturedStderr();
  EXPECT_THAT(lines, testing::Not(testing::HasSubstr("not")));
  EXPECT_THAT(lines, testing::ContainsRegex("WARN  main seen 1\n.*ERROR main seen 2\n$"));
}

TEST_F(Log, BracesInAReadyMadeMessageAreKept) {
  testing::internal::CaptureStderr();
  log_line(LogLevel::kInfo, "{} {0} %v");
  EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::EndsWith(" main {} {0} %v\n"));
}

TEST_F(Log, LinesOfManyThreadsNeverMix) {
  configure_log(LogLevel::kInfo, LogFormat::kJson);
  testing::internal::CaptureStderr();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      name_log_thread(fmt::format("worker-{}", t));
      for (int i = 0; i < 50; ++i) log_info("line {} {}", i, std::string(300, 'x'));
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::istringstream lines(testing::internal::GetCapturedStderr());
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    EXPECT_TRUE(line.starts_with("{\"time\":\"") && line.ends_with("xxx\"}")) << line;
  }
  EXPECT_EQ(count, 200);
}

}  // namespace
}  // namespace weir
