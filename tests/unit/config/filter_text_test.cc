// Filters: what each term becomes, and what is said about a bad one, to the character.

#include "pipeline/config/filter_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operators/features/event_row.h"
#include "operators/history.h"

namespace weir::config {
namespace {

using state::Comparison;
using state::Condition;
using state::Field;
using testing::ElementsAre;

state::Filter good(std::string_view text) {
  auto parsed = parse_filter(text);
  if (const auto* flaw = std::get_if<FilterFlaw>(&parsed)) {
    ADD_FAILURE() << text << ": " << flaw->complaint.what;
    return {};
  }
  return std::get<state::Filter>(parsed);
}
/// "column: what; remedy"
std::string bad(std::string_view text) {
  const auto parsed = parse_filter(text);
  const auto* flaw = std::get_if<FilterFlaw>(&parsed);
  if (flaw == nullptr) return "(accepted)";
  return std::to_string(flaw->column) + ": " + flaw->complaint.what + "; " + flaw->complaint.remedy;
}
std::int64_t id(std::string_view text) {
  return static_cast<std::int64_t>(operators::hash_id(text));
}

TEST(FilterText, TermsAreJoinedByAnd) {
  EXPECT_THAT(
      good("amount >= 100 and channel = web and fraud = yes"),
      ElementsAre(Condition{Field::kAmount, Comparison::kGreaterEqual, 1'000'000},
                  Condition{Field::kChannel, Comparison::kEqual, operators::hash_name("web")},
                  Condition{Field::kFraud, Comparison::kEqual, 1}));
  EXPECT_EQ(good(" amount>=100\tand\nchannel=web "), good("amount >= 100 and channel = web"));
}

TEST(FilterText, EveryComparison) {
  const char* const kTexts[] = {"=", "!=", "<", "<=", ">", ">="};
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_THAT(good(std::string("mcc ") + kTexts[i] + " 5411"),
                ElementsAre(Condition{Field::kMcc, static_cast<Comparison>(i), 5411}));
  }
}

TEST(FilterText, EveryFieldHasItsUnit) {
  const struct {
    const char* text;
    Field field;
    std::int64_t value;
  } cases[] = {
      {"amount = 99.95", Field::kAmount, 999'500},
      {"amount = 0.0001", Field::kAmount, 1},
      {"ratio = 1.5", Field::kRatio, 1'500},
      {"fraud = no", Field::kFraud, 0},
      {"labelled = yes", Field::kLabelled, 1},
      {"user = u-1", Field::kUser, id("u-1")},
      {"merchant = \"M 1 = 2\"", Field::kMerchant, id("M 1 = 2")},
      {"device = d", Field::kDevice, id("d")},
      {"ip = 10.0.0.1", Field::kIp, id("10.0.0.1")},
      {"card = c", Field::kCard, id("c")},
      {"mcc = 9999", Field::kMcc, 9'999},
      {"country = DE", Field::kCountry, 'D' << 8 | 'E'},
      {"merchant_country = FR", Field::kMerchantCountry, 'F' << 8 | 'R'},
      {"channel = \"web\"", Field::kChannel, operators::hash_name("web")},
      {"currency = EUR", Field::kCurrency, 978},
      {"card_present = no", Field::kCardPresent, 1},
      {"card_present = yes", Field::kCardPresent, 2},
  };
  for (const auto& [text, field, value] : cases) {
    EXPECT_THAT(good(text), ElementsAre(Condition{field, Comparison::kEqual, value})) << text;
  }
}

TEST(FilterText, SelectsTheRowsThatPaymentsLeave) {
  Transaction payment;
  payment.transaction_id = "t";
  payment.user_id = "u";
  payment.merchant_id = "m";
  payment.device_id = "d";
  payment.channel = "web";
  payment.country[0] = 'D';
  payment.country[1] = 'E';
  payment.mcc = 5'411;
  payment.currency = *find_currency("EUR");
  payment.amount_minor = 10'050;
  payment.card_present = Transaction::CardPresent::kNo;
  const auto row = operators::make_event_row(payment);
  for (const char* holds :
       {"amount = 100.5", "amount > 100.4999", "user = u and merchant = m and device = d",
        "channel = web", "country = DE", "mcc >= 5411", "currency = EUR", "card_present = no",
        "card_present != yes", "ip != x", "fraud = no", "labelled = no", "ratio != 2"}) {
    EXPECT_TRUE(state::passes(row, good(holds))) << holds;
  }
  for (const char* fails : {"amount < 100.5", "user = v", "ip = x", "channel = pos",
                            "merchant_country = DE", "fraud = yes", "ratio >= 0"}) {
    EXPECT_FALSE(state::passes(row, good(fails))) << fails;
  }
}

TEST(FilterText, MistakesAreNamedToTheCharacter) {
  const std::string fields =
      "amount, ratio, fraud, labelled, user, merchant, device, ip, card, mcc, country, "
      "merchant_country, channel, currency, card_present";
  const struct {
    const char* text;
    std::string said;
  } cases[] = {
      {"", "1: a field is missing here; write a term such as amount >= 100; fields: " + fields},
      {"amout > 1", "1: unknown field 'amout'; did you mean 'amount'?"},
      {"fraud = yes and zzzzzzz = 1", "17: unknown field 'zzzzzzz'; known: " + fields},
      {"amount", "7: an operator is missing behind 'amount'; use one of = != < <= > >="},
      {"amount == 3", "8: an operator is missing behind 'amount'; use one of = != < <= > >="},
      {"channel web", "9: an operator is missing behind 'channel'; use = or !="},
      {"channel < web", "9: 'channel' has no order; use = or !="},
      {"fraud >= yes", "7: 'fraud' has no order; use = or !="},
      {"amount >",
       "9: a value is missing here; write one; a value with spaces or operators needs "
       "double quotes"},
      {"amount > ten",
       "10: 'ten' does not fit; write an amount such as 100 or 99.95, at most 4 "
       "places"},
      {"amount > 1.00001",
       "10: '1.00001' does not fit; write an amount such as 100 or 99.95, at "
       "most 4 places"},
      {"ratio > -1", "9: '-1' does not fit; write a ratio such as 2 or 1.5, at most 3 places"},
      {"fraud = true", "9: 'true' is not yes or no; write yes or no"},
      {"card_present = unknown",
       "16: 'unknown' is the absence of a value; write card_present != "
       "yes and card_present != no"},
      {"mcc = 0", "7: '0' is not a merchant category; write 1 to 9999"},
      {"mcc = 10000", "7: '10000' is not a merchant category; write 1 to 9999"},
      {"country = de", "11: 'de' is not a country; write two capital letters, such as DE"},
      {"currency = EURO", "12: 'EURO' is not a currency; use an ISO 4217 code such as EUR"},
      {"user = \"\"", "8: an empty value is never there; write 1 to 128 bytes"},
      {"user = \"abc", "8: the quote that starts here is never closed; add the closing quote"},
      {"fraud = yes or fraud = no",
       "13: filters know 'and' only; declare a feature for each alternative"},
      {"fraud = yes AND labelled = yes", "13: 'AND' does not join terms; write 'and'"},
      {"channel = big shop",
       "15: text behind a whole term; join terms with 'and'; a value with "
       "spaces needs double quotes"},
      {"channel = \"ä\" and x = 1", "19: unknown field 'x'; known: " + fields},
      {"fraud = yes and",
       "16: a field is missing here; write a term such as amount >= 100; fields: " + fields},
  };
  for (const auto& [text, said] : cases) EXPECT_EQ(bad(text), said) << text;
  EXPECT_EQ(bad("channel = " + std::string(33, 'x')),
            "11: the value is too long; write 1 to 32 bytes");
}

TEST(FilterText, TermsHaveABound) {
  std::string text = "mcc = 1";
  for (std::size_t i = 1; i < kFilterTermsMax; ++i) text += " and mcc = 1";
  EXPECT_EQ(good(text).size(), kFilterTermsMax);
  EXPECT_THAT(bad(text + " and mcc = 1"), testing::HasSubstr("more than 16 terms"));
}

}  // namespace
}  // namespace weir::config
