// The way of a record of topic entities. Method: records run on stores in memory, one a partition;
// what is said of the entities and what is counted is looked at. Turns are at times of the test's
// choice.

#include "pipeline/entity_path.h"

#include <gmock/gmock.h>

#include "tests/unit/operators/fake_profiles.h"
#include "tests/unit/operators/path_fixture.h"

namespace weir {
namespace {

using operators::FakeProfiles;
using operators::Profile;
using operators::ProfileState;
using state::EntityKind;
using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::chrono_literals;

class EntityPathTest : public testing::Test {
 protected:
  EntityPathTest() {
    declare(EntityKind::kMerchant, state::Function::kCount, state::Field::kNone);
    declare(EntityKind::kMerchant, state::Function::kDistinct, state::Field::kUser);
    declare(EntityKind::kDevice, state::Function::kCount, state::Field::kNone);
    plans_ = operators::entity_window_plans(settings_).value();
    for (const std::int32_t partition : {0, 1}) stores_[partition] = open_store(partition);
    start();
  }

  void declare(EntityKind entity, state::Function function, state::Field field) {
    state::FeatureDeclaration declaration;
    declaration.name = "f" + std::to_string(settings_.features.size());
    declaration.entity = entity;
    declaration.function = function;
    declaration.field = field;
    declaration.window_ms = kDay;
    settings_.features.push_back({declaration.name, declaration, {}});
  }
  [[nodiscard]] std::unique_ptr<state::UserStore> open_store(std::int32_t partition) const {
    state::UserStoreOptions options;
    options.identity.partition = partition;
    options.retention = operators::retention(settings_);
    options.windows = plans_;
    options.kind_of = EntityPath::kind_of;
    return state::UserStore::open(state::make_memory_store(), options).value();
  }
  /// A path that knows nothing but its stores: what a worker is after a restart.
  void start() {
    path_.emplace(
        EntityStage{"told", plans_, 600s, &known_},
        [this](std::int32_t partition) -> state::UserStore& { return *stores_.at(partition); },
        metrics_);
  }

  static std::string event(std::uint64_t transaction, std::uint64_t user,
                           std::int64_t time_ms = kNoon) {
    state::EventRow row;
    row.transaction = transaction;
    row.user = user;
    row.time_ms = time_ms;
    return operators::encode_entity_event(row);
  }
  static std::string label(std::uint64_t transaction, bool fraud = true,
                           std::int64_t time_ms = kNoon) {
    return operators::encode_entity_label({transaction, time_ms, fraud, time_ms + kHour, 1, 0});
  }
  /// One record of partition 0; an empty value is none.
  std::vector<OutputRecord> tell(const std::string& key, const std::string& value) {
    return tell(std::deque<OwnedRecord>{{0, next_offset_++, -1, key, value, {}}});
  }
  std::vector<OutputRecord> tell(const std::deque<OwnedRecord>& records) {
    std::vector<OutputRecord> out;
    const Status done = path_->process(views(records), out);
    EXPECT_TRUE(done) << done.error().message;
    return out;
  }
  void commit(std::int32_t partition = 0) {
    state::UserStore& store = *stores_.at(partition);
    store.take_changes();
    store.make_commit_record(next_offset_);
    store.commit(++position_);
    EXPECT_TRUE(store.checkpoint());
  }

