// The window engine, one rule at a time, each with values worked out by hand and both sides of each
// border; and what holds for any stream: what comes later changes nothing that was said, the future
// is not seen, a journal gives everything back. windows_oracle_test.cc has the random streams.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "state/windows/entity_windows.h"
#include "state/windows/page_store.h"
#include "state/windows/window_plan.h"
#include "tests/unit/windows/windows_world.h"

namespace weir::state {
namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

FeatureDeclaration feature(Function function, Field field, std::int64_t window_ms,
                           Filter filter = {}, std::int64_t delay_ms = 0) {
  FeatureDeclaration declared;
  declared.name = "feature";
  declared.function = function;
  declared.field = field;
  declared.window_ms = window_ms;
  declared.delay_ms = delay_ms;
  declared.filter = std::move(filter);
  return declared;
}
FeatureDeclaration median(std::size_t rows) {
  FeatureDeclaration declared = feature(Function::kMedian, Field::kAmount, 0);
  declared.rows = rows;
  return declared;
}
const Filter kFrauds = {{Field::kFraud, Comparison::kEqual, 1}};

/// One entity's life in a few words. Times count from the start, amounts are in major units.
class Windows {
 public:
  explicit Windows(std::vector<FeatureDeclaration> features, std::int64_t lateness_ms = kDayMs)
      : features_(std::move(features)),
        plan_(*WindowPlan::compile(EntityKind::kUser, features_, lateness_ms)),
        engine_(plan_, pages_) {}

  /// A payment; its number is the transaction.
  std::vector<double> pay(std::int64_t time_ms, double amount = 1, std::uint64_t merchant = 0) {
    EventRow row;
    row.amount = std::llround(amount * static_cast<double>(kAmountScale));
    row.merchant = merchant;
    return pay(time_ms, row);
  }
  std::vector<double> pay(std::int64_t time_ms, EventRow row) {
    row.time_ms = kStartMs + time_ms;
    row.transaction = ++transactions_;
    std::vector<double> values(plan_.size());
    const auto kept = engine_.add("card", row, values);
    EXPECT_TRUE(kept) << kept.error().message;
    kept_ = *kept;
    return values;
  }
  /// The only value of a payment.
  double paid(std::int64_t time_ms, double amount = 1, std::uint64_t merchant = 0) {
    return pay(time_ms, amount, merchant).at(0);
  }
  LabelOutcome say(std::uint64_t transaction, std::int64_t time_ms, bool fraud,
                   std::int64_t label_time_ms = 0, std::uint64_t label_id = 1,
                   std::uint32_t revision = 0) {
    const auto outcome = engine_.label(
        "card", {transaction, kStartMs + time_ms, fraud, label_time_ms, label_id, revision});
    EXPECT_TRUE(outcome) << outcome.error().message;
    return *outcome;
  }
  std::vector<double> seen(std::int64_t time_ms) {
    std::vector<double> values(plan_.size());
    EXPECT_TRUE(engine_.evaluate("card", kStartMs + time_ms, values));
    return values;
  }
  double value(std::int64_t time_ms) { return seen(time_ms).at(0); }
  const EventRow& kept() const { return kept_; }
  EntityWindows& engine() { return engine_; }

 private:
  std::vector<FeatureDeclaration> features_;
  WindowPlan plan_;
  MemoryPageStore pages_;
  EntityWindows engine_;
  std::uint64_t transactions_ = 0;
  EventRow kept_;
};

void expect_values(const std::vector<double>& got, const std::vector<double>& expected) {
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_TRUE(same_bits(got[i], expected[i])) << i << ": " << got[i] << " for " << expected[i];
  }
}

TEST(Windows, AWindowEndsAtThePaymentAndHasJustLostWhatIsAsOldAsItIsLong) {
  Windows windows({feature(Function::kCount, Field::kNone, kMinuteMs)});
  EXPECT_EQ(windows.paid(0), 1);
  EXPECT_EQ(windows.paid(kMinuteMs - 1), 2);
  EXPECT_EQ(windows.value(kMinuteMs - 1), 2);
  EXPECT_EQ(windows.value(kMinuteMs), 1);
  EXPECT_EQ(windows.value(2 * kMinuteMs - 2), 1);
  EXPECT_EQ(windows.value(2 * kMinuteMs - 1), 0);
}

TEST(Windows, ADelayMovesBothEnds) {
  Windows windows({feature(Function::kCount, Field::kNone, kMinuteMs, {}, kHourMs)});
  EXPECT_EQ(windows.paid(0), 0);
  EXPECT_EQ(windows.value(kHourMs - 1), 0);
  EXPECT_EQ(windows.value(kHourMs), 1);
  EXPECT_EQ(windows.value(kHourMs + kMinuteMs - 1), 1);
  EXPECT_EQ(windows.value(kHourMs + kMinuteMs), 0);
}

