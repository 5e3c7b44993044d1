// The list `features`: what is read from it, and every mistake with its place and remedy.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/config/describe.h"
#include "tests/unit/config/loading.h"

namespace weir::config {
namespace {

using operators::DeclaredFeature;
using operators::PaymentFeature;
using state::FeatureDeclaration;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// One list entry in flow style, on line 2; its first key stands in column 6.
Loaded load_feature(const std::string& keys) {
  return load_text("features:\n  - {" + keys + "}\n");
}
const FeatureDeclaration& windowed(const Loaded& loaded, std::size_t i = 0) {
  return std::get<FeatureDeclaration>(loaded.config.operators.features.at(i).source);
}

TEST(ConfigFeatures, AWindowedFeatureIsReadWhole) {
  const Loaded loaded = load_text(
      "features:\n"
      "  - name: big_web_sum_7d\n"
      "    entity: merchant\n"
      "    function: sum\n"
      "    field: amount\n"
      "    window: 7d\n"
      "    delay: 36h\n"
      "    filter: amount >= 100 and channel = web\n"
      "    default: -1.5\n");
  ASSERT_THAT(messages(loaded), IsEmpty());
  ASSERT_EQ(loaded.config.operators.features.size(), 1U);
  EXPECT_EQ(loaded.config.operators.features[0].name, "big_web_sum_7d");
  const auto& feature = windowed(loaded);
  EXPECT_EQ(feature.name, "big_web_sum_7d");
  EXPECT_EQ(feature.entity, state::EntityKind::kMerchant);
  EXPECT_EQ(feature.function, state::Function::kSum);
  EXPECT_EQ(feature.field, state::Field::kAmount);
  EXPECT_EQ(feature.window_ms, 7 * 86'400'000LL);
  EXPECT_EQ(feature.delay_ms, 36 * 3'600'000LL);
  EXPECT_EQ(feature.filter.size(), 2U);
  EXPECT_EQ(feature.default_value, -1.5);
}

TEST(ConfigFeatures, WhatIsNotGivenIsNotThere) {
  const Loaded loaded = load_text(
      "features:\n"
      "  - {name: a, entity: user, function: count, window: 1s}\n"
      "  - {name: b, entity: user, function: median, field: amount, rows: 32}\n"
      "  - {name: c, entity: user, function: run_age}\n"
      "  - {name: d, entity: payment, function: value, field: ratio, default: 1}\n");
  ASSERT_THAT(messages(loaded), IsEmpty());
  EXPECT_EQ(windowed(loaded).delay_ms, 0);
  EXPECT_EQ(windowed(loaded).default_value, std::nullopt);
  EXPECT_TRUE(windowed(loaded).filter.empty());
  EXPECT_EQ(windowed(loaded, 1).window_ms, 0);
  EXPECT_EQ(windowed(loaded, 1).rows, 32U);
  const auto& own = std::get<PaymentFeature>(loaded.config.operators.features[3].source);
  EXPECT_EQ(own.field, operators::PaymentField::kRatio);
  EXPECT_EQ(own.default_value, 1);
}

std::string definition(const Loaded& loaded) {
  EXPECT_THAT(messages(loaded), IsEmpty());
  return definition_text(loaded.config.operators.features.at(0));
}

TEST(ConfigFeatures, ADefinitionIsOneLineHoweverItWasWritten) {
  for (
      const auto& [keys, text] : std::vector<std::pair<std::string, std::string>>{
          {"entity: payment, function: value, field: amount", "payment value amount"},
          {"entity: payment, function: value, field: ratio, default: 1.50",
           "payment value ratio default=1.5"},
          {"entity: user, function: count, window: 168h", "user count window=7d"},
          {"entity: user, function: count, window: 90m, delay: 0s", "user count window=90m"},
          {"entity: user, function: median, field: amount, rows: 32", "user median amount rows=32"},
          {"entity: ip, function: run_age", "ip run_age"},
          {"default: 0, delay: 7d, window: 7d, field: fraud, function: mean, entity: merchant",
           "merchant mean fraud window=7d delay=7d default=0"},
          {R"(entity: device, function: count, window: 1500ms, filter: 'amount>=100.50  and channel="web"')",
           "device count window=1500ms filter=(amount >= 100.5 and channel = web)"},
          {R"(entity: card, function: distinct, field: merchant, window: 1d, default: -1, filter: 'user != "a (b) = c"')",
           R"(card distinct merchant window=1d filter=(user != "a (b) = c") default=-1)"},
      }) {
    EXPECT_EQ(definition(load_feature("name: f, " + keys)), text);
  }
}

TEST(ConfigFeatures, TheEntryMadeOfADefinitionIsReadAsThatDefinition) {
  for (
      const std::string text :
      {"payment value amount", "payment value ratio default=1.5", "user count window=7d",
       "user median amount rows=32", "ip run_age", "ip run_count filter=(amount > 0.0001)",
       "merchant mean fraud window=7d delay=7d default=0",
       "merchant mean ratio window=1s filter=(fraud = yes and mcc < 42 and country != DE)",
       R"(card distinct merchant window=1d filter=(user != "a (b) = \c" and ratio > 2.5) default=-1)",
       "user sum amount window=90d delay=1h default=1e-05"}) {
    const std::string entry = operators::yaml_entry("some_name", text);
    const Loaded loaded = load_text("features:\n  - " + entry + "\n");
    EXPECT_EQ(definition(loaded), text) << entry;
    EXPECT_EQ(loaded.config.operators.features[0].name, "some_name");
  }
  EXPECT_EQ(operators::yaml_entry("f", "merchant mean fraud window=7d filter=(mcc = 1) default=0"),
            R"({name: f, entity: merchant, function: mean, field: fraud, window: 7d, )"
            R"(filter: "mcc = 1", default: 0})");
}

TEST(ConfigFeatures, TheOrderIsThatOfTheFileBeyondNine) {
  std::string yaml = "features:\n";
  for (int i = 0; i < 12; ++i)
    yaml += "  - {name: f" + std::to_string(i) + ", entity: user, function: count, window: 1d}\n";
  const Loaded loaded = load_text(yaml);
  ASSERT_THAT(messages(loaded), IsEmpty());
  ASSERT_EQ(loaded.config.operators.features.size(), 12U);
  for (std::size_t i = 0; i < 12; ++i)
    EXPECT_EQ(loaded.config.operators.features[i].name, "f" + std::to_string(i));
}

TEST(ConfigFeatures, BordersOfAWindow) {
  for (const char* good : {"1s", "90d", "2160h"}) {
    EXPECT_TRUE(
        load_feature("name: a, entity: user, function: count, window: " + std::string(good)).ok());
  }
  for (const char* bad : {"999ms", "91d", "0s"}) {
    const auto loaded =
        load_feature("name: a, entity: user, function: count, window: " + std::string(bad));
    EXPECT_THAT(messages(loaded),
                ElementsAre("weir.yaml:2:54: features.0.window: " + std::string(bad) +
                            " is out of range; use 1s to 90d"));
  }
}

TEST(ConfigFeatures, VariablesAreReplacedHereToo) {
  const Loaded loaded = parse_config(
      "features:\n  - {name: a, entity: user, function: count, window: \"${W}\"}\n" + kRequired,
      "weir.yaml", {}, variables({{"W", "3d"}}));
  ASSERT_THAT(messages(loaded), IsEmpty());
  EXPECT_EQ(windowed(loaded).window_ms, 3 * 86'400'000LL);
}

struct Mistake {
  const char* name;
  const char* keys;  // of the one entry
  const char* message;
};
void PrintTo(const Mistake& mistake, std::ostream* out) {
  *out << mistake.name;
}
class FeatureMistake : public testing::TestWithParam<Mistake> {};

TEST_P(FeatureMistake, IsReportedWithPlaceAndRemedy) {
  const Loaded loaded = load_feature(GetParam().keys);
  EXPECT_FALSE(loaded.ok());
  EXPECT_THAT(messages(loaded), ElementsAre(GetParam().message));
}

const Mistake kMistakes[] = {
    {"Empty", "",
     "weir.yaml:2:5: feature 1 holds no keys; write it like {name: count_1d, entity: user, "
     "function: count, window: 1d}"},
    {"UnknownKey", "name: a, entity: user, function: count, windw: 1d, window: 1d",
     "weir.yaml:2:46: unknown key 'windw' of a feature; did you mean 'window'?"},
    {"DuplicateKey", "name: a, name: b, entity: user, function: count, window: 1d",
     "weir.yaml:2:15: duplicate key 'name', first at 2:6; keep one of them"},
    {"NoValue", "name: a, entity: user, function: count, window: 1d, delay: ",
     "weir.yaml:2:58: delay has no value; write one, or remove it"},
    {"NoName", "entity: user, function: count, window: 1d",
     "weir.yaml:2:6: feature 1: the feature has no name; add it"},
    {"NoEntity", "name: a, function: count, window: 1d",
     "weir.yaml:2:6: feature 'a': the feature has no entity; add it"},
    {"NoWindow", "name: a, entity: user, function: count",
     "weir.yaml:2:6: feature 'a': count needs a window; add window: 1s to 90d"},
    {"BadName", "name: Total, entity: user, function: count, window: 1d",
     "weir.yaml:2:12: features.0.name: 'Total' does not fit; use 1 to 64 lower-case letters, "
     "digits or '_', a letter first"},
    {"ReservedName", "name: transaction_id, entity: user, function: count, window: 1d",
     "weir.yaml:2:12: feature 'transaction_id': transaction_id is the first column of every "
     "feature "
     "file; choose another name"},
    {"UnknownEntity", "name: a, entity: usr, function: count, window: 1d",
     "weir.yaml:2:23: features.0.entity: 'usr' is not one of payment, user, merchant, device, ip, "
     "card; did you mean 'user'?"},
    {"BareNumber", "name: a, entity: user, function: count, window: 7",
     "weir.yaml:2:54: features.0.window: '7' has no unit; write 7d (units: ms, s, m, h or d)"},
    {"ListAsWindow", "name: a, entity: user, function: count, window: [1d, 7d]",
     "weir.yaml:2:54: features.0.window is one value, not a list; write duration, 1s to 90d"},
    {"DistinctOfAmount", "name: a, entity: user, function: distinct, field: amount, window: 1d",
     "weir.yaml:2:56: feature 'a': distinct counts ids and names: user, merchant, device, ip, "
     "card, "
     "mcc, country, merchant_country, channel, currency or card_present"},
    {"SumOfAnId", "name: a, entity: user, function: sum, field: merchant, window: 1d",
     "weir.yaml:2:51: feature 'a': sum needs a field that is a number: amount, ratio, fraud or "
     "labelled"},
    {"CountOfAField", "name: a, entity: user, function: count, field: amount, window: 1d",
     "weir.yaml:2:53: feature 'a': count takes no field"},
    {"MedianWithAWindow",
     "name: a, entity: user, function: median, field: amount, rows: 3, window: 1d",
     "weir.yaml:2:79: feature 'a': median takes no window"},
    {"RowsWithoutMedian", "name: a, entity: user, function: count, window: 1d, rows: 3",
     "weir.yaml:2:64: feature 'a': rows belongs to median"},
    {"ValueOfAUser", "name: a, entity: user, function: value, field: amount",
     "weir.yaml:2:39: feature 'a': value is for entity payment; use last for the newest event's "
     "value, or entity: payment"},
    {"CountOfThePayment", "name: a, entity: payment, function: count, field: amount",
     "weir.yaml:2:42: feature 'a': a payment has values of its own only; write function: value, or "
     "name the entity whose past is meant"},
    {"WindowOfThePayment", "name: a, entity: payment, function: value, field: hour, window: 1d",
     "weir.yaml:2:70: feature 'a': window means nothing for a value of the payment itself; remove "
     "it"},
    {"NoFieldOfThePayment", "name: a, entity: payment, function: value",
     "weir.yaml:2:6: feature 'a': a value needs a field; use one of amount, ratio, hour, weekend, "
     "night"},
    {"FraudOfThePayment", "name: a, entity: payment, function: value, field: fraud",
     "weir.yaml:2:56: feature 'a': fraud is no value of a payment; use one of amount, ratio, hour, "
     "weekend, night"},
    {"BadFilter",
     "name: a, entity: user, function: count, window: 1d, filter: fraud = yes and amout > 3",
     "weir.yaml:2:66: feature 'a': filter, character 17: unknown field 'amout'; did you mean "
     "'amount'?"},
};
INSTANTIATE_TEST_SUITE_P(Features, FeatureMistake, testing::ValuesIn(kMistakes),
                         [](const auto& mistake) { return mistake.param.name; });

TEST(ConfigFeatures, AllMistakesOfAllEntriesComeAtOnce) {
  const Loaded loaded = load_text(
      "features:\n"
      "  - {name: a, entity: user, function: count, window: 91d}\n"
      "  - {name: b, entity: user, function: sum, window: 1d}\n"
      "  - {name: a, entity: user, function: count, window: 1d}\n");
  EXPECT_THAT(
      messages(loaded),
      ElementsAre("weir.yaml:2:54: features.0.window: 91d is out of range; use 1s to 90d",
                  "weir.yaml:3:39: feature 'b': sum needs a field that is a number: amount, "
                  "ratio, fraud or labelled",
                  "weir.yaml:4:12: feature 'a' is declared twice, first at 2:12; give each "
                  "a name of its own"));
}

TEST(ConfigFeatures, IsAListAndNothingElse) {
  const std::string remedy =
      "features is a list; write one '- {name: ..., entity: ..., function: ...}' a line below it";
  EXPECT_THAT(messages(load_text("features: 7\n")), ElementsAre("weir.yaml:1:11: " + remedy));
  EXPECT_THAT(messages(load_text("features:\n  name: a\n")),
              ElementsAre("weir.yaml:2:3: " + remedy));
  EXPECT_THAT(messages(load_text("features.0.name: a\n")), ElementsAre("weir.yaml:1:1: " + remedy));
  EXPECT_THAT(messages(load_text("features: [7]\n")), ElementsAre(HasSubstr("holds no keys")));
  EXPECT_THAT(messages(load_text("features:\n")), IsEmpty());
  for (const char* argument : {"features=x", "features.0.name=a"}) {
    EXPECT_THAT(messages(load_text("", {argument})),
                ElementsAre("--set: features cannot be set on the command line; declare them in "
                            "the file"));
  }
}

TEST(ConfigFeatures, TheDumpLoadsBackToTheSameFeatures) {
  const Loaded first = load_text(
      "features:\n"
      "  - {name: a, entity: device, function: distinct, field: user, window: 36h, delay: 1ms, "
      "filter: 'channel = \"a b\" and amount > 0.5', default: 0.1}\n"
      "  - {name: b, entity: user, function: median, field: amount, rows: 7}\n");
  ASSERT_THAT(messages(first), IsEmpty());
  const std::string dump = dump_resolved(first);
  const Loaded second = parse_config(dump, "dump.yaml", {}, variables());
  ASSERT_THAT(messages(second), IsEmpty()) << dump;
  ASSERT_EQ(second.config.operators.features.size(), 2U);
  EXPECT_EQ(windowed(first).filter, windowed(second).filter);
  EXPECT_EQ(windowed(first).window_ms, windowed(second).window_ms);
  EXPECT_EQ(windowed(first).delay_ms, windowed(second).delay_ms);
  EXPECT_EQ(windowed(first).default_value, windowed(second).default_value);
  EXPECT_EQ(windowed(second, 1).rows, 7U);
  EXPECT_THAT(list_keys(), HasSubstr("features.*.window: duration, 1s to 90d; not set"));
}

}  // namespace
}  // namespace weir::config