  [[nodiscard]] EntityPath::Turn turn() const {
    return {0, next_offset_, false, 0, false, now_, 1'800'000'000'000};
  }
  std::vector<OutputRecord> tend(const EntityPath::Turn& turn) {
    std::vector<OutputRecord> out;
    const auto any = path_->tend(turn, out);
    EXPECT_TRUE(any) << any.error().message;
    EXPECT_EQ(*any, !out.empty());
    return out;
  }
  static std::vector<std::string> keys(const std::vector<OutputRecord>& out) {
    std::vector<std::string> found;
    for (const OutputRecord& record : out) found.push_back(record.key);
    return found;
  }
  static Profile profile(const OutputRecord& record) {
    EXPECT_EQ(record.stream, Stream::kProfiles);
    EXPECT_FALSE(record.tombstone);
    return operators::decode_profile(record.value).value();
  }
  /// Every row of the partition's entities, as text.
  static std::string rows(state::UserStore& store, const std::vector<std::string>& owners) {
    std::string text;
    for (const auto& owner : owners) {
      EXPECT_TRUE(store.window_rows(owner, [&](const state::EventRow& row) {
        text += owner + " " + std::to_string(row.sequence) + " at " + std::to_string(row.time_ms) +
                " of " + std::to_string(row.user) + " label " +
                std::to_string(static_cast<int>(row.label)) + "\n";
      }));
    }
    return text;
  }

  operators::Settings settings_;
  state::WindowPlans plans_;
  std::map<std::int32_t, std::unique_ptr<state::UserStore>> stores_;
  FakeProfiles known_;
  telemetry::WorkerMetrics metrics_;
  std::optional<EntityPath> path_;
  std::int64_t next_offset_ = 100;
  std::int64_t position_ = 0;
  Clock::TimePoint now_{1h};
};

TEST_F(EntityPathTest, AnEventGivesItsMerchantAProfileAsOfIt) {
  const auto out = tell({{1, 41, -1, "m:T1", event(7, 5, kNoon), {}}});
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].key, "m:T1");
  EXPECT_EQ(out[0].partition, 1) << "of topic entity-profiles: that of the entity";
  EXPECT_EQ(out[0].input_partition, 1);
  const Profile said = profile(out[0]);
  EXPECT_EQ(said.version.as_of_ms, kNoon);
  EXPECT_EQ(said.version.sequence, 42U);
  EXPECT_EQ(said.partition, 1);
  EXPECT_EQ(said.plan_digest, plans_.of(EntityKind::kMerchant)->values_digest);
  EXPECT_THAT(said.values, ElementsAre(1, 1));
}

TEST_F(EntityPathTest, AnEventOutOfOrderLeavesTheProfileAsOfTheNewest) {
  tell("m:T1", event(1, 5, kNoon));
  const auto out = tell("m:T1", event(2, 6, kNoon - kHour));
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(profile(out[0]).version.as_of_ms, kNoon);
  EXPECT_THAT(profile(out[0]).values, ElementsAre(2, 2));
}

TEST_F(EntityPathTest, SeveralEventsOfOneEntityGiveOneProfile) {
  const auto out = tell({{0, 10, -1, "m:T1", event(1, 5), {}},
                         {0, 11, -1, "m:T2", event(1, 5), {}},
                         {0, 12, -1, "m:T1", event(2, 6, kNoon + 1), {}}});
  ASSERT_THAT(keys(out), ElementsAre("m:T1", "m:T2"));
  EXPECT_EQ(profile(out[0]).version, (operators::ProfileVersion{kNoon + 1, 13}));
  EXPECT_THAT(profile(out[0]).values, ElementsAre(2, 2));
  EXPECT_EQ(profile(out[1]).version.sequence, 12U);
}

TEST_F(EntityPathTest, AProfileOfAMerchantCarriesItsNewestLabelledPayments) {
  settings_.history.merchant_rows = 2;
  plans_ = operators::entity_window_plans(settings_).value();
  stores_[0] = open_store(0);
  start();
  EXPECT_THAT(profile(tell("m:T1", event(1, 5, kNoon)).at(0)).rows, IsEmpty());
  const auto labelled = profile(tell("m:T1", label(1, true, kNoon)).at(0));
  EXPECT_THAT(labelled.rows, ElementsAre(operators::LabelledRow{.time_ms = kNoon,
                                                                .label_time_ms = kNoon + kHour,
                                                                .transaction = 1,
                                                                .user = 5,
                                                                .fraud = true}));
  EXPECT_NE(labelled.plan_digest, 0U);
  for (const std::uint64_t id : {2, 3}) {
    const auto time_ms = kNoon + static_cast<std::int64_t>(id);
    tell("m:T1", event(id, 5, time_ms));
    tell("m:T1", label(id, false, time_ms));
  }
  const auto out = tell("m:T1", event(4, 5, kNoon + 4));
  ASSERT_EQ(profile(out.at(0)).rows.size(), 2U);
  EXPECT_EQ(profile(out.at(0)).rows[0].transaction, 3U) << "the newest first";
  EXPECT_EQ(profile(out.at(0)).rows[1].transaction, 2U);
  tell("d:a", event(1, 5));
  EXPECT_THAT(profile(tell("d:a", label(1)).at(0)).rows, IsEmpty()) << "of merchants only";
}