TEST(Windows, EventsOfOneMillisecondCountInTheOrderOfTheirArrival) {
  Windows windows({feature(Function::kCount, Field::kNone, kSecondMs),
                   feature(Function::kLast, Field::kAmount, kSecondMs),
                   feature(Function::kTimeSince, Field::kNone, kSecondMs), median(2)});
  expect_values(windows.pay(0, 5), {1, kMissing, kMissing, kMissing});
  expect_values(windows.pay(0, 3), {2, 5, 0, 5});
  expect_values(windows.pay(0, 9), {3, 3, 0, 4});
  expect_values(windows.pay(1, 1), {4, 9, 0.001, 6});
  expect_values(windows.seen(1), {4, 1, 0, 5});
}

TEST(Windows, NumbersOfAmountsAreInMajorUnits) {
  Windows windows({feature(Function::kSum, Field::kAmount, kHourMs),
                   feature(Function::kMean, Field::kAmount, kHourMs),
                   feature(Function::kMin, Field::kAmount, kHourMs),
                   feature(Function::kMax, Field::kAmount, kHourMs),
                   feature(Function::kStddev, Field::kAmount, kHourMs)});
  expect_values(windows.pay(0, 2), {2, 2, 2, 2, kMissing});
  expect_values(windows.pay(1, 4), {6, 3, 2, 4, std::sqrt(2.0)});
  expect_values(windows.pay(2, 4), {10, 10.0 / 3, 2, 4, std::sqrt(4.0 / 3)});
  expect_values(windows.seen(kHourMs), {8, 4, 4, 4, 0});
  expect_values(windows.seen(kHourMs + 1), {4, 4, 4, 4, kMissing});
  expect_values(windows.seen(kHourMs + 2), {0, kMissing, kMissing, kMissing, kMissing});
}

