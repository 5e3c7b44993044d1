// A store whose owners are entities of several kinds, and the walk through those that have windows.
// Method: the memory store as backing; a restore is a second store that reads what the first
// logged.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "state/user_store.h"
#include "tests/unit/state/state_fixture.h"

namespace weir::state {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Names = std::vector<std::string>;

std::shared_ptr<const WindowPlan> plan_over(EntityKind kind, Function function, Field field,
                                            std::int64_t window_ms = 86'400'000) {
  FeatureDeclaration declaration;
  declaration.name = "f";
  declaration.entity = kind;
  declaration.function = function;
  declaration.field = field;
  declaration.window_ms = window_ms;
  const std::vector<FeatureDeclaration> declarations{declaration};
  return std::make_shared<const WindowPlan>(*WindowPlan::compile(kind, declarations, kLatenessMs));
}

EntityKind kind_by_letter(std::string_view owner) {
  if (owner.starts_with("m:")) return EntityKind::kMerchant;
  return owner.starts_with("d:") ? EntityKind::kDevice : EntityKind::kUser;
}

class EntityStoreTest : public testing::Test {
 protected:
  EntityStoreTest() {
    options_ = small_options();
    options_.windows = {};
    options_.windows.of(EntityKind::kMerchant) =
        plan_over(EntityKind::kMerchant, Function::kCount, Field::kNone);
    options_.windows.of(EntityKind::kDevice) =
        plan_over(EntityKind::kDevice, Function::kDistinct, Field::kUser);
    options_.kind_of = kind_by_letter;
    store_ = open();
  }
  std::unique_ptr<UserStore> open() {
    return open_or_die(std::make_unique<SharedBacking>(*backing_), options_);
  }
  void add(const std::string& owner, std::uint64_t user = 1, int events = 1,
           std::int64_t apart_ms = 1) {
    for (int i = 0; i < events; ++i) {
      now_ms_ += apart_ms;
      EventRow row = event_row(offset_, now_ms_);
      row.user = user;
      ASSERT_TRUE(store_->windows(kind_by_letter(owner))->add(owner, row, {}));
      store_->log(store_->take_window_changes(), WindowCause::kEvent, offset_++);
    }
  }
  void commit() {
    for (KeyValue& change : store_->take_changes()) log_.append(std::move(change));
    log_.append(store_->make_commit_record(offset_));
    store_->commit(log_.end);
  }
  Names owners(std::string_view after = {}, std::size_t max = 100) {
    const auto found = store_->window_owners(after, max);
    EXPECT_TRUE(found) << error_of(found);
    return *found;
  }
  static double value(UserStore& store, const std::string& owner) {
    double value = -1;
    EXPECT_TRUE(store.windows(kind_by_letter(owner))->evaluate(owner, kStart, {&value, 1}));
    return value;
  }

