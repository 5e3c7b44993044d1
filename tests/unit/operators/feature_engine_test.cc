// FeatureEngine: which past each kind of entity shows a payment, and where labels go. The windows
// themselves are tested in tests/unit/state.

#include "operators/features/feature_engine.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operators/features/event_row.h"

namespace weir::operators {
namespace {

using state::EntityKind;
using state::FeatureDeclaration;
using state::Field;
using state::Function;
using state::LabelOutcome;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::int64_t kHour = 3'600'000;
constexpr std::int64_t kDay = 24 * kHour;
constexpr std::int64_t kMonday = 1'528'675'200'000;  // 2018-06-11T00:00:00Z

FeatureDeclaration over(EntityKind entity, Function function, Field field = Field::kNone,
                        std::int64_t window_ms = kDay) {
  FeatureDeclaration declaration;
  declaration.entity = entity;
  declaration.function = function;
  declaration.field = field;
  declaration.window_ms = window_ms;
  return declaration;
}

class FeatureEngineTest : public testing::Test {
 protected:
  void declare(FeatureDeclaration declaration) {
    declaration.name = "f" + std::to_string(settings_.features.size());
    settings_.features.push_back({declaration.name, declaration, {}});
  }
  void declare(PaymentField field, std::optional<double> fallback = std::nullopt) {
    settings_.features.push_back(
        {"f" + std::to_string(settings_.features.size()), PaymentFeature{field, fallback}, {}});
  }

  static Transaction payment(std::string_view id, std::int64_t time_ms,
                             std::int64_t amount_minor = 1'000) {
    Transaction out;
    out.transaction_id = id;
    out.user_id = "u";
    out.merchant_id = "m";
    out.event_time = {time_ms};
    out.amount_minor = amount_minor;
    return out;
  }
  std::vector<double> values(const Transaction& of, bool late = false) {
    if (!engine_) {
      auto made =
          FeatureEngine::make(settings_, {nullptr, &pages_[1], &pages_[2], &pages_[3], &pages_[4]});
      EXPECT_TRUE(made) << made.error().message;
      engine_ = *std::move(made);
      const auto plan = user_window_plan(settings_);
      EXPECT_TRUE(plan) << plan.error().message;
      user_plan_ = *plan;
      if (user_plan_) users_.emplace(*user_plan_, pages_[0]);
    }
    std::vector<double> out(engine_->size(), -1);
    auto past = engine_->process(of, late, users_ ? &*users_ : nullptr, out);
    EXPECT_TRUE(past) << past.error().message;
    past_ = *std::move(past);
    return out;
  }
  /// What a payment sees of its merchant: of each labelled payment amount and label.
  std::vector<std::string> merchant(const Transaction& of, bool late = false) {
    values(of, late);
    std::vector<std::string> seen;
    for (const LabelledRow& row : past_.merchant) {
      seen.push_back(std::to_string(row.amount / state::kAmountScale) +
                     (row.fraud ? " fraud" : " genuine"));
    }
    return seen;
  }
  LabelOutcomes label(std::string_view transaction, std::int64_t event_time_ms, bool fraud,
                      std::string_view device = {}) {
    FraudLabel said;
    said.label_id = "L";
    said.transaction_id = transaction;
    said.user_id = "u";
    said.merchant_id = "m";
    said.device_id = device;
    said.is_fraud = fraud;
    said.event_time = {event_time_ms};
    said.label_time = {event_time_ms + kHour};
    auto outcomes = engine_->label(said, users_ ? &*users_ : nullptr);
    EXPECT_TRUE(outcomes);
    return *outcomes;
  }