TEST_F(EntityPathTest, HowManyRowsAProfileCarriesIsPartOfWhatItMeans) {
  const auto digest = [&](std::size_t rows) {
    settings_.history.merchant_rows = rows;
    return operators::entity_window_plans(settings_)
        .value()
        .of(EntityKind::kMerchant)
        ->values_digest;
  };
  EXPECT_EQ(digest(0), plans_.of(EntityKind::kMerchant)->values_digest);
  EXPECT_NE(digest(8), digest(0));
  EXPECT_NE(digest(8), digest(16));
}

TEST_F(EntityPathTest, ADeviceIsPublishedOnceItLinksTwoUsers) {
  EXPECT_THAT(tell("d:a", event(1, 5)), IsEmpty());
  EXPECT_THAT(tell("d:a", event(2, 5)), IsEmpty());
  const auto out = tell("d:a", event(3, 6));
  ASSERT_THAT(keys(out), ElementsAre("d:a"));
  EXPECT_THAT(profile(out[0]).values, ElementsAre(3));
  EXPECT_EQ(profile(out[0]).plan_digest, plans_.of(EntityKind::kDevice)->values_digest);
  EXPECT_THAT(keys(tell("d:a", event(4, 5))), ElementsAre("d:a")) << "and stays";
}

TEST_F(EntityPathTest, ADeviceIsPublishedOnceItCarriesAFraud) {
  EXPECT_THAT(tell("d:a", event(1, 5)), IsEmpty());
  EXPECT_THAT(tell("d:a", label(1, false)), IsEmpty());
  EXPECT_THAT(keys(tell("d:b", event(2, 5))), IsEmpty());
  const auto out = tell("d:b", label(2, true));
  ASSERT_THAT(keys(out), ElementsAre("d:b"));
  EXPECT_THAT(profile(out[0]).values, ElementsAre(1));
}

TEST_F(EntityPathTest, WhatIsPublishedButSaysNothingIsTakenBack) {
  for (const ProfileState said : {ProfileState::kCurrent, ProfileState::kStale}) {
    known_.answers["d:a"] = {said, {2}, {}, {}};
    const auto out = tell("d:a", event(static_cast<std::uint64_t>(next_offset_), 5));
    ASSERT_THAT(keys(out), ElementsAre("d:a"));
    EXPECT_EQ(out[0].stream, Stream::kProfiles);
    EXPECT_EQ(out[0].partition, 0);
    EXPECT_TRUE(out[0].tombstone);
    EXPECT_TRUE(out[0].value.empty());
  }
  EXPECT_EQ(known_.digests.at(EntityKind::kDevice), plans_.of(EntityKind::kDevice)->values_digest);
  for (const ProfileState said : {ProfileState::kNone, ProfileState::kDown}) {
    known_.answers["d:a"] = {said, {}, {}, {}};
    EXPECT_THAT(tell("d:a", event(static_cast<std::uint64_t>(next_offset_), 5)), IsEmpty());
  }
}

