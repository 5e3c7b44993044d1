// Durations, sizes, suggestions: the small words of the loader.

#include "pipeline/config/units.h"

#include <gtest/gtest.h>

#include "pipeline/config/suggest.h"

namespace weir::config {
namespace {

using namespace std::chrono_literals;

std::chrono::milliseconds duration(std::string_view text) {
  auto reading = read_duration(text, 20ms);
  return std::holds_alternative<Complaint>(reading) ? -1ms
                                                    : std::get<std::chrono::milliseconds>(reading);
}
std::uint64_t bytes(std::string_view text) {
  return std::get<std::uint64_t>(read_bytes(text, 1));
}

TEST(Units, DurationsCountInMilliseconds) {
  EXPECT_EQ(duration("0ms"), 0ms);
  EXPECT_EQ(duration("20ms"), 20ms);
  EXPECT_EQ(duration("5s"), 5s);
  EXPECT_EQ(duration("10m"), 10min);
  EXPECT_EQ(duration("24h"), 24h);
  EXPECT_EQ(duration("7d"), 7 * 24h);
}

TEST(Units, SizesAreBinary) {
  EXPECT_EQ(bytes("512B"), 512U);
  EXPECT_EQ(bytes("64KiB"), 65'536U);
  EXPECT_EQ(bytes("128MiB"), 134'217'728U);
  EXPECT_EQ(bytes("2GiB"), 2'147'483'648U);
}

TEST(Units, LargestDurationPassesAndOneMoreDoesNot) {
  EXPECT_EQ(duration("9223372036854775807ms").count(), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(duration("9223372036854775808ms"), -1ms);
  EXPECT_EQ(duration("18446744073709551616ms"), -1ms);
  EXPECT_EQ(duration("2562047788015h").count(), 2'562'047'788'015 * 3'600'000);
  EXPECT_EQ(duration("2562047788016h"), -1ms);
}

TEST(Units, WhatIsNoQuantityIsRefused) {
  for (const char* text :
       {"", "ms", "5", "+5s", "-5s", "5 s", " 5s", "5s ", "1h30m", "5S", "0x5s", "1e3s", "1.5s"}) {
    EXPECT_EQ(duration(text), -1ms) << text;
  }
}

TEST(Units, ValuesAreWrittenInTheLargestUnitThatDividesThemAndReadBack) {
  EXPECT_EQ(format_duration(0ms), "0ms");
  EXPECT_EQ(format_duration(999ms), "999ms");
  EXPECT_EQ(format_duration(1'000ms), "1s");
  EXPECT_EQ(format_duration(90s), "90s");
  EXPECT_EQ(format_duration(24h), "1d");
  EXPECT_EQ(format_duration(25h), "25h");
  EXPECT_EQ(format_bytes(0), "0B");
  EXPECT_EQ(format_bytes(1'000), "1000B");
  EXPECT_EQ(format_bytes(65'536), "64KiB");
  for (const auto value : {1ms, 20ms, 1'500ms, 60'000ms, 86'400'000ms}) {
    EXPECT_EQ(duration(format_duration(value)), value);
  }
}

TEST(Suggestions, DistanceCountsInsertDeleteReplaceAndSwap) {
  EXPECT_EQ(edit_distance("brokers", "brokers"), 0U);
  EXPECT_EQ(edit_distance("brokrs", "brokers"), 1U);
  EXPECT_EQ(edit_distance("brokeers", "brokers"), 1U);
  EXPECT_EQ(edit_distance("brakers", "brokers"), 1U);
  EXPECT_EQ(edit_distance("borkers", "brokers"), 1U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

TEST(Suggestions, NearestIsOfferedOnlyWithinAThirdOfTheWord) {
  const std::vector<std::string> known = {"interval", "settle", "records_max"};
  EXPECT_EQ(nearest("intervl", known), "interval");
  EXPECT_EQ(nearest("settel", known), "settle");
  EXPECT_EQ(nearest("abcdefgh", known), std::nullopt);
  EXPECT_EQ(nearest(std::string(1'000'000, 'x'), known), std::nullopt);
}

}  // namespace
}  // namespace weir::config
