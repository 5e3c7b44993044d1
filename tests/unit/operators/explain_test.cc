// Reasons: what is called unusual, against which history, and in which words.
#include "operators/explain.h"

#include <gtest/gtest.h>

namespace weir::operators {
namespace {

constexpr std::int64_t kNoon = 1'528'718'400'000;  // 2018-06-11T12:00:00Z
constexpr std::int64_t kHour = 3'600'000;
constexpr std::int64_t kDay = 24 * kHour;

/// A payment of 20.00 EUR at merchant 1.
HistoryRow row_at(std::int64_t time_ms, std::int64_t amount_minor = 2000) {
  HistoryRow row;
  row.event_time_ms = time_ms;
  row.amount_minor = amount_minor;
  row.currency = 978;
  row.merchant = 1;
  return row;
}

/// `days` payments of about 20.00 EUR, one a day around noon.
std::vector<HistoryRow> daily(int days) {
  std::vector<HistoryRow> rows;
  for (int i = 0; i < days; ++i) {
    rows.push_back(row_at(kNoon + i * kDay + (i % 3) * 600'000, 1900 + 50 * (i % 5)));
  }
  return rows;
}

/// What follows `days` daily payments without anything unusual.
HistoryRow next_after(int days) {
  return row_at(kNoon + days * kDay);
}

std::vector<ReasonCode> codes(const HistoryRow& row, const std::vector<HistoryRow>& history) {
  std::vector<ReasonCode> found;
  for (const Reason& reason : find_reasons(row, history)) {
    found.push_back(static_cast<ReasonCode>(reason.code));
  }
  return found;
}
using Codes = std::vector<ReasonCode>;

std::string words(const Reason& reason) {
  std::string text;
  append_reason_text(text, reason, *find_currency("EUR"));
  return text;
}

TEST(Explain, SaysOrdinaryWhenNothingIsUnusual) {
  const auto reasons = find_reasons(next_after(16), daily(16));
  ASSERT_EQ(reasons.size(), 1U);
  EXPECT_EQ(words(reasons[0]), "nothing unusual against the user's last 16 payments");
}

TEST(Explain, SaysThatTheHistoryIsShortBelowThreePayments) {
  for (const int days : {0, 1, 2}) {
    EXPECT_EQ(codes(next_after(days), daily(days)), Codes{ReasonCode::kShortHistory});
  }
  EXPECT_EQ(codes(next_after(3), daily(3)), Codes{ReasonCode::kOrdinary});
  EXPECT_EQ(words(find_reasons(next_after(1), daily(1))[0]),
            "little is known of this user: 1 earlier payment");
}

TEST(Explain, FindsHighAndLowAmountsAndTellsTheUsualRange) {
  HistoryRow row = next_after(16);
  row.amount_minor = 31'240;
  const auto high = find_reasons(row, daily(16));
  EXPECT_EQ(static_cast<ReasonCode>(high[0].code), ReasonCode::kAmountHigh);
  EXPECT_EQ(high[0].value, 312.40);
  EXPECT_LT(high[0].typical_low, 19);
  EXPECT_GT(high[0].typical_high, 21);
  EXPECT_EQ(words({
                2,
                312.4,
                8.1,
                62,
            }),
            "312.40 is above the user's usual 8.10 to 62.00 EUR");
  row.amount_minor = 50;
  EXPECT_EQ(codes(row, daily(16)), Codes{ReasonCode::kAmountLow});
}

TEST(Explain, CallsAnAmountUnusualFromTheEndOfTheUsualRangeOn) {
  HistoryRow row = next_after(16);
  row.amount_minor = 100'000;
  const Reason reason = find_reasons(row, daily(16))[0];
  row.amount_minor = static_cast<std::int64_t>(reason.typical_high * 100) - 2;
  EXPECT_EQ(codes(row, daily(16)), Codes{ReasonCode::kOrdinary});
  row.amount_minor += 4;
  EXPECT_EQ(codes(row, daily(16)), Codes{ReasonCode::kAmountHigh});
}

TEST(Explain, ComparesAmountsOfOneCurrencyOnly) {
  HistoryRow row = next_after(16);
  row.currency = 392;
  row.currency_exponent = 0;
  row.amount_minor = 2'000'000;
  EXPECT_EQ(codes(row, daily(16)), Codes{ReasonCode::kNewCurrency});
}

TEST(Explain, NeedsFivePaymentsForARange) {
  HistoryRow four = next_after(4);
  four.amount_minor = 100'000;
  EXPECT_EQ(codes(four, daily(4)), Codes{ReasonCode::kOrdinary});
  HistoryRow five = next_after(5);
  five.amount_minor = 100'000;
  EXPECT_EQ(codes(five, daily(5)), Codes{ReasonCode::kAmountHigh});
}

TEST(Explain, FindsAPaymentSoonAfterTheLast) {
  auto history = daily(16);
  const HistoryRow row = row_at(history.back().event_time_ms + 40'000);
  const auto reasons = find_reasons(row, history);
  EXPECT_EQ(static_cast<ReasonCode>(reasons[0].code), ReasonCode::kSoonAfterLast);
  EXPECT_EQ(words({4, 0.67, 200, 4000}), "40 s after the payment before, usually 3.3 h to 2.8 d");
}

TEST(Explain, FindsABurst) {
  auto history = daily(16);
  const std::int64_t last = history.back().event_time_ms;
  for (int i = 1; i <= 3; ++i) history.push_back(row_at(last + i * 1000));
  const auto found = codes(row_at(last + 4000), history);
  EXPECT_EQ(std::count(found.begin(), found.end(), ReasonCode::kManyInHour), 1);
  EXPECT_EQ(words({5, 5, 1, 2}), "5 payments within an hour, so far at most 2");
}

TEST(Explain, FindsAnUnusualHour) {
  EXPECT_EQ(codes(row_at(kNoon + 16 * kDay - 9 * kHour), daily(16)),
            Codes{ReasonCode::kUnusualHour});
  const Reason reason = find_reasons(row_at(kNoon + 16 * kDay - 9 * kHour), daily(16))[0];
  EXPECT_EQ(words(reason), "paid in hour 03 UTC, usually between 12 and 12");
}

TEST(Explain, KnowsHabitsOverMidnight) {
  std::vector<HistoryRow> history;
  for (int i = 0; i < 16; ++i) history.push_back(row_at(kNoon + i * kDay + (10 + i % 4) * kHour));
  EXPECT_EQ(codes(row_at(kNoon + 17 * kDay + 12 * kHour), history), Codes{ReasonCode::kOrdinary});
  const Reason reason = find_reasons(row_at(kNoon + 17 * kDay), history)[0];
  EXPECT_EQ(words(reason), "paid in hour 12 UTC, usually between 22 and 01");
}

TEST(Explain, FindsWhatTheUserNeverHadOnlyWithEnoughHistory) {
  for (const int days : {6, 7}) {
    HistoryRow row = next_after(days);
    row.merchant = 2;
    EXPECT_EQ(codes(row, daily(days)),
              Codes{days == 7 ? ReasonCode::kNewMerchant : ReasonCode::kOrdinary});
  }
}

TEST(Explain, DoesNotWonderAtANewMerchantOfAUserWhoAlwaysHasNewOnes) {
  auto history = daily(16);
  for (std::size_t i = 0; i < history.size(); ++i) history[i].merchant = 10 + i;
  HistoryRow row = next_after(16);
  row.merchant = 99;
  EXPECT_EQ(codes(row, history), Codes{ReasonCode::kOrdinary});
}

TEST(Explain, SaysNothingAboutAnAbsentDevice) {
  auto history = daily(16);
  for (auto& past : history) past.device = 5;
  EXPECT_EQ(codes(next_after(16), history), Codes{ReasonCode::kOrdinary});
  HistoryRow row = next_after(16);
  row.device = 6;
  EXPECT_EQ(codes(row, history), Codes{ReasonCode::kNewDevice});
  EXPECT_EQ(codes(row, daily(16)), Codes{ReasonCode::kOrdinary});  // none known to compare with
}

TEST(Explain, FindsACrossBorderPaymentOfAUserWhoStaysAtHome) {
  constexpr std::uint16_t kFr = 'F' << 8 | 'R';
  constexpr std::uint16_t kDe = 'D' << 8 | 'E';
  auto history = daily(16);
  for (auto& past : history) past.country = past.merchant_country = kFr;
  HistoryRow row = next_after(16);
  row.country = kFr;
  row.merchant_country = kDe;
  EXPECT_EQ(codes(row, history), Codes{ReasonCode::kCrossBorder});
  for (auto& past : history) past.merchant_country = kDe;
  EXPECT_EQ(codes(row, history), Codes{ReasonCode::kOrdinary});
}

TEST(Explain, KeepsTheThreeMostUnusualMostUnusualFirst) {
  auto history = daily(16);
  for (auto& past : history) past.device = past.card = 5;
  HistoryRow row = row_at(kNoon + 16 * kDay - 9 * kHour, 1'000'000);
  row.device = row.card = 6;
  row.merchant = 2;
  // The amount stands far out; the others all have the chance 1 in 17 and stay in the order of the
  // catalogue.
  EXPECT_EQ(codes(row, history),
            (Codes{ReasonCode::kAmountHigh, ReasonCode::kUnusualHour, ReasonCode::kNewMerchant}));
}

TEST(Explain, ComparesALatePaymentWithoutTrustingItsGap) {
  EXPECT_EQ(codes(row_at(kNoon + 3 * kDay), daily(16)), Codes{ReasonCode::kOrdinary});
}

TEST(ReasonName, IsKnownForEveryCodeAndSafeForOthers) {
  for (std::uint8_t code = 0; code < kReasonCodes; ++code) {
    EXPECT_NE(reason_name(code), "unknown");
    EXPECT_FALSE(words({code, 1, 1, 1}).empty());
  }
  EXPECT_EQ(reason_name(kReasonCodes), "unknown");
  EXPECT_EQ(words({200, 1, 1, 1}), "a reason this version does not know");
}

}  // namespace
}  // namespace weir::operators