TEST(Windows, ASumForgetsALargeAmountWithoutATrace) {
  Windows windows({feature(Function::kSum, Field::kAmount, kMinuteMs),
                   feature(Function::kStddev, Field::kAmount, kMinuteMs)});
  EventRow huge;
  huge.amount = std::numeric_limits<std::int64_t>::max();
  windows.pay(0, huge);
  expect_values({windows.pay(1, huge)[0]},
                {2 * static_cast<double>(huge.amount) / static_cast<double>(kAmountScale)});
  windows.pay(2, 0.01);
  windows.pay(2, 0.03);
  expect_values(windows.seen(kMinuteMs + 1),
                {0.04, static_cast<double>(sqrtl(static_cast<long double>(20'000)) / 10'000)});
}

TEST(Windows, SquaresAreBoundedSoThatTheyFit) {
  Windows windows({feature(Function::kStddev, Field::kAmount, kMinuteMs)});
  EventRow huge;
  huge.amount = std::numeric_limits<std::int64_t>::max();
  windows.pay(0, huge);
  EXPECT_EQ(windows.pay(1, huge).at(0), 0);
  EventRow bound;
  bound.amount = kSquareMax;
  EXPECT_EQ(windows.pay(2, bound).at(0), 0);
}

TEST(Windows, AValueIsDistinctAsLongAsOneOfItsEventsIsInTheWindow) {
  Windows windows({feature(Function::kDistinct, Field::kMerchant, kMinuteMs)});
  EXPECT_EQ(windows.paid(0, 1, 7), 1);
  EXPECT_EQ(windows.paid(10, 1, 7), 1);
  EXPECT_EQ(windows.paid(20, 1, 8), 2);
  EXPECT_EQ(windows.paid(30, 1, 0), 2) << "an absent one is none";
  EXPECT_EQ(windows.value(kMinuteMs), 2);
  EXPECT_EQ(windows.value(kMinuteMs + 10), 1);
  EXPECT_EQ(windows.value(kMinuteMs + 20), 0);
}

TEST(Windows, AValueIsDistinctAgainThatComesAsItLeaves) {
  Windows windows({feature(Function::kDistinct, Field::kMerchant, kMinuteMs),
                   feature(Function::kDistinct, Field::kMerchant, kHourMs)});
  expect_values(windows.pay(0, 1, 7), {1, 1});
  expect_values(windows.pay(kMinuteMs, 1, 7), {1, 1});
  expect_values(windows.pay(2 * kMinuteMs - 1, 1, 7), {1, 1});
  expect_values(windows.pay(kHourMs + kMinuteMs, 1, 7), {1, 1});
}

/// Knows the highest bucket of a table that was ever written.
class BucketCounter final : public PageStore {
 public:
  Result<const std::string*> read(std::string_view entity, PageId id) override {
    return pages_.read(entity, id);
  }
  Result<std::string*> write(std::string_view entity, PageId id) override {
    if (id.kind == PageKind::kDistinct) highest = std::max(highest, id.number);
    return pages_.write(entity, id);
  }
  Status erase(std::string_view entity, PageId id) override { return pages_.erase(entity, id); }
  std::uint32_t highest = 0;

 private:
  MemoryPageStore pages_;
};

TEST(Windows, ATableOfDistinctValuesStaysAsSmallAsItsWindow) {
  const std::vector<FeatureDeclaration> features = {
      feature(Function::kDistinct, Field::kMerchant, kMinuteMs)};
  const auto plan = WindowPlan::compile(EntityKind::kUser, features, 0);
  BucketCounter pages;
  EntityWindows engine(*plan, pages);
  double value = 0;
  for (std::uint64_t i = 1; i <= 50'000; ++i) {
    EventRow row;
    row.time_ms = kStartMs + static_cast<std::int64_t>(i) * 1'000;
    row.merchant = i;
    ASSERT_TRUE(engine.add("card", row, {&value, 1}));
    ASSERT_EQ(value, static_cast<double>(std::min<std::uint64_t>(i, 60)));
  }
  EXPECT_LT(pages.highest, 60U);
}

TEST(Windows, LastAndTimeSinceKnowOnlyWhatTheirWindowHolds) {
  Windows windows({feature(Function::kLast, Field::kAmount, kMinuteMs),
                   feature(Function::kTimeSince, Field::kNone, kMinuteMs)});
  expect_values(windows.pay(0, 5), {kMissing, kMissing});
  expect_values(windows.pay(kMinuteMs - 1, 6), {5, 59.999});
  expect_values(windows.pay(2 * kMinuteMs - 1, 7), {kMissing, kMissing});
}

TEST(Windows, LastWithADelayIsThatOfThePastAndItsAgeCountsFromNow) {
  Windows windows({feature(Function::kLast, Field::kAmount, kMinuteMs, {}, kHourMs),
                   feature(Function::kTimeSince, Field::kNone, kMinuteMs, {}, kHourMs)});
  windows.pay(0, 5);
  windows.pay(1'000, 6);
  expect_values(windows.seen(kHourMs), {5, 3'600});
  expect_values(windows.seen(kHourMs + 1'000), {6, 3'600});
  expect_values(windows.seen(kHourMs + 1'000 + kMinuteMs), {kMissing, kMissing});
}

TEST(Windows, AMedianIsOfTheRowsBeforeHoweverOldTheyAre) {
  Windows windows({median(3), median(kMedianRowsMax)});
  expect_values(windows.pay(0, 9), {kMissing, kMissing});
  expect_values(windows.pay(1, 1), {9, 9});
  expect_values(windows.pay(2, 2), {5, 5});
  expect_values(windows.pay(3, 4), {2, 2});
  expect_values(windows.pay(4, 8), {2, 3});
  expect_values(windows.seen(400 * kDayMs), {4, 4});
}

TEST(Windows, AMedianOfALatePaymentReachesBehindWhatWindowsStillSee) {
  // 40 old payments, half a year later more than any median reads, then one that belongs before
  // those.
  Windows windows({feature(Function::kCount, Field::kNone, kSecondMs), median(3)}, kHourMs);
  for (int i = 0; i < 40; ++i) windows.pay(i, 100);
  for (int i = 0; i < 200; ++i) windows.pay(180 * kDayMs + kMinuteMs + i, 1);
  EXPECT_EQ(windows.pay(180 * kDayMs, 5).at(1), 100);
}

TEST(Windows, TheRatioIsOverTheLowerMiddleOfThePaymentsBefore) {
  Windows windows({feature(Function::kMean, Field::kRatio, kDayMs),
                   feature(Function::kSum, Field::kRatio, kDayMs),
                   feature(Function::kLast, Field::kRatio, kDayMs)});
  expect_values(windows.pay(0, 4), {kMissing, 0, kMissing});
  EXPECT_EQ(std::uint32_t{windows.kept().ratio_milli}, 0U) << "nothing before";
  expect_values(windows.pay(1, 8), {2, 2, kMissing});
  EXPECT_EQ(std::uint32_t{windows.kept().ratio_milli}, 2'000U);
  expect_values(windows.pay(2, 1), {1.125, 2.25, 2});
  EXPECT_EQ(std::uint32_t{windows.kept().ratio_milli}, 250U) << "of 4 and 8 the lower";
  windows.pay(3, 0);
  EXPECT_EQ(std::uint32_t{windows.kept().ratio_milli}, 1U) << "at least 1 where there is one";
}

TEST(Windows, TheRatioKnowsItsLimits) {
  Windows windows({feature(Function::kCount, Field::kNone, kDayMs)});
  windows.pay(0, 0);
  windows.pay(1, 7);
  EXPECT_EQ(std::uint32_t{windows.kept().ratio_milli}, 0U) << "a median of 0 divides nothing";
  Windows other({feature(Function::kCount, Field::kNone, kDayMs)});
  EventRow row;
  row.amount = 1;
  other.pay(0, row);
  row.amount = std::numeric_limits<std::int64_t>::max();
  other.pay(1, row);
  EXPECT_EQ(std::uint32_t{other.kept().ratio_milli}, std::numeric_limits<std::uint32_t>::max());
}

TEST(Windows, ALatePaymentSeesItsOwnPlaceAndIsSeenByLaterOnes) {
  Windows windows({feature(Function::kCount, Field::kNone, kMinuteMs),
                   feature(Function::kSum, Field::kAmount, kMinuteMs),
                   feature(Function::kLast, Field::kAmount, kMinuteMs),
                   feature(Function::kDistinct, Field::kMerchant, kMinuteMs), median(5)});
  windows.pay(0, 1, 1);
  windows.pay(20'000, 2, 2);
  windows.pay(50'000, 4, 3);
  expect_values(windows.pay(30'000, 8, 4), {3, 11, 2, 3, 1.5});
  EXPECT_EQ(std::uint32_t{windows.kept().ratio_milli}, 8'000U);
  expect_values(windows.pay(55'000, 16, 4), {5, 31, 4, 4, 3});
  expect_values(windows.seen(80'000), {3, 28, 16, 2, 4});
  expect_values(windows.seen(90'000), {2, 20, 16, 2, 4});
}

TEST(Windows, APaymentTooLateForEveryWindowIsAnsweredAndForgotten) {
  Windows windows({feature(Function::kCount, Field::kNone, kMinuteMs), median(5)}, kHourMs);
  windows.pay(0, 1);
  windows.pay(kDayMs, 2);
  windows.pay(kDayMs - kHourMs - kMinuteMs, 4);
  expect_values(windows.seen(kDayMs), {1, 1.5});
  windows.pay(kDayMs - kHourMs - kMinuteMs + 1, 4);
  expect_values(windows.seen(kDayMs), {1, 2});
}

TEST(Windows, APaymentBehindTheLatenessCountsWithTheRatioItWasGiven) {
  Windows windows({feature(Function::kSum, Field::kRatio, 90 * kDayMs)}, kHourMs);
  const auto sum_milli = [&](std::int64_t time_ms) {
    return std::llround(1'000 * windows.value(time_ms));
  };
  // 40 old payments, half a year later the next: what the old ones' page held is given back.
  for (int i = 0; i < 40; ++i) windows.pay(i, i < 32 ? 100 : 10);
  for (int i = 0; i < 128; ++i) windows.pay(180 * kDayMs + i, 100);
  auto sum = sum_milli(181 * kDayMs);
  windows.pay(180 * kDayMs - 1, 50);
  EXPECT_EQ(std::uint32_t{windows.kept().ratio_milli}, 5'000U) << "over the 8 that are left";
  sum += windows.kept().ratio_milli;
  EXPECT_EQ(sum_milli(181 * kDayMs), sum);
  // As many as it reads are younger than the span: exact, however late it comes.
  windows.pay(180 * kDayMs + kHourMs, 50);
  EXPECT_EQ(std::uint32_t{windows.kept().ratio_milli}, 500U);
  EXPECT_EQ(sum_milli(181 * kDayMs), sum + 500);
}

TEST(Windows, OverflowingPagesKeepTheirOrder) {
  // A row that belongs into the middle of a full last page once opened a new page behind it.
  Windows windows({feature(Function::kCount, Field::kNone, kSecondMs)});
  for (int i = 0; i < 32; ++i) windows.pay(i * kHourMs);
  windows.pay(31 * kHourMs - 2'000);
  windows.pay(31 * kHourMs - 1'000);
  EXPECT_EQ(windows.paid(32 * kHourMs), 1);
}

TEST(Windows, ALabelChangesWhatIsSaidLater) {
  Windows windows({feature(Function::kCount, Field::kNone, kDayMs, kFrauds),
                   feature(Function::kMean, Field::kFraud, kDayMs),
                   feature(Function::kSum, Field::kLabelled, kDayMs),
                   feature(Function::kMax, Field::kAmount, kDayMs, kFrauds),
                   feature(Function::kLast, Field::kAmount, kDayMs, kFrauds)});
  expect_values(windows.pay(0, 5), {0, 0, 0, kMissing, kMissing});
  expect_values(windows.pay(1, 7), {0, 0, 0, kMissing, kMissing});
  EXPECT_EQ(windows.say(1, 0, true, 10), LabelOutcome::kApplied);
  expect_values(windows.seen(2), {1, 0.5, 1, 5, 5});
  EXPECT_EQ(windows.say(2, 1, true, 10), LabelOutcome::kApplied);
  expect_values(windows.seen(2), {2, 1, 2, 7, 7});
  EXPECT_EQ(windows.say(2, 1, false, 20), LabelOutcome::kRepeated) << "the same id and revision";
  EXPECT_EQ(windows.say(2, 1, false, 20, 2), LabelOutcome::kApplied) << "reversed";
  expect_values(windows.seen(2), {1, 0.5, 2, 5, 5});
}

TEST(Windows, OfSeveralOpinionsTheLatestCounts) {
  Windows windows({feature(Function::kCount, Field::kNone, kDayMs, kFrauds)});
  windows.pay(0);
  EXPECT_EQ(windows.say(1, 0, true, 10, 5), LabelOutcome::kApplied);
  EXPECT_EQ(windows.say(1, 0, false, 9, 6), LabelOutcome::kOutdated);
  EXPECT_EQ(windows.say(1, 0, false, 10, 4), LabelOutcome::kOutdated) << "a tie: the larger id";
  EXPECT_EQ(windows.value(0), 1);
  EXPECT_EQ(windows.say(1, 0, false, 10, 6), LabelOutcome::kApplied);
  EXPECT_EQ(windows.value(0), 0);
}

TEST(Windows, AHigherRevisionReplacesTheLowerWhateverItsTime) {
  Windows windows({feature(Function::kCount, Field::kNone, kDayMs, kFrauds)});
  windows.pay(0);
  EXPECT_EQ(windows.say(1, 0, true, 10, 5, 1), LabelOutcome::kApplied);
  EXPECT_EQ(windows.say(1, 0, false, 99, 5, 0), LabelOutcome::kRepeated);
  EXPECT_EQ(windows.value(0), 1);
  EXPECT_EQ(windows.say(1, 0, false, 1, 5, 2), LabelOutcome::kApplied);
  EXPECT_EQ(windows.value(0), 0);
}

TEST(Windows, ALabelWaitsForItsPaymentWhichDoesNotKnowItYet) {
  Windows windows({feature(Function::kCount, Field::kNone, kDayMs, kFrauds)});
  EXPECT_EQ(windows.say(1, 5, true, 10, 1), LabelOutcome::kWaiting);
  EXPECT_EQ(windows.say(1, 5, false, 9, 2), LabelOutcome::kOutdated);
  EXPECT_EQ(windows.say(1, 5, false, 9, 1), LabelOutcome::kRepeated);
  EXPECT_EQ(windows.paid(5), 0);
  EXPECT_EQ(windows.kept().label, Label::kFraud);
  EXPECT_EQ(windows.paid(6), 1);
}

TEST(Windows, ALabelThatFindsTheRoomFullTakesThePlaceOfTheOldest) {
  Windows windows({feature(Function::kCount, Field::kNone, kDayMs, kFrauds)});
  constexpr auto kRoom = static_cast<std::int64_t>(kWaitingLabelsMax);
  for (std::int64_t i = 0; i < kRoom; ++i) {
    ASSERT_EQ(windows.say(static_cast<std::uint64_t>(1 + i), i, true), LabelOutcome::kWaiting);
  }
  EXPECT_EQ(windows.say(1 + kWaitingLabelsMax, kRoom, true), LabelOutcome::kCrowding);
  windows.pay(0);
  EXPECT_EQ(windows.kept().label, Label::kUnknown) << "the oldest was given up";
  windows.pay(1);
  EXPECT_EQ(windows.kept().label, Label::kFraud);
}

TEST(Windows, ALabelIsTooLateByTheTimeOfItsPayment) {
  Windows windows({feature(Function::kCount, Field::kNone, kMinuteMs)}, kHourMs);
  windows.pay(0);
  windows.pay(1);
  windows.pay(kHourMs + kMinuteMs);
  EXPECT_EQ(windows.say(1, 0, true), LabelOutcome::kExpired) << "though its row is still there";
  EXPECT_EQ(windows.say(2, 1, true), LabelOutcome::kApplied);
  EXPECT_EQ(windows.say(77, 0, true), LabelOutcome::kExpired);
  EXPECT_EQ(windows.say(77, 1, true), LabelOutcome::kWaiting);
}

TEST(Windows, ARunIsTheUnbrokenFraudsAtTheEnd) {
  Filter large = {{Field::kAmount, Comparison::kGreaterEqual, 10 * kAmountScale}};
  Windows windows({feature(Function::kLastLabel, Field::kNone, 0),
                   feature(Function::kRunAge, Field::kNone, 0),
                   feature(Function::kRunCount, Field::kNone, 0),
                   feature(Function::kRunCount, Field::kNone, 0, large)});
  for (int i = 0; i < 5; ++i) windows.pay(i * kHourMs, i == 3 ? 50 : 5);
  expect_values(windows.seen(5 * kHourMs), {kMissing, kMissing, 0, 0});
  windows.say(3, 2 * kHourMs, true);  // labels out of order
  expect_values(windows.seen(5 * kHourMs), {1, 10'800, 1, 0});
  windows.say(1, 0, true);
  expect_values(windows.seen(5 * kHourMs), {1, 18'000, 2, 0});
  windows.say(2, kHourMs, false);
  expect_values(windows.seen(5 * kHourMs), {1, 10'800, 1, 0});
  windows.say(4, 3 * kHourMs, true);
  expect_values(windows.seen(5 * kHourMs), {1, 10'800, 2, 1});
  windows.say(5, 4 * kHourMs, false);
  expect_values(windows.seen(5 * kHourMs), {0, kMissing, 0, 0});
}

TEST(Windows, ARunReachesAsFarAsLabelledEventsAreKept) {
  Windows windows({feature(Function::kRunCount, Field::kNone, 0)});
  for (std::uint64_t i = 0; i < 2 * kLabelledRowsMax; ++i) {
    windows.pay(static_cast<std::int64_t>(i) * kHourMs);
    windows.say(i + 1, static_cast<std::int64_t>(i) * kHourMs, true);
    EXPECT_EQ(windows.value(static_cast<std::int64_t>(i) * kHourMs),
              static_cast<double>(std::min<std::uint64_t>(i + 1, kLabelledRowsMax)));
  }
  EventRow rows[3];
  ASSERT_EQ(*windows.engine().labelled_rows("card", rows), 3U);
  EXPECT_EQ(std::uint64_t{rows[0].transaction}, 2 * kLabelledRowsMax);
  EXPECT_EQ(std::uint64_t{rows[2].transaction}, 2 * kLabelledRowsMax - 2);
}

// Two writers may take turns in a changelog (at_least_once), and only one of them knew the label.
TEST(Windows, ARowPutAgainWithoutItsLabelKeepsIt) {
  Windows windows({feature(Function::kCount, Field::kNone, kDayMs, kFrauds)});
  windows.pay(0);
  const EventRow unlabelled = windows.kept();
  windows.say(1, 0, true);
  ASSERT_EQ(windows.value(kMinuteMs), 1);
  ASSERT_TRUE(windows.engine().put("card", unlabelled));
  EXPECT_EQ(windows.value(kMinuteMs), 1);
  EventRow later = unlabelled;
  later.label = Label::kGenuine;
  later.label_time_ms = 5;
  later.label_id = 9;
  ASSERT_TRUE(windows.engine().put("card", later));
  EXPECT_EQ(windows.value(kMinuteMs), 0) << "a later opinion counts";
}

TEST(Windows, ALabelPutBehindItsPaymentIsItsLabel) {
  Windows windows({feature(Function::kCount, Field::kNone, kDayMs, kFrauds)});
  windows.pay(0);
  ASSERT_TRUE(windows.engine().put_waiting("card", {1, kStartMs, true, 7, 3, 0}));
  EXPECT_EQ(windows.value(kMinuteMs), 1);
  ASSERT_TRUE(windows.engine().put_waiting("card", {1, kStartMs, false, 2, 4, 0}));
  EXPECT_EQ(windows.value(kMinuteMs), 1) << "an earlier opinion does not";
}

TEST(Windows, AnUnlabelledPaymentPutBehindItsLabelTakesIt) {
  Windows windows({feature(Function::kCount, Field::kNone, kDayMs, kFrauds)});
  ASSERT_TRUE(windows.engine().put_waiting("card", {1, kStartMs, true, 7, 3, 0}));
  EventRow row;
  row.time_ms = kStartMs;
  row.transaction = 1;
  ASSERT_TRUE(windows.engine().put("card", row));
  EXPECT_EQ(windows.value(kMinuteMs), 1);
}

TEST(Windows, AfterMonthsNothingIsLeft) {
  auto features = all_functions();
  std::erase_if(features, [](const auto& f) { return f.function >= Function::kMedian; });
  for (auto& f : features) f.default_value.reset();
  Windows windows(features);
  const auto nothing = [&] {
    std::vector<double> values;
    for (const auto& f : features) {
      const bool countable = f.function == Function::kCount || f.function == Function::kSum ||
                             f.function == Function::kDistinct;
      values.push_back(countable ? 0 : kMissing);
    }
    return values;
  }();
  for (int i = 0; i < 1'000; ++i) windows.pay(i * kMinuteMs, i, static_cast<std::uint64_t>(i % 90));
  expect_values(windows.seen(200 * kDayMs), nothing);
}

TEST(Windows, AnUnknownEntityHasTheValuesOfNoEvents) {
  auto with_default = feature(Function::kMean, Field::kAmount, kDayMs);
  with_default.default_value = -1;
  Windows windows({feature(Function::kCount, Field::kNone, kDayMs),
                   feature(Function::kMin, Field::kAmount, kDayMs), with_default});
  std::vector<double> values(3);
  EXPECT_FALSE(*windows.engine().evaluate("nobody", kStartMs, values));
  expect_values(values, {0, kMissing, -1});
}

TEST(Windows, LookingAtAnOlderTimeIsLookingAtTheNewest) {
  Windows windows({feature(Function::kCount, Field::kNone, kDayMs)});
  windows.pay(0);
  windows.pay(kHourMs);
  EXPECT_EQ(windows.value(0), 2);
}

TEST(Windows, AnAbsentFieldPassesOnlyNotEqual) {
  const auto count_where = [](Comparison comparison, std::int64_t value) {
    return feature(Function::kCount, Field::kNone, kDayMs, {{Field::kMcc, comparison, value}});
  };
  Windows windows({count_where(Comparison::kEqual, 5), count_where(Comparison::kNotEqual, 5),
                   count_where(Comparison::kLess, 5), count_where(Comparison::kLessEqual, 5),
                   count_where(Comparison::kGreater, 5),
                   count_where(Comparison::kGreaterEqual, 5)});
  EventRow row;
  expect_values(windows.pay(0, row), {0, 1, 0, 0, 0, 0});
  row.mcc = 5;
  expect_values(windows.pay(0, row), {1, 1, 0, 1, 0, 1});
  row.mcc = 4;
  expect_values(windows.pay(0, row), {1, 2, 1, 2, 0, 1});
  row.mcc = 6;
  expect_values(windows.pay(0, row), {1, 3, 1, 2, 1, 2});
}

/// A stream of one card: payments in order with labels between, from a seed.
struct Stream {
  std::vector<EventRow> rows;
  std::vector<std::pair<std::size_t, LabelOpinion>> labels;  // after so many rows
};

Stream stream_of(std::mt19937_64& random, std::size_t size) {
  Stream stream;
  std::int64_t now_ms = kStartMs;
  for (std::size_t i = 0; i < size; ++i) {
    now_ms += static_cast<std::int64_t>(random() % 3 == 0 ? 0 : random() % (2 * kHourMs));
    EventRow row;
    row.time_ms = now_ms;
    row.transaction = i + 1;
    row.amount = static_cast<std::int64_t>(random() % 50'000) * 100;
    row.merchant = random() % 10;
    row.channel = static_cast<std::uint16_t>(random() % 4);
    row.mcc = static_cast<std::uint16_t>(random() % 40);
    stream.rows.push_back(row);
    if (random() % 10 == 0) {
      const EventRow& past = stream.rows[random() % stream.rows.size()];
      stream.labels.push_back({i + 1,
                               {past.transaction, past.time_ms, random() % 2 == 0,
                                static_cast<std::int64_t>(random() % 100), random() % 3, 0}});
    }
  }
  return stream;
}

/// Feeds the first `size` rows and what labels come between; the values of each.
std::vector<std::vector<double>> feed(EntityWindows& engine, const WindowPlan& plan,
                                      const Stream& stream, std::size_t size) {
  std::vector<std::vector<double>> values;
  auto label = stream.labels.begin();
  for (std::size_t i = 0; i < size; ++i) {
    values.emplace_back(plan.size());
    EXPECT_TRUE(engine.add("card", stream.rows[i], values.back()));
    for (; label != stream.labels.end() && label->first == i + 1; ++label) {
      EXPECT_TRUE(engine.label("card", label->second));
    }
  }
  return values;
}

TEST(Windows, TheFutureIsNotSeenByWhatCameBeforeIt) {
  const std::uint64_t seed = test_seed();
  SCOPED_TRACE("WEIR_TEST_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto features = all_functions();
  const auto plan = WindowPlan::compile(EntityKind::kUser, features, 2 * kDayMs);
  for (int round = 0; round < 30; ++round) {
    const std::size_t size = 50 + random() % 150;
    const Stream stream = stream_of(random, size + 1);
    const EventRow& payment = stream.rows[size];

    MemoryPageStore plain_pages;
    EntityWindows plain(*plan, plain_pages);
    const auto said = feed(plain, *plan, stream, size);
    std::vector<double> alone(plan->size());
    ASSERT_TRUE(plain.add("card", payment, alone));

    // The same, but payments and labels from after the last one are there already.
    MemoryPageStore planted_pages;
    EntityWindows planted(*plan, planted_pages);
    const auto said_again = feed(planted, *plan, stream, size);
    for (std::size_t i = 0; i < size; ++i) expect_values(said_again[i], said[i]);
    for (std::uint64_t i = 0; i < 40; ++i) {
      EventRow future = payment;
      future.time_ms += 1 + static_cast<std::int64_t>(random() % kDayMs);
      future.transaction = 1'000'000 + i;
      future.amount = 77'777;
      future.merchant = 500 + i;
      ASSERT_TRUE(planted.add("card", future, {}));
      if (i % 4 != 0) continue;
      ASSERT_TRUE(planted.label("card", {future.transaction, future.time_ms, true, 0, 1, 0}));
    }
    std::vector<double> with_future(plan->size());
    ASSERT_TRUE(planted.add("card", payment, with_future));
    for (std::size_t i = 0; i < plan->size(); ++i) {
      EXPECT_TRUE(same_bits(alone[i], with_future[i]))
          << describe(features[i]) << ": " << with_future[i] << " for " << alone[i];
    }
  }
}

TEST(Windows, OtherDeclarationsOnTheSameRowsAreAsIfTheyHadAlwaysBeenThere) {
  const std::uint64_t seed = test_seed();
  SCOPED_TRACE("WEIR_TEST_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 20; ++round) {
    // One of 90 days without a delay and one run: what rows are kept does not change.
    auto first = random_features(random, 10);
    auto second = random_features(random, 10);
    for (auto* features : {&first, &second}) {
      for (auto& f : *features) f.entity = EntityKind::kUser;
      features->push_back(feature(Function::kCount, Field::kNone, 90 * kDayMs, {}, 7 * kDayMs));
      features->push_back(feature(Function::kRunCount, Field::kNone, 0));
      features->push_back(median(kMedianRowsMax));
    }
    const auto first_plan = WindowPlan::compile(EntityKind::kUser, first, kDayMs);
    const auto second_plan = WindowPlan::compile(EntityKind::kUser, second, kDayMs);
    ASSERT_TRUE(first_plan) << first_plan.error().message;
    ASSERT_TRUE(second_plan) << second_plan.error().message;
    const Stream stream = stream_of(random, 300);
    MemoryPageStore changed_pages;
    {
      EntityWindows engine(*first_plan, changed_pages);
      feed(engine, *first_plan, stream, 300);
    }
    MemoryPageStore pages;
    EntityWindows always(*second_plan, pages);
    EntityWindows changed(*second_plan, changed_pages);
    feed(always, *second_plan, stream, 300);
    std::vector<double> expected(second_plan->size());
    std::vector<double> got(second_plan->size());
    const std::int64_t now_ms = stream.rows.back().time_ms;
    ASSERT_TRUE(always.evaluate("card", now_ms, expected));
    ASSERT_TRUE(changed.evaluate("card", now_ms, got));
    EXPECT_LE(changed_pages.bytes(), pages.bytes()) << "pages of the old declarations are gone";
    for (std::size_t i = 0; i < got.size(); ++i) {
      EXPECT_TRUE(same_bits(got[i], expected[i]))
          << describe(second[i]) << ": " << got[i] << " for " << expected[i];
    }
  }
}

TEST(Windows, ShortRandomLivesAgreeWithTheOracle) {
  const std::uint64_t seed = test_seed();
  SCOPED_TRACE("WEIR_TEST_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 20; ++round) {
    World world;
    world.name = "short";
    world.kind = round % 2 == 0 ? EntityKind::kUser : EntityKind::kDevice;
    world.features = round % 5 == 0 ? all_functions() : random_features(random, 12);
    for (auto& f : world.features) f.entity = world.kind;
    world.events = 600;
    world.entities = 1 + random() % 10;
    world.mean_step_ms = round % 3 == 0 ? 100 : 600'000;
    world.jump = 0.01;
    world.restore = 0.01;
    world.rebuild = 0.01;
    ASSERT_EQ(live(world, random()).disagreement, "");
  }
}

}  // namespace
}  // namespace weir::state
