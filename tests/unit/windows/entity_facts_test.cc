// What stays known of an entity whatever its windows hold, and which events it knows.

#include <gtest/gtest.h>

#include "state/windows/entity_windows.h"
#include "state/windows/page_store.h"
#include "state/windows/window_plan.h"

namespace weir::state {
namespace {

constexpr std::int64_t kNoonMs = 1'528'718'400'000;
constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::int64_t kDayMs = 24 * kHourMs;

WindowPlan counts_over(std::int64_t window_ms) {
  FeatureDeclaration count;
  count.name = "count";
  count.entity = EntityKind::kDevice;
  count.window_ms = window_ms;
  return *WindowPlan::compile(EntityKind::kDevice, {{count}}, kHourMs);
}

EventRow event(std::uint64_t transaction, std::uint64_t user, std::int64_t time_ms = kNoonMs) {
  EventRow row;
  row.transaction = transaction;
  row.user = user;
  row.time_ms = time_ms;
  return row;
}

class EntityFactsTest : public testing::Test {
 protected:
  void add(const EventRow& row) { ASSERT_TRUE(windows_.add("d", row, {})); }
  LabelOutcome say(std::uint64_t transaction, bool fraud, std::uint32_t revision = 0,
                   std::int64_t time_ms = kNoonMs) {
    return *windows_.label("d", {transaction, time_ms, fraud, time_ms + kDayMs, 1, revision});
  }
  std::optional<EntityFacts> known() { return facts_of(windows_); }
  static std::optional<EntityFacts> facts_of(EntityWindows& windows) {
    const auto facts = windows.facts("d");
    EXPECT_TRUE(facts) << facts.error().message;
    return *facts;
  }
  bool contains(const EventRow& row) { return *windows_.contains("d", row); }

  WindowPlan plan_ = counts_over(kDayMs);
  MemoryPageStore pages_;
  EntityWindows windows_{plan_, pages_};
};

TEST_F(EntityFactsTest, OfWhomNoEventWasSeenNothingIsKnown) {
  EXPECT_FALSE(known());
  EXPECT_EQ(say(1, true), LabelOutcome::kWaiting);
  EXPECT_FALSE(known()) << "a label alone is no event";
  EXPECT_FALSE(contains(event(1, 5)));
  add(event(2, 5));
  ASSERT_TRUE(known());
  EXPECT_FALSE(known()->fraud) << "the label is of another payment";
  EXPECT_FALSE(known()->linked);
}

TEST_F(EntityFactsTest, TheFrontierIsTheNewestOfEventsAndEvaluations) {
  add(event(1, 5, kNoonMs));
  EXPECT_EQ(known()->frontier_ms, kNoonMs);
  add(event(2, 5, kNoonMs - kHourMs));
  EXPECT_EQ(known()->frontier_ms, kNoonMs);
  double value = 0;
  ASSERT_TRUE(windows_.evaluate("d", kNoonMs + kHourMs, {&value, 1}));
  EXPECT_EQ(known()->frontier_ms, kNoonMs + kHourMs);
  EXPECT_EQ(value, 2);
}

TEST_F(EntityFactsTest, ASecondUserLinksAndTheSameOneDoesNot) {
  add(event(1, 5));
  add(event(2, 5));
  EXPECT_FALSE(known()->linked);
  add(event(3, 6));
  EXPECT_TRUE(known()->linked);
  add(event(4, 5, kNoonMs + 90 * kDayMs));
  EXPECT_TRUE(known()->linked) << "also when no window sees the other one any more";
}

TEST_F(EntityFactsTest, AFraudStaysKnownEvenWhenItIsWonBack) {
  add(event(1, 5));
  EXPECT_EQ(say(1, false), LabelOutcome::kApplied);
  EXPECT_FALSE(known()->fraud);
  EXPECT_EQ(say(1, true, 1), LabelOutcome::kApplied);
  EXPECT_TRUE(known()->fraud);
  EXPECT_EQ(say(1, false, 2), LabelOutcome::kApplied);
  EXPECT_TRUE(known()->fraud);
}

TEST_F(EntityFactsTest, ALabelThatWaitedCountsWithItsEvent) {
  EXPECT_EQ(say(1, true), LabelOutcome::kWaiting);
  add(event(1, 5));
  EXPECT_TRUE(known()->fraud);
}

TEST_F(EntityFactsTest, RowsPutBackAndOtherDeclarationsGiveTheSameFacts) {
  add(event(1, 5));
  add(event(2, 6));
  say(2, true);
  MemoryPageStore other_pages;
  EntityWindows other(plan_, other_pages);
  ASSERT_TRUE(windows_.rows("d", [&](const EventRow& row) { ASSERT_TRUE(other.put("d", row)); }));
  ASSERT_TRUE(facts_of(other));
  EXPECT_TRUE(facts_of(other)->linked);
  EXPECT_TRUE(facts_of(other)->fraud);
  EXPECT_EQ(facts_of(other)->frontier_ms, kNoonMs);

  const WindowPlan longer = counts_over(2 * kDayMs);
  EntityWindows declared_anew(longer, pages_);
  add(event(3, 6, kNoonMs + 1));
  double value = 0;
  ASSERT_TRUE(declared_anew.evaluate("d", kNoonMs + 1, {&value, 1}));
  EXPECT_EQ(value, 3);
  EXPECT_TRUE(facts_of(declared_anew)->linked);
  EXPECT_TRUE(facts_of(declared_anew)->fraud);
}

TEST_F(EntityFactsTest, AnEventIsKnownByTransactionUserAndTime) {
  add(event(1, 5, kNoonMs));
  add(event(2, 6, kNoonMs + 1));
  add(event(3, 6, kNoonMs - 1));
  EXPECT_TRUE(contains(event(1, 5, kNoonMs)));
  EXPECT_TRUE(contains(event(2, 6, kNoonMs + 1)));
  EXPECT_TRUE(contains(event(3, 6, kNoonMs - 1))) << "out of order";
  EXPECT_FALSE(contains(event(2, 5, kNoonMs)));
  EXPECT_FALSE(contains(event(1, 6, kNoonMs)));
  EXPECT_FALSE(contains(event(1, 5, kNoonMs + 1)));
}

TEST_F(EntityFactsTest, LookingForAnEventChangesNoValue) {
  for (std::uint64_t i = 1; i <= 300; ++i) {
    add(event(i, i % 3, kNoonMs + static_cast<std::int64_t>(i) * 60'000));
  }
  EXPECT_TRUE(contains(event(7, 1, kNoonMs + 7 * 60'000)));
  double value = 0;
  ASSERT_TRUE(windows_.evaluate("d", kNoonMs + 300 * 60'000, {&value, 1}));
  EXPECT_EQ(value, 300);
}

TEST_F(EntityFactsTest, TwoUsersMayUseOneTransactionIdAtOneTime) {
  add(event(1, 5));
  add(event(1, 6));
  EXPECT_TRUE(contains(event(1, 5)));
  EXPECT_TRUE(contains(event(1, 6)));
  EXPECT_FALSE(contains(event(1, 7)));
}

}  // namespace
}  // namespace weir::state
