// Merchant rows: each feature at its borders, and which payments are among the rows of one.

#include "operators/features/merchant_rows.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::operators {
namespace {

using testing::ElementsAre;

constexpr std::int64_t kMinuteMs = 60'000;
constexpr std::int64_t kHourMs = 60 * kMinuteMs;
constexpr std::int64_t kDayMs = 24 * kHourMs;
constexpr std::int64_t kMonday = 1'528'675'200'000;  // 2018-06-11T00:00:00Z

float value(std::string_view name, const LabelledRow& row, std::int64_t now_ms = kMonday,
            std::uint64_t user = 7) {
  state::EventRow payment;
  payment.time_ms = now_ms;
  payment.user = user;
  const auto features = MerchantFeatures::make(std::vector<std::string>{std::string(name)});
  EXPECT_TRUE(features.has_value());
  float out = -1;
  features->pick(merchant_row_values(row, payment), &out);
  return out;
}

TEST(MerchantFeatures, AreWhatTheTableSays) {
  EXPECT_EQ(value("fraud", {.fraud = true}), 1);
  EXPECT_EQ(value("fraud", {.fraud = false}), 0);
  EXPECT_EQ(value("log_amount", {.amount = 0}), 0);
  EXPECT_EQ(value("log_amount", {.amount = 15 * state::kAmountScale}), std::log(16.0F));
  EXPECT_EQ(value("log_ratio", {.ratio_milli = 0}), 0) << "none";
  EXPECT_EQ(value("log_ratio", {.ratio_milli = 1'000}), 0);
  EXPECT_EQ(value("log_ratio", {.ratio_milli = 2'500}), static_cast<float>(std::log(2.5)));
  EXPECT_EQ(value("log_ratio", {.ratio_milli = 1}), static_cast<float>(std::log(0.001)));
  EXPECT_EQ(value("same_user", {.user = 7}), 1);
  EXPECT_EQ(value("same_user", {.user = 8}), 0);
}

TEST(MerchantFeatures, AgesAreNeverNegative) {
  for (const char* name : {"log_age", "age"}) {
    EXPECT_EQ(value(name, {.time_ms = kMonday}), 0) << name;
    EXPECT_EQ(value(name, {.time_ms = kMonday + kDayMs}), 0) << name;
  }
  EXPECT_EQ(value("log_known", {.label_time_ms = kMonday}), 0);
  EXPECT_EQ(value("log_known", {.label_time_ms = kMonday + kDayMs}), 0);
  EXPECT_EQ(value("log_age", {.time_ms = kMonday - 15 * kMinuteMs}), std::log(16.0F));
  EXPECT_EQ(value("log_known", {.label_time_ms = kMonday - 15 * kMinuteMs}), std::log(16.0F));
  EXPECT_EQ(value("age", {.time_ms = kMonday - 45 * kDayMs}), 1.5F);
}

TEST(MerchantFeatures, NightAndWeekendAreThoseOfTheRow) {
  EXPECT_EQ(value("night", {.time_ms = kMonday}), 1);
  EXPECT_EQ(value("night", {.time_ms = kMonday + 7 * kHourMs - 1}), 1);
  EXPECT_EQ(value("night", {.time_ms = kMonday + 7 * kHourMs}), 0);
  EXPECT_EQ(value("night", {.time_ms = kMonday - 1}), 0);
  EXPECT_EQ(value("weekend", {.time_ms = kMonday - 1}), 1) << "Sunday";
  EXPECT_EQ(value("weekend", {.time_ms = kMonday}), 0);
  EXPECT_EQ(value("weekend", {.time_ms = kMonday + 5 * kDayMs - 1}), 0) << "Friday";
  EXPECT_EQ(value("weekend", {.time_ms = kMonday + 5 * kDayMs}), 1) << "Saturday";
}

TEST(MerchantFeatures, ComeInTheOrderOfTheModelAndAllInTheirs) {
  const LabelledRow row{.time_ms = kMonday, .amount = 0, .user = 7, .fraud = true};
  state::EventRow payment;
  payment.time_ms = kMonday;
  payment.user = 7;
  std::vector<float> out(2);
  const MerchantRowValues all = merchant_row_values(row, payment);
  EXPECT_THAT(all, ElementsAre(1, 0, 0, 1, 0, 0, testing::Gt(0), 1, 0));
  MerchantFeatures::make(std::vector<std::string>{"weekend", "fraud"})
      .value()
      .pick(all, out.data());
  EXPECT_THAT(out, ElementsAre(0, 1));
}

TEST(MerchantFeatures, RefuseANameTheyDoNotKnowAndOneGivenTwice) {
  const auto unknown = MerchantFeatures::make(std::vector<std::string>{"fraud", "mood"});
  ASSERT_FALSE(unknown.has_value());
  EXPECT_THAT(unknown.error().message, testing::HasSubstr("mood (known: fraud, log_amount"));
  EXPECT_FALSE(MerchantFeatures::make(std::vector<std::string>{"age", "age"}).has_value());
}

TEST(MerchantRows, ThePaymentItselfIsTakenOut) {
  std::vector<LabelledRow> rows(3);
  rows[0] = {.transaction = 5, .user = 8};
  rows[1] = {.transaction = 5, .user = 7};
  rows[2] = {.transaction = 6, .user = 7};
  state::EventRow payment;
  payment.transaction = 5;
  payment.user = 7;
  const std::vector<LabelledRow> others{rows[0], rows[2]};
  remove_payment(rows, payment);
  EXPECT_EQ(rows, others);
}

}  // namespace
}  // namespace weir::operators