  std::unique_ptr<KeyValueStore> backing_ = make_memory_store();
  UserStoreOptions options_;
  std::unique_ptr<UserStore> store_;
  Changelog log_;
  std::int64_t offset_ = 0;
  std::int64_t now_ms_ = kStart;
};

TEST_F(EntityStoreTest, EachKindHasWindowsOfItsOwnFeatures) {
  EXPECT_EQ(store_->windows(EntityKind::kUser), nullptr);
  EXPECT_EQ(store_->windows(EntityKind::kCard), nullptr);
  add("m:T1", 5, 3);
  add("d:a", 5, 2);
  add("d:a", 6);
  EXPECT_EQ(value(*store_, "m:T1"), 3);
  EXPECT_EQ(value(*store_, "d:a"), 2) << "users, not events";
}

TEST_F(EntityStoreTest, ARestoreKeepsOfEveryEntityWhatTheFeaturesOfItsKindSee) {
  options_.windows.of(EntityKind::kMerchant) =
      plan_over(EntityKind::kMerchant, Function::kCount, Field::kNone, 1'000);
  store_ = open();
  constexpr int kMany = 400;  // over more than an hour: merchants have forgotten most of it
  for (int i = 0; i < kMany; ++i) add("d:a", static_cast<std::uint64_t>(i) + 1, 1, 10'000);
  add("m:T1", 5, 3);
  commit();
  const auto before = dump(*store_);
  backing_ = make_memory_store();
  auto restored = open();
  ASSERT_EQ(error_of(restore_from(*restored, log_)), "");
  EXPECT_EQ(dump(*restored), before);
  EXPECT_EQ(value(*restored, "m:T1"), 3);
  EXPECT_EQ(value(*restored, "d:a"), kMany);
  int rows = 0;
  ASSERT_TRUE(restored->window_rows("d:a", [&](const EventRow&) { ++rows; }));
  EXPECT_EQ(rows, kMany);
}

TEST_F(EntityStoreTest, OwnersComeInKeyOrderEachOnceHoweverManyPagesTheyHave) {
  add("m:T2");
  add("m:T1", 5, 500);  // rows on several pages
  add("d:z");
  commit();
  ASSERT_TRUE(store_->checkpoint());
  std::size_t pages = 0;
  ASSERT_TRUE(backing_->scan("w", [&](std::string_view key, std::string_view) {
    pages += key.starts_with("wm:T1") ? 1U : 0U;
    return ok();
  }));
  ASSERT_GT(pages, 3U);
  EXPECT_THAT(owners(), ElementsAre("d:z", "m:T1", "m:T2"));
}

TEST_F(EntityStoreTest, AWalkGoesOnBehindTheLastOwner) {
  for (const auto* owner : {"m:a", "m:b", "m:c", "m:d", "m:e"}) add(owner);
  commit();
  ASSERT_TRUE(store_->checkpoint());
  EXPECT_THAT(owners("", 2), ElementsAre("m:a", "m:b"));
  EXPECT_THAT(owners("m:b", 2), ElementsAre("m:c", "m:d"));
  EXPECT_THAT(owners("m:d", 2), ElementsAre("m:e"));
  EXPECT_THAT(owners("m:e", 2), IsEmpty());
  EXPECT_THAT(owners("m:bb", 1), ElementsAre("m:c")) << "of one that is not there";
  EXPECT_THAT(owners("", 0), IsEmpty());
}

TEST_F(EntityStoreTest, IdsThatBeginWithOneAnotherAreAllFound) {
  const Names names{"m:a", "m:a ", "m:aa", "m:aaa", "m:ab", "m:b"};
  for (const auto& owner : names) add(owner, 5, 40);
  commit();
  ASSERT_TRUE(store_->checkpoint());
  EXPECT_EQ(owners(), names);
  Names one_by_one;
  for (Names next = owners("", 1); !next.empty(); next = owners(next.back(), 1)) {
    one_by_one.push_back(next.back());
    ASSERT_LE(one_by_one.size(), names.size());
  }
  EXPECT_EQ(one_by_one, names);
}

TEST_F(EntityStoreTest, OnlyWhatWasWrittenBackIsFound) {
  EXPECT_THAT(owners(), IsEmpty());
  add("m:a");
  EXPECT_THAT(owners(), IsEmpty()) << "staged";
  commit();
  EXPECT_THAT(owners(), IsEmpty()) << "committed, in memory only";
  ASSERT_TRUE(store_->checkpoint());
  EXPECT_THAT(owners(), ElementsAre("m:a"));
  add("m:b");
  commit();
  EXPECT_THAT(owners(), ElementsAre("m:a"));
}

TEST_F(EntityStoreTest, UsersWithoutWindowsAreNoOwners) {
  ASSERT_TRUE(
      store_->add("u", entry_for(*store_->get("u"), kStart, "t"), lineage_of(1), offset_++));
  add("m:a");
  commit();
  ASSERT_TRUE(store_->checkpoint());
  EXPECT_THAT(owners(), ElementsAre("m:a"));
}

}  // namespace
}  // namespace weir::state