  Settings settings_;
  std::array<state::MemoryPageStore, state::kEntityKinds> pages_;
  std::unique_ptr<FeatureEngine> engine_;
  std::shared_ptr<const state::WindowPlan> user_plan_;
  std::optional<state::EntityWindows> users_;
  PaymentPast past_;  // of the last payment
};

TEST_F(FeatureEngineTest, UsersCountThePaymentItselfAndMerchantsDoNot) {
  declare(over(EntityKind::kUser, Function::kCount));
  declare(over(EntityKind::kMerchant, Function::kCount));
  EXPECT_THAT(values(payment("a", kMonday)), ElementsAre(1, 0));
  EXPECT_THAT(values(payment("b", kMonday)), ElementsAre(2, 1));
  EXPECT_THAT(values(payment("c", kMonday + kDay - 1)), ElementsAre(3, 2));
  EXPECT_THAT(values(payment("d", kMonday + kDay)), ElementsAre(2, 1)) << "a and b have left";
}

TEST_F(FeatureEngineTest, EntitiesAreSharedByUsersAndUsersAreNot) {
  declare(over(EntityKind::kUser, Function::kCount));
  declare(over(EntityKind::kMerchant, Function::kDistinct, Field::kUser));
  declare(over(EntityKind::kDevice, Function::kDistinct, Field::kUser));
  auto a = payment("a", kMonday);
  a.device_id = "d";
  auto b = payment("b", kMonday);
  b.user_id = "v";
  b.device_id = "d";
  auto c = payment("c", kMonday);
  c.user_id = "w";
  c.device_id = "d";
  values(a);
  EXPECT_THAT(values(b), ElementsAre(1, 1, 1));
  EXPECT_THAT(values(c), ElementsAre(1, 2, 2));
}

TEST_F(FeatureEngineTest, WithoutADeviceItsFeaturesAreMissingNotZero) {
  declare(over(EntityKind::kDevice, Function::kCount));
  auto with_default = over(EntityKind::kIp, Function::kCount);
  with_default.default_value = -3;
  declare(with_default);
  const auto out = values(payment("a", kMonday));
  EXPECT_TRUE(std::isnan(out[0]));
  EXPECT_EQ(out[1], -3);
  auto b = payment("b", kMonday);
  b.device_id = "d";
  b.ip = "i";
  EXPECT_THAT(values(b), ElementsAre(0, 0)) << "seen for the first time";
}

TEST_F(FeatureEngineTest, ALatePaymentSeesTheWindowsAsTheyAreAndEntersNone) {
  declare(over(EntityKind::kUser, Function::kCount));
  declare(over(EntityKind::kMerchant, Function::kCount));
  declare(PaymentField::kAmount);
  values(payment("a", kMonday));
  values(payment("b", kMonday + 2 * kHour));
  EXPECT_THAT(values(payment("c", kMonday + kHour, 700), true), ElementsAre(2, 2, 7));
  EXPECT_THAT(values(payment("d", kMonday + 2 * kHour)), ElementsAre(3, 2, 10));
}

TEST_F(FeatureEngineTest, AnOutOfOrderPaymentSeesItsOwnPlace) {
  declare(over(EntityKind::kUser, Function::kSum, Field::kAmount));
  values(payment("a", kMonday, 100));
  values(payment("b", kMonday + 2 * kHour, 1'000));
  EXPECT_THAT(values(payment("c", kMonday + kHour, 200)), ElementsAre(3));
  EXPECT_THAT(values(payment("d", kMonday + 2 * kHour, 0)), ElementsAre(13)) << "it took its place";
}

TEST_F(FeatureEngineTest, ThePaymentsOwnValuesAreOfItsUtcTime) {
  declare(PaymentField::kAmount);
  declare(PaymentField::kHour);
  declare(PaymentField::kWeekend);
  declare(PaymentField::kNight);
  EXPECT_THAT(values(payment("a", kMonday - 1, 1)), ElementsAre(0.01, 23, 1, 0)) << "Sunday";
  EXPECT_THAT(values(payment("b", kMonday)), ElementsAre(10, 0, 0, 1));
  EXPECT_THAT(values(payment("c", kMonday + 7 * kHour - 1)), ElementsAre(10, 6, 0, 1));
  EXPECT_THAT(values(payment("d", kMonday + 7 * kHour)), ElementsAre(10, 7, 0, 0));
  EXPECT_THAT(values(payment("e", kMonday + 5 * kDay - 1)), ElementsAre(10, 23, 0, 0)) << "Friday";
  EXPECT_THAT(values(payment("f", kMonday + 5 * kDay)), ElementsAre(10, 0, 1, 1)) << "Saturday";
}

TEST_F(FeatureEngineTest, TheRatioIsTheUsersAndEveryEntityRemembersIt) {
  declare(PaymentField::kRatio);
  declare(over(EntityKind::kMerchant, Function::kMax, Field::kRatio));
  const auto first = values(payment("a", kMonday, 1'000));
  EXPECT_TRUE(std::isnan(first[0])) << "nothing to compare with";
  EXPECT_EQ(values(payment("b", kMonday, 3'000))[0], 3);
  const auto third = values(payment("c", kMonday, 1'000));
  EXPECT_EQ(third[0], 1) << "of 10 and 30 the lower is the median";
  EXPECT_EQ(third[1], 3);
}

TEST_F(FeatureEngineTest, AMissingRatioBecomesTheDefault) {
  declare(PaymentField::kRatio, 1);
  EXPECT_THAT(values(payment("a", kMonday)), ElementsAre(1));
}

TEST_F(FeatureEngineTest, ALabelReachesTheEntitiesThatItNames) {
  for (const auto kind : {EntityKind::kUser, EntityKind::kMerchant, EntityKind::kDevice}) {
    declare(over(kind, Function::kSum, Field::kFraud));
  }
  auto a = payment("a", kMonday);
  a.device_id = "d";
  EXPECT_THAT(values(a), ElementsAre(0, 0, 0));
  auto b = payment("b", kMonday + kHour);
  b.device_id = "d";
  EXPECT_THAT(label("a", kMonday, true), ElementsAre(LabelOutcome::kApplied, LabelOutcome::kApplied,
                                                     std::nullopt, std::nullopt, std::nullopt));
  EXPECT_THAT(values(b), ElementsAre(1, 1, 0));
  EXPECT_EQ(label("b", kMonday + kHour, true, "d")[2], LabelOutcome::kApplied);
  b.transaction_id = "c";
  EXPECT_THAT(values(b), ElementsAre(2, 2, 1));
}

TEST_F(FeatureEngineTest, ALabelBeforeItsPaymentWaitsForIt) {
  declare(over(EntityKind::kUser, Function::kSum, Field::kFraud));
  declare(over(EntityKind::kMerchant, Function::kSum, Field::kFraud));
  values(payment("a", kMonday));
  EXPECT_EQ(label("b", kMonday + kHour, true)[0], LabelOutcome::kWaiting);
  EXPECT_THAT(values(payment("b", kMonday + kHour)), ElementsAre(0, 0))
      << "a payment never knows its own label";
  EXPECT_THAT(values(payment("c", kMonday + kHour)), ElementsAre(1, 1));
}

TEST_F(FeatureEngineTest, TheSameLabelTwiceChangesNothing) {
  declare(over(EntityKind::kUser, Function::kSum, Field::kFraud));
  values(payment("a", kMonday));
  EXPECT_EQ(label("a", kMonday, true)[0], LabelOutcome::kApplied);
  EXPECT_EQ(label("a", kMonday, true)[0], LabelOutcome::kRepeated);
  EXPECT_THAT(values(payment("b", kMonday)), ElementsAre(1));
}

TEST_F(FeatureEngineTest, TheMerchantsNewestLabelledPaymentsComeNewestFirst) {
  settings_.history.merchant_rows = 2;
  EXPECT_THAT(merchant(payment("a", kMonday, 1'100)), IsEmpty());
  EXPECT_TRUE(past_.knows_merchants);
  EXPECT_THAT(merchant(payment("b", kMonday + kHour, 1'200)), IsEmpty()) << "no label yet";
  label("b", kMonday + kHour, false);
  EXPECT_THAT(merchant(payment("c", kMonday + 2 * kHour, 1'300)), ElementsAre("12 genuine"));
  label("a", kMonday, true);
  label("c", kMonday + 2 * kHour, true);
  EXPECT_THAT(merchant(payment("d", kMonday + 3 * kHour)), ElementsAre("13 fraud", "12 genuine"))
      << "by event time, whenever the label came";
  const LabelledRow& newest = past_.merchant[0];
  EXPECT_EQ(newest.time_ms, kMonday + 2 * kHour);
  EXPECT_EQ(newest.label_time_ms, kMonday + 3 * kHour);
  EXPECT_EQ(newest.ratio_milli, 1'181U) << "13 over 11, the lower median of 11 and 12";
  EXPECT_EQ(newest.user, std::uint64_t{past_.row.user});
}

TEST_F(FeatureEngineTest, RowsOfAMerchantAreItsOwnAndStayWhateverTheirAge) {
  settings_.history.merchant_rows = 8;
  values(payment("a", kMonday, 1'100));
  label("a", kMonday, true);
  auto elsewhere = payment("b", kMonday + kHour);
  elsewhere.merchant_id = "other";
  EXPECT_THAT(merchant(elsewhere), IsEmpty());
  EXPECT_THAT(merchant(payment("c", kMonday + 400 * kDay)), ElementsAre("11 fraud"));
}

TEST_F(FeatureEngineTest, APaymentNeverSeesItselfNotEvenWithALabelThatWaited) {
  settings_.history.merchant_rows = 8;
  values(payment("first", kMonday - kHour));
  EXPECT_EQ(label("a", kMonday, true)[1], LabelOutcome::kWaiting);
  EXPECT_THAT(merchant(payment("a", kMonday, 1'100)), IsEmpty());
  EXPECT_THAT(merchant(payment("b", kMonday)), ElementsAre("11 fraud"));
  EXPECT_THAT(merchant(payment("a", kMonday, 1'100), true), IsEmpty()) << "seen a second time";
}

TEST_F(FeatureEngineTest, ALatePaymentSeesTheRowsAsTheyAre) {
  settings_.history.merchant_rows = 8;
  values(payment("a", kMonday, 1'100));
  label("a", kMonday, false);
  EXPECT_THAT(merchant(payment("late", kMonday - kDay), true), ElementsAre("11 genuine"));
}

TEST_F(FeatureEngineTest, WithoutMerchantRowsNoneAreKnown) {
  declare(over(EntityKind::kMerchant, Function::kLastLabel, Field::kNone, 0));
  values(payment("a", kMonday));
  label("a", kMonday, true);
  EXPECT_THAT(merchant(payment("b", kMonday)), IsEmpty());
  EXPECT_FALSE(past_.knows_merchants);
}

TEST_F(FeatureEngineTest, AWrongDeclarationIsNamed) {
  declare(over(EntityKind::kUser, Function::kSum, Field::kMerchant));
  const auto made = FeatureEngine::make(settings_, {});
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message, testing::HasSubstr("f0"));
}

/// A copy: nothing may refer to a packed field.
std::int64_t amount_of(const Transaction& payment) {
  return make_event_row(payment).amount;
}

TEST(EventRow, AmountsOfAllCurrenciesHaveOneUnitAndStayInBounds) {
  Transaction payment;
  payment.amount_minor = 12'345;
  payment.currency = *find_currency("EUR");
  EXPECT_EQ(amount_of(payment), 1'234'500);
  payment.currency = *find_currency("JPY");
  EXPECT_EQ(amount_of(payment), 123'450'000);
  payment.currency = *find_currency("KWD");
  EXPECT_EQ(amount_of(payment), 123'450);
  payment.currency = *find_currency("JPY");
  payment.amount_minor = kEventAmountMax / state::kAmountScale;
  EXPECT_EQ(amount_of(payment), kEventAmountMax);
  ++payment.amount_minor;
  EXPECT_EQ(amount_of(payment), kEventAmountMax);
}

TEST(EventRow, WhatIsAbsentIsZero) {
  Transaction payment;
  payment.transaction_id = "t";
  const auto row = make_event_row(payment);
  EXPECT_NE(std::uint64_t{row.transaction}, 0U);
  EXPECT_EQ(row.device | row.ip | row.card, 0U);
  EXPECT_EQ(row.channel | row.country, 0);
  EXPECT_EQ(row.label, state::Label::kUnknown);
}

}  // namespace
}  // namespace weir::operators
