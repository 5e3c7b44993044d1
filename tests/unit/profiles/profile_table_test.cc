// ProfileTable: what a lookup says, and what a record changes.

#include "pipeline/profiles/profile_table.h"

#include <atomic>
#include <cmath>
#include <map>
#include <random>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operators/features/entity_event.h"
#include "pipeline/core/partitioner.h"
#include "tests/unit/telemetry/fake_clock.h"

namespace weir {
namespace {

using operators::entity_key;
using operators::LabelledRow;
using operators::Profile;
using operators::ProfileState;
using operators::ProfileVersion;
using state::EntityKind;
using testing::ElementsAre;
using namespace std::chrono_literals;

constexpr std::uint64_t kPlan = 7;
constexpr std::int32_t kPartitions = 4;
constexpr auto kMerchant = EntityKind::kMerchant;

class ProfileTableTest : public testing::Test {
 protected:
  static std::int32_t partition_of(std::string_view id) {
    return partition_of_key(entity_key(kMerchant, id), kPartitions);
  }
  /// A merchant's, in the partition its key belongs to.
  static Profile profile(std::string_view id, std::vector<double> values) {
    return {{1'000, 1}, partition_of(id), kPlan, std::move(values), {}};
  }
  void put(std::string_view id, const Profile& of) {
    const auto status = table_.put(entity_key(kMerchant, id), operators::encode_profile(of));
    ASSERT_TRUE(status) << status.error().message;
  }
  void heartbeat(std::int32_t partition) {
    const auto status =
        table_.put(operators::heartbeat_key(partition),
                   operators::encode_heartbeat({partition, clock_.wall_ms(), 1'000}));
    ASSERT_TRUE(status) << status.error().message;
  }
  /// As a stage that runs and was read to its end.
  void bring_up() {
    for (std::int32_t p = 0; p < kPartitions; ++p) heartbeat(p);
    table_.set_loaded();
  }
  ProfileState find(std::string_view id, std::size_t count = 2, std::uint64_t plan = kPlan,
                    EntityKind kind = kMerchant) {
    values_.assign(count, -1);
    version_ = {-1, 0};
    rows_ = {kMark};
    return table_.find(kind, id, plan, values_, version_, &rows_);
  }
  void expect_nothing_written() {
    EXPECT_THAT(values_, testing::Each(-1));
    EXPECT_EQ(version_.as_of_ms, -1);
    EXPECT_THAT(rows_, ElementsAre(kMark));
  }

  telemetry::StillClock clock_;
  ProfileTable table_{kPartitions, 60s, clock_};
  static constexpr operators::LabelledRow kMark{.time_ms = -1};
  std::vector<double> values_;
  ProfileVersion version_;
  std::vector<operators::LabelledRow> rows_;
};

TEST_F(ProfileTableTest, FindsAProfileAsItWasPut) {
  bring_up();
  put("T1", {{1'528'676'687'123, 42},
             partition_of("T1"),
             kPlan,
             {2.5, std::nan("")},
             {{1, 2, 3, 4, 5, 6, true}, {}}});
  EXPECT_EQ(find("T1"), ProfileState::kCurrent);
  EXPECT_EQ(values_[0], 2.5);
  EXPECT_TRUE(std::isnan(values_[1]));
  EXPECT_EQ(version_, (ProfileVersion{1'528'676'687'123, 42}));
  EXPECT_THAT(rows_, ElementsAre(LabelledRow{1, 2, 3, 4, 5, 6, true}, LabelledRow{}));
  put("T1", profile("T1", {1, 2}));
  EXPECT_EQ(find("T1"), ProfileState::kCurrent);
  EXPECT_THAT(rows_, testing::IsEmpty()) << "the last record says so";
}

TEST_F(ProfileTableTest, OneIdOfTwoKindsIsTwoEntities) {
  bring_up();
  put("T1", profile("T1", {1, 2}));
  EXPECT_EQ(find("T1", 2, kPlan, EntityKind::kDevice), ProfileState::kNone);
  EXPECT_EQ(find("T1"), ProfileState::kCurrent);
}

TEST_F(ProfileTableTest, IsDownUntilTheTopicWasReadAndTheStageHeardOf) {
  put("T1", profile("T1", {1, 2}));
  heartbeat(partition_of("T1"));
  EXPECT_EQ(find("T1"), ProfileState::kDown) << "not read to its end";
  table_.set_loaded();
  EXPECT_EQ(find("T1"), ProfileState::kCurrent);

  const std::string silent = [] {
    for (int i = 0;; ++i) {
      const std::string id = "S" + std::to_string(i);
      if (partition_of(id) != partition_of("T1")) return id;
    }
  }();
  EXPECT_EQ(find(silent), ProfileState::kDown) << "no heartbeat";
  put(silent, profile(silent, {1, 2}));
  EXPECT_EQ(find(silent), ProfileState::kDown) << "a profile is no heartbeat";
  expect_nothing_written();
}

TEST_F(ProfileTableTest, IsCurrentUpToMaxStalenessAndStaleBeyond) {
  bring_up();
  put("T1", profile("T1", {1, 2}));
  clock_.advance(60s);
  EXPECT_EQ(find("T1"), ProfileState::kCurrent);
  EXPECT_EQ(find("unknown"), ProfileState::kNone);
  clock_.advance(1ms);
  EXPECT_EQ(find("T1"), ProfileState::kStale);
  expect_nothing_written();
  EXPECT_EQ(find("unknown"), ProfileState::kStale) << "it may have come to be";
  heartbeat(partition_of("T1"));
  EXPECT_EQ(find("T1"), ProfileState::kCurrent) << "nothing has happened to it since";
}

TEST_F(ProfileTableTest, EachPartitionAgesByItself) {
  bring_up();
  clock_.advance(61s);
  heartbeat(2);
  for (int i = 0; i < 50; ++i) {
    const std::string id = "T" + std::to_string(i);
    EXPECT_EQ(find(id), partition_of(id) == 2 ? ProfileState::kNone : ProfileState::kStale) << id;
  }
}

TEST_F(ProfileTableTest, AProfileAgesWithThePartitionThatItNames) {
  bring_up();
  const std::int32_t other = (partition_of("T1") + 1) % kPartitions;
  put("T1", {{1, 1}, other, kPlan, {1, 2}, {}});
  clock_.advance(61s);
  heartbeat(other);
  EXPECT_EQ(find("T1"), ProfileState::kCurrent);
}

TEST_F(ProfileTableTest, AProfileOfOtherDeclarationsIsStale) {
  bring_up();
  put("T1", profile("T1", {1, 2}));
  EXPECT_EQ(find("T1", 2, kPlan + 1), ProfileState::kStale);
  expect_nothing_written();
  EXPECT_EQ(find("T1", 1), ProfileState::kStale);
  EXPECT_EQ(find("T1", 3), ProfileState::kStale);
  expect_nothing_written();
}

TEST_F(ProfileTableTest, TheLastRecordOfAnEntityCountsWhateverItsVersionAndSize) {
  bring_up();
  put("T1", {{2'000, 2}, 0, kPlan, {1, 2}, {}});
  put("T1", {{1'000, 1}, 0, kPlan, {3, 4}, {}});
  EXPECT_EQ(find("T1"), ProfileState::kCurrent);
  EXPECT_THAT(values_, ElementsAre(3, 4));
  EXPECT_EQ(version_, (ProfileVersion{1'000, 1}));
  put("T1", {{3'000, 3}, 0, kPlan, {5, 6, 7}, {}});
  EXPECT_EQ(find("T1", 3), ProfileState::kCurrent);
  EXPECT_THAT(values_, ElementsAre(5, 6, 7));
  EXPECT_EQ(table_.size(), 1U);
}

TEST_F(ProfileTableTest, ARecordWithoutAValueRemovesTheProfile) {
  bring_up();
  put("T1", profile("T1", {1, 2}));
  ASSERT_TRUE(table_.remove(entity_key(kMerchant, "T1")));
  EXPECT_EQ(find("T1"), ProfileState::kNone);
  EXPECT_TRUE(table_.remove(entity_key(kMerchant, "T1"))) << "again changes nothing";
  EXPECT_EQ(table_.size(), 0U);
}

TEST_F(ProfileTableTest, WhatIsNoRecordIsRefusedAndChangesNothing) {
  bring_up();
  put("T1", profile("T1", {1, 2}));
  const std::string good = operators::encode_profile(profile("T1", {3, 4}));
  const auto refusal = [&](std::string_view key, std::string_view value) {
    const auto status = table_.put(key, value);
    if (status) return std::string();
    EXPECT_EQ(status.error().kind, ErrorKind::kRejectEvent);
    return status.error().message;
  };
  EXPECT_EQ(refusal("", good), "entity record: malformed key");
  EXPECT_EQ(refusal("u:T1", good), "entity record: unknown kind of entity");
  EXPECT_EQ(refusal("m:T1", good.substr(1)), "entity profile: unknown format version");
  EXPECT_EQ(refusal("m:T1", good + "x"), "entity profile: profile of wrong length");
  for (const std::int32_t partition : {-1, kPartitions}) {
    EXPECT_EQ(refusal("m:T1", operators::encode_profile({{1, 1}, partition, kPlan, {3, 4}, {}})),
              "profile of an unknown partition");
    EXPECT_EQ(refusal(operators::heartbeat_key(partition),
                      operators::encode_heartbeat({partition, clock_.wall_ms(), 0})),
              "heartbeat of an unknown partition");
  }
  EXPECT_EQ(refusal("~1", operators::encode_heartbeat({2, 0, 0})),
            "entity profile: heartbeat key and value name different partitions");
  EXPECT_FALSE(table_.remove("T1"));
  EXPECT_EQ(find("T1"), ProfileState::kCurrent);
  EXPECT_THAT(values_, ElementsAre(1, 2));
}

TEST_F(ProfileTableTest, StalenessIsTheAgeOfTheLastHeartbeat) {
  EXPECT_EQ(table_.staleness(clock_.wall_ms(), 1), std::nullopt);
  heartbeat(1);
  EXPECT_EQ(table_.staleness(clock_.wall_ms() + 250, 1), 250ms);
  EXPECT_EQ(table_.staleness(clock_.wall_ms() - 250, 1), 0ms) << "a clock ahead of ours";
  const auto later = clock_.wall_ms() + 5'000;
  ASSERT_TRUE(table_.put("~1", operators::encode_heartbeat({1, clock_.wall_ms() + 4'000, 0})));
  EXPECT_EQ(table_.staleness(later, 1), 1'000ms);
  ASSERT_TRUE(table_.put("~1", operators::encode_heartbeat({1, clock_.wall_ms() + 3'000, 0})));
  EXPECT_EQ(table_.staleness(later, 1), 2'000ms) << "the last one said counts";
}

TEST_F(ProfileTableTest, TheWorstStalenessIsThatOfThePartitionFurthestBehind) {
  for (std::int32_t p = 0; p < kPartitions; ++p) {
    EXPECT_EQ(table_.worst_staleness(clock_.wall_ms()), std::nullopt) << "not all heard of";
    heartbeat(p);
    clock_.advance(10s);
  }
  EXPECT_EQ(table_.worst_staleness(clock_.wall_ms()), 40s);
}

TEST_F(ProfileTableTest, ALookupTellsHowOldWhatItSaysIs) {
  bring_up();
  put("T1", profile("T1", {1, 2}));
  clock_.advance(2s);
  values_.resize(2);
  EXPECT_EQ(table_.look_up(kMerchant, "T1", kPlan, values_, version_, nullptr).staleness, 2s);
  EXPECT_EQ(table_.look_up(kMerchant, "T2", kPlan, values_, version_, nullptr).staleness, 2s);
}

TEST_F(ProfileTableTest, MemoryGrowsByWhatAProfileNeedsAndComesBack) {
  constexpr int kCount = 20'000;
  const std::size_t empty = table_.bytes();
  for (int i = 0; i < kCount; ++i) {
    const std::string id = "merchant-" + std::to_string(100'000 + i);
    put(id, profile(id, std::vector<double>(8)));
  }
  EXPECT_EQ(table_.size(), static_cast<std::size_t>(kCount));
  const std::size_t each = (table_.bytes() - empty) / kCount;
  EXPECT_GE(each, 8U * 8 + 15);
  EXPECT_LE(each, 8U * 8 + 15 + 100);
  for (int i = 0; i < kCount; ++i) {
    ASSERT_TRUE(table_.remove(entity_key(kMerchant, "merchant-" + std::to_string(100'000 + i))));
  }
  EXPECT_EQ(table_.size(), 0U);
  EXPECT_LE(table_.bytes(), empty + kCount * 16 * 8 / 3) << "slots stay";
}

TEST_F(ProfileTableTest, HoldsWhatWasPutLastThroughAnyOrderOfPutsAndRemovals) {
  bring_up();
  const unsigned seed = 20'261'122;
  std::mt19937 random(seed);
  std::map<std::string, std::vector<double>> expected;
  const auto check = [&](const std::string& id) {
    const auto known = expected.find(id);
    const std::size_t count = known == expected.end() ? 1 : known->second.size();
    ASSERT_EQ(find(id, count),
              known == expected.end() ? ProfileState::kNone : ProfileState::kCurrent)
        << id << ", seed " << seed;
    if (known != expected.end()) {
      ASSERT_EQ(values_, known->second) << id << ", seed " << seed;
    }
  };
  for (int i = 0; i < 200'000; ++i) {
    const std::string id = std::to_string(random() % 10'000);
    if (random() % 2 == 0) {
      const std::vector<double> values(1 + random() % 3, static_cast<double>(i));
      put(id, profile(id, values));
      expected[id] = values;
    } else {
      ASSERT_TRUE(table_.remove(entity_key(kMerchant, id)));
      expected.erase(id);
    }
    check(std::to_string(random() % 10'000));
  }
  for (int i = 0; i < 10'000; ++i) check(std::to_string(i));
  EXPECT_EQ(table_.size(), expected.size());
}

// The writer gives all values of a profile, its version included, one number; and adds and takes
// away others meanwhile.
TEST_F(ProfileTableTest, ReadersNeverSeeHalfAProfileWhileItIsWritten) {
  bring_up();
  put("T1", {{0, 0}, 0, kPlan, std::vector<double>(8, 0.0), {}});
  std::atomic<bool> stop{false};
  std::atomic<int> torn{0};
  std::vector<std::thread> readers;
  for (int r = 0; r < 3; ++r) {
    readers.emplace_back([&] {
      std::vector<double> values(8);
      ProfileVersion version;
      for (int round = 0; !stop.load(); ++round) {
        if (table_.find(kMerchant, "T1", kPlan, values, version, nullptr) != ProfileState::kCurrent)
          ++torn;
        for (const double value : values) {
          if (value != static_cast<double>(version.sequence)) ++torn;
        }
        // Readers that never pause keep a writer of their shard out.
        if (round % 32 == 0) std::this_thread::sleep_for(100us);
      }
    });
  }
  for (std::uint64_t i = 1; i <= 20'000; ++i) {
    put("T1", {{0, i}, 0, kPlan, std::vector<double>(8, static_cast<double>(i)), {}});
    const std::string other = "O" + std::to_string(i % 3'000);
    if (i % 5 == 0) {
      ASSERT_TRUE(table_.remove(entity_key(kMerchant, other)));
    } else {
      put(other, {{0, i}, 0, kPlan, {}, {}});
    }
    if (i % 64 == 0) heartbeat(static_cast<std::int32_t>(i / 64 % kPartitions));
  }
  stop = true;
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(torn, 0);
}

}  // namespace
}  // namespace weir