TEST_F(EntityPathTest, ALabelBeforeItsEventPublishesNothingAndThenCounts) {
  EXPECT_THAT(tell("d:a", label(1)), IsEmpty());
  EXPECT_THAT(tell("m:T1", label(1)), IsEmpty());
  EXPECT_THAT(keys(tell("d:a", event(1, 5))), ElementsAre("d:a")) << "it is a fraud now";
  EXPECT_THAT(keys(tell("m:T1", event(1, 5))), ElementsAre("m:T1"));
}

TEST_F(EntityPathTest, TheSameEventTwiceChangesNothing) {
  tell("m:T1", event(1, 5));
  commit();
  const std::string before = rows(*stores_.at(0), {"m:T1"});
  EXPECT_THAT(tell("m:T1", event(1, 5)), IsEmpty());
  EXPECT_EQ(metrics_.duplicates.staged(), 1);
  EXPECT_THAT(stores_.at(0)->take_changes(), IsEmpty());
  EXPECT_EQ(rows(*stores_.at(0), {"m:T1"}), before);
  EXPECT_THAT(profile(tell("m:T1", event(2, 5)).at(0)).values, ElementsAre(2, 1));
  EXPECT_EQ(metrics_.duplicates.staged(), 1);
}

TEST_F(EntityPathTest, TheSameIdOfAnotherUserIsAnotherEvent) {
  tell("m:T1", event(1, 5));
  EXPECT_THAT(profile(tell("m:T1", event(1, 6)).at(0)).values, ElementsAre(2, 2));
  EXPECT_EQ(metrics_.duplicates.staged(), 0);
}

TEST_F(EntityPathTest, WhatIsNoRecordBecomesADeadLetterAndStagesNothing) {
  for (const auto& [key, value] :
       std::vector<std::pair<std::string, std::string>>{{"T1", event(1, 5)},
                                                        {std::string("m:a\0b", 5), event(1, 5)},
                                                        {"u:anna", event(1, 5)},
                                                        {"m:T1", event(1, 5) + "x"}}) {
    const auto out = tell(key, value);
    ASSERT_EQ(out.size(), 1U) << key;
    EXPECT_EQ(out[0].stream, Stream::kDeadLetters);
    EXPECT_EQ(out[0].value, value);
    EXPECT_THAT(out[0].headers, testing::Contains(testing::Pair("weir-reason", "decode")));
    EXPECT_THAT(out[0].headers, testing::Contains(testing::Pair("weir-topic", "told")));
  }
  EXPECT_EQ(
      metrics_.dead_letters.of(telemetry::InputTopic::kEntities, telemetry::RejectReason::kDecode)
          .staged(),
      4);
  EXPECT_FALSE(stores_.at(0)->has_staged());
}

TEST_F(EntityPathTest, ATombstoneIsCountedAndADeadLetterHoldsNobodyUp) {
  const auto out = tell({{0, 1, -1, "m:T1", "", {}},
                         {0, 2, -1, "m:T1", "nonsense", {}},
                         {0, 3, -1, "m:T1", event(1, 5), {}}});
  EXPECT_EQ(metrics_.tombstones.staged(), 1);
  ASSERT_EQ(out.size(), 2U);
  EXPECT_EQ(out[0].stream, Stream::kDeadLetters);
  EXPECT_EQ(out[1].stream, Stream::kProfiles);
}

TEST_F(EntityPathTest, WhatNoFeatureIsOverChangesNothing) {
  EXPECT_THAT(tell("c:4711", event(1, 5)), IsEmpty());
  EXPECT_THAT(tell("c:4711", label(1)), IsEmpty());
  EXPECT_FALSE(stores_.at(0)->has_staged());
}

