// Event time: RFC 3339 or epoch milliseconds in, one canonical text out.
#include "pipeline/core/event_time.h"

#include <random>

#include <gtest/gtest.h>

namespace weir {
namespace {

/// Milliseconds, or -1 when refused.
std::int64_t ms(std::string_view text) {
  const auto time = parse_event_time(text);
  return time ? time->ms : -1;
}

TEST(ParseEventTime, ReadsRfc3339) {
  EXPECT_EQ(ms("2018-06-11T00:24:47Z"), 1'528'676'687'000);
  EXPECT_EQ(ms("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(ms("2000-02-29T23:59:59Z"), 951'868'799'000);
  EXPECT_EQ(ms("2018-06-11t00:24:47z"), 1'528'676'687'000);
  EXPECT_EQ(ms("2018-06-11 00:24:47Z"), 1'528'676'687'000);
}

TEST(ParseEventTime, CutsFractionsToMilliseconds) {
  EXPECT_EQ(ms("1970-01-01T00:00:00.5Z"), 500);
  EXPECT_EQ(ms("1970-01-01T00:00:00.123Z"), 123);
  EXPECT_EQ(ms("1970-01-01T00:00:00.123999999Z"), 123);
  EXPECT_EQ(ms("1970-01-01T00:00:00.000Z"), 0);
}

TEST(ParseEventTime, HonoursOffsets) {
  EXPECT_EQ(ms("2018-06-11T02:24:47+02:00"), 1'528'676'687'000);
  EXPECT_EQ(ms("2018-06-10T20:54:47-03:30"), 1'528'676'687'000);
  EXPECT_EQ(ms("2018-06-11T00:24:47-00:00"), 1'528'676'687'000);
  EXPECT_EQ(ms("1970-01-01T00:00:00.250+00:00"), 250);
}

TEST(ParseEventTime, TakesALeapSecondAsTheStartOfTheNext) {
  EXPECT_EQ(ms("2016-12-31T23:59:60Z"), ms("2017-01-01T00:00:00Z"));
  EXPECT_EQ(ms("2016-12-31T23:59:60.900Z"), ms("2017-01-01T00:00:00Z"));
  EXPECT_EQ(ms("2016-12-31T23:59:61Z"), -1);
}

TEST(ParseEventTime, ReadsEpochMilliseconds) {
  EXPECT_EQ(ms("0"), 0);
  EXPECT_EQ(ms("1528676687123"), 1'528'676'687'123);
}

TEST(ParseEventTime, AcceptsTheFirstAndTheLastMillisecond) {
  EXPECT_EQ(ms("253402300799999"), kEventTimeMax.ms);
  EXPECT_EQ(ms("253402300800000"), -1);
  EXPECT_EQ(ms("9999-12-31T23:59:59.999Z"), kEventTimeMax.ms);
  EXPECT_EQ(ms("9999-12-31T23:59:60Z"), -1);
  EXPECT_EQ(ms("1969-12-31T23:59:59Z"), -1);
  EXPECT_EQ(ms("1970-01-01T00:00:00+00:01"), -1);
}

TEST(ParseEventTime, RefusesDaysTheCalendarDoesNotHave) {
  EXPECT_EQ(ms("2019-02-29T00:00:00Z"), -1);
  EXPECT_EQ(ms("2100-02-29T00:00:00Z"), -1);
  EXPECT_EQ(ms("2018-04-31T00:00:00Z"), -1);
  EXPECT_EQ(ms("2018-13-01T00:00:00Z"), -1);
  EXPECT_EQ(ms("2018-00-01T00:00:00Z"), -1);
  EXPECT_EQ(ms("2018-01-00T00:00:00Z"), -1);
  EXPECT_EQ(ms("2018-01-01T24:00:00Z"), -1);
  EXPECT_EQ(ms("2018-01-01T00:60:00Z"), -1);
}

TEST(ParseEventTime, RefusesWhatIsNeither) {
  for (const std::string_view text : {"",
                                      "-1",
                                      "+1",
                                      "1.5",
                                      "1e12",
                                      "now",
                                      "2018-06-11",
                                      "2018-06-11T00:24:47",
                                      "2018-06-11T00:24:47.Z",
                                      "2018-06-11T00:24:47+2:00",
                                      "2018-06-11T00:24:47+0200",
                                      "2018-06-11T00:24:47Zx",
                                      "2018-06-11T00:24:47+24:00",
                                      "2018-06-11T00:24:47+00:60",
                                      "2018/06/11T00:24:47Z",
                                      "18446744073709551616",
                                      "99999999999999999999999",
                                      "2018-06-11T00:24:4",
                                      "0000-",
                                      "2018-",
                                      "x018-06-11T00:24:47Z"}) {
    EXPECT_EQ(ms(text), -1) << text;
  }
}

TEST(FormatEventTime, ShowsMillisecondsOnlyWhenThereAreAny) {
  EXPECT_EQ(format_event_time({1'528'676'687'000}), "2018-06-11T00:24:47Z");
  EXPECT_EQ(format_event_time({1'528'676'687'007}), "2018-06-11T00:24:47.007Z");
  EXPECT_EQ(format_event_time({0}), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format_event_time(kEventTimeMax), "9999-12-31T23:59:59.999Z");
}

TEST(FormatEventTime, IsReadBackAsTheSameTime) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 10'000; ++i) {
    const auto t =
        static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(kEventTimeMax.ms + 1));
    ASSERT_EQ(ms(format_event_time({t})), t);
    ASSERT_EQ(ms(std::to_string(t)), t);
  }
}

}  // namespace
}  // namespace weir
