// CountedProfiles: the table's answers, each counted once.

#include "pipeline/profiles/counted_profiles.h"

#include <gtest/gtest.h>

#include "tests/unit/telemetry/fake_clock.h"

namespace weir {
namespace {

using operators::ProfileState;
using namespace std::chrono_literals;

TEST(CountedProfiles, AnswersAsTheTableAndCountsByStateAndAge) {
  telemetry::StillClock clock;
  telemetry::WorkerMetrics metrics;
  ProfileTable table(1, 60s, clock);
  const CountedProfiles profiles(table, metrics);
  double value = 0;
  operators::ProfileVersion version;
  const auto find = [&](std::string_view id) {
    return profiles.find(state::EntityKind::kMerchant, id, 7, {&value, 1}, version, nullptr);
  };

  EXPECT_EQ(find("T1"), ProfileState::kDown);
  ASSERT_TRUE(table.put("m:T1", operators::encode_profile({{1'000, 5}, 0, 7, {2.5}, {}})));
  ASSERT_TRUE(table.put("~0", operators::encode_heartbeat({0, clock.wall_ms(), 1'000})));
  table.set_loaded();
  clock.advance(7ms);
  EXPECT_EQ(find("T1"), ProfileState::kCurrent);
  EXPECT_EQ(value, 2.5);
  EXPECT_EQ(version.sequence, 5U);
  EXPECT_EQ(find("T2"), ProfileState::kNone);
  clock.advance(60s);
  EXPECT_EQ(find("T1"), ProfileState::kStale);

  for (const auto& cell : metrics.profile_lookups) EXPECT_EQ(cell.get(), 1);
  const auto& staleness = metrics.profile_staleness_seconds;
  EXPECT_EQ(staleness.bucket(0), 0) << "while it was down there was no age";
  EXPECT_EQ(staleness.bucket(1), 2) << "5 to 10 ms";
  EXPECT_EQ(staleness.bucket(13), 1) << "1 to 5 min";
  EXPECT_NEAR(staleness.sum(), 60.021, 1e-9);
}

}  // namespace
}  // namespace weir