TEST_F(EntityPathTest, ARestoredStoreGivesTheSameRowsAndProfiles) {
  std::deque<OwnedRecord> records;
  for (std::int64_t i = 0; i < 30; ++i) {
    const auto id = static_cast<std::uint64_t>(i);
    const std::string owner = i % 3 == 0 ? "m:T1" : i % 3 == 1 ? "d:a" : "d:b";
    records.push_back({0, i, -1, owner, event(id + 1, 1 + id % 4, kNoon + i * kHour), {}});
    if (i % 5 == 0) {
      records.push_back({0, i, -1, owner, label(id + 1, true, kNoon + i * kHour), {}});
    }
  }
  tell(records);
  state::UserStore& store = *stores_.at(0);
  const auto changes = store.take_changes();
  for (const auto& change : changes) {
    if (change.tombstone) continue;
    const auto record = state::parse_window_record(change.key, change.value);
    ASSERT_TRUE(record) << record.error().message;
    EXPECT_EQ(record->cause, state::WindowCause::kEvent);
    EXPECT_LT(record->input_offset, 30);
  }
  const auto commit_record = store.make_commit_record(30);
  store.commit(static_cast<std::int64_t>(changes.size()) + 1);

  auto restored = open_store(0);
  std::int64_t offset = 0;
  for (const auto& change : changes) {
    const Status done = restored->restore(change.key, change.value, offset++);
    ASSERT_TRUE(done) << done.error().message;
  }
  ASSERT_TRUE(restored->restore(commit_record.key, commit_record.value, offset++));
  ASSERT_TRUE(restored->finish_restore(offset));
  const std::vector<std::string> owners{"m:T1", "d:a", "d:b"};
  EXPECT_EQ(rows(*restored, owners), rows(store, owners));
  EXPECT_NE(rows(store, {"d:a"}), "");
  EXPECT_EQ(restored->last_commit()->next_offset, 30);

  const std::deque<OwnedRecord> next{{0, 30, -1, "m:T1", event(900, 1, kNoon + 40 * kHour), {}},
                                     {0, 31, -1, "d:a", event(901, 1, kNoon + 40 * kHour), {}}};
  const auto before = tell(next);
  stores_[0] = std::move(restored);
  start();
  const auto after = tell(next);
  ASSERT_EQ(after.size(), before.size());
  for (std::size_t i = 0; i < after.size(); ++i) EXPECT_EQ(after[i].value, before[i].value);
}

TEST_F(EntityPathTest, AtTheEndAHeartbeatSaysNowAndBehindItSaysTheLastRecord) {
  tell("m:T1", event(1, 5, kNoon));
  auto turn = this->turn();
  turn.at_end = true;
  turn.last_timestamp_ms = kNoon + kMinute;
  const auto out = tend(turn);
  ASSERT_THAT(keys(out), ElementsAre("~0"));
  EXPECT_EQ(out[0].stream, Stream::kProfiles);
  EXPECT_EQ(out[0].partition, 0);
  EXPECT_EQ(operators::decode_heartbeat(out[0].key, out[0].value).value(),
            (operators::ProfileHeartbeat{0, turn.wall_ms, kNoon}));

  turn.at_end = false;
  turn.now += 1s;
  const auto behind = tend(turn);
  ASSERT_THAT(keys(behind), ElementsAre("~0"));
  EXPECT_EQ(operators::decode_heartbeat("~0", behind[0].value).value(),
            (operators::ProfileHeartbeat{0, kNoon + kMinute, kNoon}));
}

TEST_F(EntityPathTest, HeartbeatsComeEverySecondAndTenTimesAsOftenWhenACommitComesAnyway) {
  auto turn = this->turn();
  turn.at_end = true;
  EXPECT_EQ(tend(turn).size(), 1U);
  turn.now += 999ms;
  EXPECT_THAT(tend(turn), IsEmpty());
  turn.now += 1ms;
  EXPECT_EQ(tend(turn).size(), 1U);
  turn.busy = true;
  turn.now += 99ms;
  EXPECT_THAT(tend(turn), IsEmpty());
  turn.now += 1ms;
  EXPECT_EQ(tend(turn).size(), 1U);
  turn.partition = 1;
  EXPECT_THAT(keys(tend(turn)), ElementsAre("~1")) << "each partition has a rhythm of its own";
}

