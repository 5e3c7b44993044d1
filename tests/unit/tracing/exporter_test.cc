// Headers of requests, and an exporter whose collector is not there. With a real one:
// tests/integration/tracing_test.py.

#include "pipeline/tracing/exporter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::tracing {
namespace {

using std::chrono::milliseconds;

TEST(Headers, AreLinesOfNameAndValue) {
  const auto headers =
      parse_headers("Authorization: Bearer abc:def\r\n\n# for the other tenant\nX-Scope-OrgID:1 ");
  ASSERT_TRUE(headers);
  EXPECT_THAT(*headers, testing::ElementsAre(testing::Pair("Authorization", "Bearer abc:def"),
                                             testing::Pair("X-Scope-OrgID", "1")));
}

TEST(Headers, WhatIsNoneIsNamedByItsLineAndNotRepeated) {
  for (const char* text : {"A: b\nsecret-token", "A: b\n: secret", "A: b\nsecret token: x"}) {
    const auto headers = parse_headers(text);
    ASSERT_FALSE(headers) << text;
    EXPECT_THAT(headers.error().message, testing::StartsWith("line 2: write name: value"));
    EXPECT_THAT(headers.error().message, testing::Not(testing::HasSubstr("secret")));
  }
}

TEST(Exporter, GivesSpansUpWhenNobodyTakesThem) {
  ExporterOptions options;
  options.endpoint = "http://127.0.0.1:1";
  options.interval = options.backoff_first = options.backoff_max = milliseconds(1);
  options.request_spans = 10;
  Exporter exporter(options, {{"transactions", "weir", "0"}});
  ASSERT_TRUE(exporter.queue(0).push(std::vector<Span>(25)));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (exporter.figures().failed < 25 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  EXPECT_EQ(exporter.figures().failed, 25);
  EXPECT_EQ(exporter.figures().sent, 0);
}

TEST(Exporter, EndsAtOnceThoughSpansWait) {
  ExporterOptions options;
  options.endpoint = "http://127.0.0.1:1";
  options.backoff_first = options.interval = std::chrono::hours(1);
  const auto started = std::chrono::steady_clock::now();
  {
    Exporter exporter(options, {{"transactions", "weir", "0"}});
    exporter.queue(0).push(std::vector<Span>(5));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(5));
}

}  // namespace
}  // namespace weir::tracing
