// Card numbers: found however they are written, and not where they are not.
#include "operators/card_number.h"

#include <random>

#include <gtest/gtest.h>

namespace weir::operators {
namespace {

TEST(CardNumber, OfEveryIssuerIsFound) {
  for (const std::string_view number :
       {"4111111111111111", "4222222222222", "4000000000000000006", "5555555555554444",
        "2221000000000009", "2720990000000007", "378282246310005", "341111111111111",
        "6011111111111117", "6500000000000002", "3530111333300000", "30569309025904",
        "38520000023237", "36227206271667", "6200000000000005", "6759649826438453",
        "5018000000000009"}) {
    EXPECT_TRUE(contains_card_number(number)) << number;
    EXPECT_EQ(mask_card_numbers(number),
              std::string(number.size() - 4, '*') + std::string(number.substr(number.size() - 4)));
  }
}

TEST(CardNumber, IsNotWhatFailsTheLuhnCheckOrHasNoIssuer) {
  EXPECT_FALSE(contains_card_number("4111111111111112"));
  EXPECT_FALSE(contains_card_number("1111111111111117"));
  EXPECT_FALSE(contains_card_number("0000000000000000"));
  EXPECT_FALSE(contains_card_number("2220990000000007"));  // below Mastercard's second series
  EXPECT_FALSE(contains_card_number("1528676687000"));     // epoch milliseconds
}

TEST(CardNumber, HasAnIssuersLength) {
  EXPECT_TRUE(contains_card_number("4222222222222"));    // 13
  EXPECT_FALSE(contains_card_number("422222222222"));    // 12
  EXPECT_FALSE(contains_card_number("42222222222226"));  // 14: no Visa has that
  EXPECT_FALSE(contains_card_number("37828224631000"));
  EXPECT_FALSE(contains_card_number("41111111111111110000"));  // 20
}

TEST(CardNumber, MayBeGroupedBySingleSpacesOrDashes) {
  EXPECT_EQ(mask_card_numbers("4111 1111 1111 1111"), "**** **** **** 1111");
  EXPECT_EQ(mask_card_numbers("4111-1111-1111-1111"), "****-****-****-1111");
  EXPECT_EQ(mask_card_numbers("3782 822463 10005"), "**** ****** *0005");
  EXPECT_FALSE(contains_card_number("4111  1111  1111  1111"));
  EXPECT_FALSE(contains_card_number("4111,1111,1111,1111"));
}

TEST(CardNumber, StandsAmongOtherDigitGroups) {
  EXPECT_EQ(mask_card_numbers("7 4111 1111 1111 1111 25"), "7 **** **** **** 1111 25");
  EXPECT_EQ(mask_card_numbers("id-4111111111111111-x"), "id-************1111-x");
  EXPECT_EQ(mask_card_numbers("a 4111111111111111 b 5555555555554444"),
            "a ************1111 b ************4444");
}

TEST(CardNumber, IsNotPartOfALongerWord) {
  EXPECT_FALSE(contains_card_number("a4111111111111111"));
  EXPECT_FALSE(contains_card_number("4111111111111111a"));
  EXPECT_FALSE(contains_card_number("94111111111111111"));
  EXPECT_FALSE(contains_card_number("41111111111111119"));
  EXPECT_FALSE(contains_card_number("550e8400-e29b-41d4-a716-446655440000"));
}

TEST(CardNumber, IsNotTheFractionOfADecimal) {
  EXPECT_FALSE(contains_card_number("0.4111111111111111"));
  EXPECT_TRUE(contains_card_number(".4111111111111111"));
  EXPECT_TRUE(contains_card_number("paid. 4111111111111111"));
}

TEST(CardNumber, IsSeenThroughJsonEscapes) {
  EXPECT_EQ(mask_card_numbers(R"("\u0034111111111111111")"), R"("************1111")");
  EXPECT_EQ(mask_card_numbers(R"("411111111111\u00311\u0031\u0031")"),
            R"("************\u00311\u0031\u0031")");
  EXPECT_EQ(mask_card_numbers(R"("4111\u00201111\u002d1111\u00201111")"),
            R"("****\u0020****\u002d****\u00201111")");
  EXPECT_TRUE(contains_card_number(R"("\n4111111111111111")"));  // the n is no letter here
  EXPECT_FALSE(contains_card_number(R"("\u00614111111111111111")"));
}

TEST(CardNumber, IsFoundAtEveryPlaceOfALongText) {
  for (std::size_t before = 0; before < 40; ++before) {
    for (std::size_t after = 0; after < 40; after += 13) {
      const std::string text = std::string(before, '"') + "4222222222222" + std::string(after, '"');
      ASSERT_TRUE(contains_card_number(text)) << before << " " << after;
    }
  }
}

TEST(CardNumber, MaskingLeavesNoneAndChangesNothingElse) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  constexpr std::string_view kAlphabet = "0123456789012345678901234567890123456789 --a.\\u0034\"";
  std::size_t found = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (std::size_t n = random() % 120; n > 0; --n) text += kAlphabet[random() % kAlphabet.size()];
    if (random() % 4 == 0) text += " 4111 1111-11111111";
    const std::string masked = mask_card_numbers(text);
    ASSERT_FALSE(contains_card_number(masked)) << text << " -> " << masked;
    if (contains_card_number(text)) {
      ++found;
    } else {
      ASSERT_EQ(masked, text);
    }
  }
  EXPECT_GT(found, 1000U);
}

}  // namespace
}  // namespace weir::operators