TEST_F(EntityPathTest, WhereNothingIsKnownThereIsNoHeartbeat) {
  EXPECT_THAT(tend(turn()), IsEmpty()) << "not at the end, and no record was processed";
  auto later = turn();
  later.last_timestamp_ms = 1;
  EXPECT_EQ(tend(later).size(), 1U) << "the one before did not count";
}

/// Without heartbeats: those of a turn that is neither at the end nor had a record.
class RefreshTest : public EntityPathTest {
 protected:
  /// Merchants from T100 on, each with one event at noon.
  void make_merchants(int count) {
    std::deque<OwnedRecord> records;
    for (int i = 0; i < count; ++i) {
      const auto id = static_cast<std::uint64_t>(i) + 1;
      records.push_back({0, next_offset_++, -1, name(i), event(id, 5, kNoon), {}});
    }
    tell(records);
    commit();
  }
  static std::string name(int i) { return "m:T" + std::to_string(100 + i); }
};

TEST_F(RefreshTest, AQuietEntityIsComputedAgainAsOfTheWatermark) {
  make_merchants(1);
  tell("m:busy", event(900, 6, kNoon + 2 * kDay));
  commit();
  EXPECT_THAT(tend(turn()), IsEmpty());
  now_ += 599'999ms;
  EXPECT_THAT(tend(turn()), IsEmpty());
  now_ += 1ms;
  const auto out = tend(turn());
  ASSERT_THAT(keys(out), ElementsAre("m:T100", "m:busy"));
  const Profile quiet = profile(out[0]);
  EXPECT_EQ(quiet.version,
            (operators::ProfileVersion{kNoon + 2 * kDay, static_cast<std::uint64_t>(next_offset_)}))
      << "everything before next_offset is in it";
  EXPECT_THAT(quiet.values, ElementsAre(0, 0)) << "its window has slid past its only event";
  EXPECT_THAT(profile(out[1]).values, ElementsAre(1, 1));
}

TEST_F(RefreshTest, GoesThroughTheStoreInChunksAndBeginsAgainOnlyAfterTheTimeBetween) {
  make_merchants(120);
  tend(turn());
  now_ += 600s;
  std::vector<std::string> seen;
  std::vector<std::size_t> chunks;
  for (int i = 0; i < 3; ++i) {
    const auto out = tend(turn());
    chunks.push_back(out.size());
    for (auto& key : keys(out)) seen.push_back(key);
    now_ += 49ms;
    EXPECT_THAT(tend(turn()), IsEmpty()) << "payments must get their turn";
    now_ += 1ms;
  }
  EXPECT_THAT(chunks, ElementsAre(50, 50, 20));
  std::vector<std::string> all;
  for (int i = 0; i < 120; ++i) all.push_back(name(i));
  EXPECT_EQ(seen, all);

  now_ += 600s - 151ms;  // since the cycle began
  EXPECT_THAT(tend(turn()), IsEmpty());
  now_ += 1ms;
  EXPECT_THAT(keys(tend(turn())).at(0), name(0));
}

TEST_F(RefreshTest, WhoIsNotPublishedIsNotPublishedByIt) {
  tell("d:a", event(1, 5));
  commit();
  tend(turn());
  now_ += 600s;
  EXPECT_THAT(tend(turn()), IsEmpty());
}

TEST_F(RefreshTest, WithoutAnEventSinceTheStartThereIsNoWatermarkAndNothingIsRefreshed) {
  make_merchants(1);
  start();
  tend(turn());
  now_ += 600s;
  EXPECT_THAT(tend(turn()), IsEmpty());
}

TEST_F(RefreshTest, APartitionForgottenBeginsFromTheStart) {
  make_merchants(120);
  tend(turn());
  now_ += 600s;
  EXPECT_EQ(tend(turn()).size(), 50U);
  path_->forget(0);
  now_ += 50ms;
  EXPECT_THAT(tend(turn()), IsEmpty());
}

}  // namespace
}  // namespace weir
