// Money: decimal text to minor units and back, exactly, for every currency of the table.
#include "pipeline/core/money.h"

#include <random>

#include <gtest/gtest.h>

namespace weir {
namespace {

const Currency& currency(std::string_view code) {
  const Currency* found = find_currency(code);
  EXPECT_NE(found, nullptr) << code;
  return *found;
}

/// Minor units, or -1 when refused.
std::int64_t amount(std::string_view text, std::string_view code = "EUR") {
  const auto parsed = parse_amount(text, currency(code));
  return parsed ? *parsed : -1;
}

std::string refusal(std::string_view text, std::string_view code = "EUR") {
  const auto parsed = parse_amount(text, currency(code));
  return parsed ? "accepted" : parsed.error().message;
}

TEST(Currency, KnowsTheExponentOfItsCountry) {
  EXPECT_EQ(currency("EUR").exponent, 2);
  EXPECT_EQ(currency("JPY").exponent, 0);
  EXPECT_EQ(currency("KWD").exponent, 3);
  EXPECT_EQ(currency("CLF").exponent, 4);
  EXPECT_EQ(currency("XXX").exponent, 2);
}

TEST(Currency, IsFoundByCodeAndByNumberAlike) {
  for (std::uint16_t numeric = 0; numeric < 1000; ++numeric) {
    const Currency* by_number = find_currency(numeric);
    if (by_number == nullptr) continue;
    const Currency* by_code = find_currency(by_number->name());
    EXPECT_EQ(by_code, by_number) << by_number->name();  // no two codes share a number
    EXPECT_LE(by_number->exponent, 4);
  }
  EXPECT_EQ(find_currency(std::uint16_t{978})->name(), "EUR");
  EXPECT_EQ(find_currency(std::uint16_t{1000}), nullptr);
}

TEST(Currency, IsNotFoundUnderAnythingElse) {
  for (const std::string_view code : {"", "EU", "EURO", "eur", "ZZZ", "E\xc3\xa9", "EU1", "XAU"}) {
    EXPECT_EQ(find_currency(code), nullptr) << code;
  }
}

TEST(ParseAmount, MovesThePointByTheExponentOfTheCurrency) {
  EXPECT_EQ(amount("12.5"), 1250);
  EXPECT_EQ(amount("12"), 1200);
  EXPECT_EQ(amount("12", "JPY"), 12);
  EXPECT_EQ(amount("12.345", "KWD"), 12345);
  EXPECT_EQ(amount("0.0001", "CLF"), 1);
  EXPECT_EQ(amount("0"), 0);
}

TEST(ParseAmount, ReadsWhatNoDoubleHolds) {
  EXPECT_EQ(amount("8.8"), 880);
  EXPECT_EQ(amount("0.29"), 29);
  EXPECT_EQ(amount("9007199254740.93"), 900719925474093);
}

TEST(ParseAmount, ReadsExponents) {
  EXPECT_EQ(amount("1.25e1"), 1250);
  EXPECT_EQ(amount("125E-1"), 1250);
  EXPECT_EQ(amount("1e+2"), 10000);
  EXPECT_EQ(amount("0.00125e4"), 1250);
  EXPECT_EQ(amount("0e999999999999"), 0);
  EXPECT_EQ(amount("0.000e-99"), 0);
}

TEST(ParseAmount, TakesAsManyDecimalsAsTheCurrencyHasAndNoMore) {
  EXPECT_EQ(amount("1.23"), 123);
  EXPECT_EQ(refusal("1.234"), "more decimal places than the currency has");
  EXPECT_EQ(amount("1.2300"), 123);  // trailing zeros say nothing new
  EXPECT_EQ(refusal("1.5", "JPY"), "more decimal places than the currency has");
  EXPECT_EQ(amount("1.0", "JPY"), 1);
  EXPECT_EQ(refusal("1e-3"), "more decimal places than the currency has");
}

TEST(ParseAmount, EndsAtTheLargestAmount) {
  EXPECT_EQ(amount("10000000000000.00"), kAmountMinorMax);
  EXPECT_EQ(refusal("10000000000000.01"), "too large");
  EXPECT_EQ(amount("1e13"), kAmountMinorMax);
  EXPECT_EQ(refusal("1e14"), "too large");
  EXPECT_EQ(refusal("1e999999999999"), "too large");
  EXPECT_EQ(refusal(std::string(4000, '9')), "too large");
}

TEST(ParseAmount, RefusesWhatIsNotAPlainNumber) {
  EXPECT_EQ(refusal("-1"), "negative");
  EXPECT_EQ(refusal("-0"), "negative");
  EXPECT_EQ(refusal("01"), "leading zero");
  for (const std::string_view text : {"", "NaN", "Infinity", "+1", ".5", "5.", "1e", "1e+", "1 ",
                                      " 1", "1,5", "0x10", "1.2.3", "1e5.5", "1_000"}) {
    EXPECT_EQ(refusal(text), "not a decimal number") << text;
  }
}

TEST(FormatAmount, PadsToTheExponent) {
  EXPECT_EQ(format_amount(1250, currency("EUR")), "12.50");
  EXPECT_EQ(format_amount(5, currency("EUR")), "0.05");
  EXPECT_EQ(format_amount(50, currency("EUR")), "0.50");
  EXPECT_EQ(format_amount(100, currency("EUR")), "1.00");
  EXPECT_EQ(format_amount(0, currency("KWD")), "0.000");
  EXPECT_EQ(format_amount(12, currency("JPY")), "12");
  EXPECT_EQ(format_amount(-5, currency("EUR")), "-0.05");
  EXPECT_EQ(format_amount(std::numeric_limits<std::int64_t>::min(), currency("JPY")),
            "-9223372036854775808");
}

TEST(FormatAmount, IsReadBackAsTheSameAmountInEveryCurrency) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  for (std::uint16_t numeric = 0; numeric < 1000; ++numeric) {
    const Currency* found = find_currency(numeric);
    if (found == nullptr) continue;
    for (int i = 0; i < 20; ++i) {
      const auto shift = random() % 50;
      const auto minor = static_cast<std::int64_t>((random() >> shift) %
                                                   static_cast<std::uint64_t>(kAmountMinorMax + 1));
      EXPECT_EQ(amount(format_amount(minor, *found), found->name()), minor) << found->name();
    }
  }
}

TEST(MajorUnits, DividesByTheExponent) {
  EXPECT_EQ(major_units(1250, currency("EUR")), 12.5);
  EXPECT_EQ(major_units(1250, currency("JPY")), 1250);
  EXPECT_EQ(major_units(1, currency("CLF")), 0.0001);
}

}  // namespace
}  // namespace weir
