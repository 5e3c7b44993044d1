// Every kind of mistake in a configuration: its place to the column, what is wrong, what to do.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/config/loading.h"

namespace weir::config {
namespace {

using testing::ElementsAre;

/// One mistaken file, and the one line the user must read.
struct Mistake {
  const char* name;
  const char* yaml;
  const char* message;
};
void PrintTo(const Mistake& mistake, std::ostream* out) {
  *out << mistake.name;
}

class ConfigMistake : public testing::TestWithParam<Mistake> {};

TEST_P(ConfigMistake, IsReportedWithPlaceAndRemedy) {
  const Loaded loaded = load_text(GetParam().yaml);
  EXPECT_FALSE(loaded.ok());
  EXPECT_THAT(messages(loaded), ElementsAre(GetParam().message));
}

const Mistake kKeyMistakes[] = {
    {"UnknownKey", "kafka:\n  brokrs: a:1\n",
     "weir.yaml:2:3: unknown key 'brokrs'; did you mean 'brokers'?"},
    {"UnknownSection", "comit:\n  interval: 5ms\n",
     "weir.yaml:1:1: unknown key 'comit'; did you mean 'commit'?"},
    {"UnknownDottedKey", "commit.intervall: 5ms\n",
     "weir.yaml:1:1: unknown key 'commit.intervall'; did you mean 'commit.interval'?"},
    {"KeyOfAnotherSection", "state:\n  records_max: 5\n",
     "weir.yaml:2:3: unknown key 'records_max'; did you mean 'commit.records_max'?"},
    {"KeyLikeNothing", "batch:\n  zzzzzzzzzz: 5\n",
     "weir.yaml:2:3: unknown key 'zzzzzzzzzz'; known in batch: records_max"},
    {"DuplicateKey", "commit:\n  interval: 5ms\n  settle: 1ms\n  interval: 6ms\n",
     "weir.yaml:4:3: duplicate key 'interval', first at 2:3; keep one of them"},
    {"DuplicateSection", "commit:\n  interval: 5ms\ncommit:\n  settle: 1ms\n",
     "weir.yaml:3:1: duplicate key 'commit', first at 1:1; keep one of them"},
    {"DuplicateInFlowMap", "commit: {interval: 5ms, interval: 6ms}\n",
     "weir.yaml:1:25: duplicate key 'interval', first at 1:10; keep one of them"},
    {"NestedAndDotted", "commit:\n  interval: 5ms\ncommit.interval: 6ms\n",
     "weir.yaml:3:1: commit.interval is given twice, first at 2:3; keep one of them"},
    {"ValueAndFile", "kafka.properties:\n  sasl.password: a\n  sasl.password_file: b\n",
     "weir.yaml:3:3: kafka.properties.sasl.password is given twice, first at 2:3; keep one of "
     "them"},
    {"ListAsKey", "? [a, b]\n: 1\n",
     "weir.yaml:1:3: a key must be a plain word; write 'key: value'"},
    {"OwnedKafkaProperty", "kafka:\n  properties:\n    enable.auto.commit: true\n",
     "weir.yaml:3:5: kafka.properties.enable.auto.commit cannot be set: Weir commits offsets "
     "together with results; "
     "remove it"},
};

const Mistake kTypeMistakes[] = {
    {"SectionAsValue", "commit: 20ms\n",
     "weir.yaml:1:9: commit is a section, not a value; put keys below it: interval, settle, "
     "records_max"},
    {"ValueAsSection", "workers:\n  count: 4\n",
     "weir.yaml:1:1: workers is a value, not a section; write whole number, 1 to 64"},
    {"ListForOneValue", "workers: [1]\n",
     "weir.yaml:1:10: workers is one value, not a list; write whole number, 1 to 64"},
    {"MapInList", "model.allow: [{a: 1}]\n",
     "weir.yaml:1:15: model.allow holds something that is not a value; write list of sha256: and "
     "64 hex digits"},
    {"NoValue", "workers:\n", "weir.yaml:1:1: workers has no value; write one, or remove the line"},
    {"TildeAsValue", "workers: ~\n",
     "weir.yaml:1:1: workers has no value; write one, or remove the line"},
    {"BooleanForText", "instance.id: no\n",
     "weir.yaml:1:14: instance.id: unquoted no is a boolean, not text; write \"no\" in quotes if "
     "the word is meant"},
    {"NumberForText", "instance.id: 7\n",
     "weir.yaml:1:14: instance.id: 7 is a number, not text; put it in quotes: \"7\""},
    {"BooleanForProperty", "kafka.properties.enable.ssl: yes\n",
     "weir.yaml:1:30: kafka.properties.enable.ssl: unquoted yes is ambiguous; write true, or "
     "\"yes\" in quotes if the "
     "word is meant"},
    {"TextForNumber", "workers: \"4\"\n",
     "weir.yaml:1:10: workers: \"4\" in quotes is text, not a number; remove the quotes"},
    {"WordForNumber", "workers: four\n",
     "weir.yaml:1:10: workers: 'four' is not a whole number; write digits only"},
    {"FractionForCount", "workers: 1.5\n",
     "weir.yaml:1:10: workers: '1.5' is not a whole number; write digits only"},
    {"OctalLookingCount", "workers: 010\n",
     "weir.yaml:1:10: workers: '010' starts with 0, which some read as octal; write 10"},
    {"YesForSwitch", "topics.create: yes\n",
     "weir.yaml:1:16: topics.create: 'yes' is not true or false; write true"},
    {"QuotedSwitch", "topics.create: 'true'\n",
     "weir.yaml:1:16: topics.create: \"true\" in quotes is text, not true or false; remove the "
     "quotes"},
    {"NotANumber", "decide.prior: .nan\n",
     "weir.yaml:1:15: decide.prior: '.nan' is not a number; write it like 0.25 or 15"},
    {"UnknownChoice", "delivery: exactly-once\n",
     "weir.yaml:1:11: delivery: 'exactly-once' is not one of exactly_once, at_least_once; did you "
     "mean "
     "'exactly_once'?"},
};

const Mistake kValueMistakes[] = {
    {"DurationWithoutUnit", "commit.interval: 25\n",
     "weir.yaml:1:18: commit.interval: '25' has no unit; write 25ms (units: ms, s, m, h or d)"},
    {"SizeWithoutUnit", "state.hot_bytes: 128\n",
     "weir.yaml:1:18: state.hot_bytes: '128' has no unit; write 128MiB (units: B, KiB, MiB or "
     "GiB)"},
    {"DecimalSizeUnit", "state.hot_bytes: 128MB\n",
     "weir.yaml:1:18: state.hot_bytes: unknown unit 'MB'; write 128MiB"},
    {"MisspeltDurationUnit", "metrics.interval: 10sec\n",
     "weir.yaml:1:19: metrics.interval: unknown unit 'sec'; write 10s"},
    {"UnknownUnit", "metrics.interval: 10parsec\n",
     "weir.yaml:1:19: metrics.interval: unknown unit 'parsec'; use ms, s, m, h or d"},
    {"FractionOfUnit", "metrics.interval: 1.5s\n",
     "weir.yaml:1:19: metrics.interval: '1.5s' is not a whole number; use a whole number of a "
     "smaller unit"},
    {"SpaceBeforeUnit", "metrics.interval: 10 s\n",
     "weir.yaml:1:19: metrics.interval: '10 s' has a space before its unit; remove the space"},
    {"NegativeDuration", "metrics.interval: -10s\n",
     "weir.yaml:1:19: metrics.interval: '-10s' is not a number with a unit; write it like 10s"},
    {"OverflowingSize", "state.hot_bytes: 99999999999999999999GiB\n",
     "weir.yaml:1:18: state.hot_bytes: '99999999999999999999GiB' is too large; write it like "
     "128MiB"},
    {"BelowRange", "commit.interval: 0ms\n",
     "weir.yaml:1:18: commit.interval: 0ms is out of range; use 1ms to 10s"},
    {"AboveRange", "workers: 65\n", "weir.yaml:1:10: workers: 65 is out of range; use 1 to 64"},
    {"FarAboveRange", "workers: 99999999999999999999999\n",
     "weir.yaml:1:10: workers: 99999999999999999999999 is out of range; use 1 to 64"},
    {"NumberOutOfRange", "decide.costs.fraud_loss_share: 1.01\n",
     "weir.yaml:1:32: decide.costs.fraud_loss_share: 1.01 is out of range; use 0 to 1"},
    {"BadTopicName", "topics.verdicts: my verdicts\n",
     "weir.yaml:1:18: topics.verdicts: 'my verdicts' does not fit; use 1 to 249 letters, digits, "
     "'.', '_' or '-'"},
    {"BadDigest", "model.allow: ['sha256:12']\n",
     "weir.yaml:1:15: model.allow: 'sha256:12' does not fit; use sha256: and 64 hex digits"},
    {"BadListenAddress", "admin.listen: everywhere:80\n",
     "weir.yaml:1:15: admin.listen: 'everywhere:80' does not fit; use address:port, such as "
     "127.0.0.1:9464"},
    {"SameTopicTwice", "topics.verdicts: features\n",
     "weir.yaml:1:18: topics.verdicts and topics.features are both 'features'; give each topic a "
     "name of its own"},
    {"EntityTopicTwice", "topics.entity_state: weir-state-decisions\n",
     "weir.yaml:1:22: topics.state and topics.entity_state are both 'weir-state-decisions'; give "
     "each topic a name of its own"},
    {"SettleNotBelowInterval", "commit.settle: 20ms\n",
     "weir.yaml:1:16: commit.settle 20ms is not below commit.interval 20ms; shorten the settle "
     "time or lengthen the "
     "interval"},
    {"HorizonBelowLateness", "dedupe.horizon: 1m\n",
     "weir.yaml:1:17: dedupe.horizon 1m is below input.lateness 5m; remember ids at least as long "
     "as payments may be "
     "late"},
    {"CurrencyWithoutAllPrices",
     "decide.costs_by_currency.JPY: {fraud_loss_share: 1, review: 300}\n",
     "weir.yaml:1:32: decide.costs_by_currency.JPY.false_decline is missing; add it: number, 0 to "
     "1000000000"},
};

const Mistake kYamlMistakes[] = {
    {"Anchor", "instance.id: &name weir-1\n",
     "weir.yaml:1:14: anchors (&name) are not supported; write the value where it is used"},
    {"Tag", "instance.id: !!str 5a\n",
     "weir.yaml:1:14: tags (!name) are not supported; remove the tag; quote a value to make it "
     "text"},
    {"VariableNotSet", "instance.id: ${NOBODY}\n",
     "weir.yaml:1:14: instance.id: environment variable NOBODY is not set; set it, or give a "
     "default: "
     "${NOBODY:value}"},
    {"VariableNotClosed", "instance.id: ${NOBODY\n",
     "weir.yaml:1:14: instance.id: '${' is never closed; add the '}', or write $${ for the "
     "characters themselves"},
    {"VariableWithBadName", "instance.id: ${NO-BODY}\n",
     "weir.yaml:1:14: instance.id: '${...}' does not name an environment variable; write "
     "${NAME} or "
     "${NAME:default}; for the characters themselves write $${"},
};

std::string name_of(const testing::TestParamInfo<Mistake>& info) {
  return info.param.name;
}
INSTANTIATE_TEST_SUITE_P(Keys, ConfigMistake, testing::ValuesIn(kKeyMistakes), name_of);
INSTANTIATE_TEST_SUITE_P(Types, ConfigMistake, testing::ValuesIn(kTypeMistakes), name_of);
INSTANTIATE_TEST_SUITE_P(Values, ConfigMistake, testing::ValuesIn(kValueMistakes), name_of);
INSTANTIATE_TEST_SUITE_P(Yaml, ConfigMistake, testing::ValuesIn(kYamlMistakes), name_of);

// Mistakes that come with others, or before the required keys.

TEST(ConfigErrors, UnknownCurrencyIsReportedForEachOfItsKeys) {
  const Loaded loaded = load_text("decide.costs_by_currency.EURO: {review: 1}\n");
  EXPECT_THAT(
      messages(loaded),
      ElementsAre("weir.yaml:1:33: unknown currency 'EURO'; use an ISO 4217 code such as EUR"));
}

TEST(ConfigErrors, SecondDocumentIsOneErrorAndItsKeysAreIgnored) {
  const Loaded loaded = parse_config(kRequired + "workers: 2\n---\nworkers: 3\nnonsense: *x\n",
                                     "weir.yaml", {}, variables());
  EXPECT_THAT(messages(loaded),
              ElementsAre("weir.yaml:4:1: a second document starts; keep one in the file: remove "
                          "the '---'"));
  EXPECT_EQ(loaded.config.workers, 2U);
}

TEST(ConfigErrors, StrayCommaAtWhichTheParserNeverEndsIsReported) {
  EXPECT_THAT(
      messages(parse_config("! ,\n", "weir.yaml", {}, variables())),
      testing::Contains(
          "weir.yaml:1:3: text that belongs to nothing; check brackets and indentation here and "
          "above"));
}

TEST(ConfigErrors, AliasIsRefusedWithoutFurtherComplaintsAboutItsKey) {
  const Loaded loaded = load_text("instance.id: &a weir-1\nkafka.group_id: *a\n");
  EXPECT_THAT(
      messages(loaded),
      ElementsAre(
          "weir.yaml:1:14: anchors (&name) are not supported; write the value where it is used",
          "weir.yaml:2:17: aliases (*name) are not supported; write the value out"));
}

TEST(ConfigErrors, MissingRequiredKeysAreNamed) {
  EXPECT_THAT(
      messages(parse_config("workers: 1\n", "weir.yaml", {}, variables())),
      ElementsAre(
          "weir.yaml:1:1: kafka.brokers is missing; add it: host:port, several separated by commas",
          "weir.yaml:1:1: state.dir is missing; add it: path"));
}

TEST(ConfigErrors, EmptyFileMissesItsRequiredKeysOnly) {
  EXPECT_EQ(messages(parse_config("", "weir.yaml", {}, variables())).size(), 2U);
  EXPECT_EQ(messages(parse_config("# nothing\n", "weir.yaml", {}, variables())).size(), 2U);
}

TEST(ConfigErrors, FileWithAListIsNoConfiguration) {
  const Loaded loaded = parse_config("- a\n- b\n", "weir.yaml", {}, variables());
  EXPECT_THAT(
      messages(loaded),
      ElementsAre("weir.yaml:1:1: the file holds a value, not keys; write 'key: value' lines"));
}

TEST(ConfigErrors, SyntaxErrorIsTheOnlyErrorAboutWhatComesAfterIt) {
  EXPECT_THAT(messages(parse_config("workers: a: b\n", "weir.yaml", {}, variables())),
              ElementsAre("weir.yaml:1:11: not YAML: illegal map value; check indentation, colons "
                          "and quotes here and "
                          "on the line above"));
}

TEST(ConfigErrors, TabAsIndentationIsCalledThat) {
  EXPECT_THAT(
      messages(parse_config("commit:\n\tinterval: 5ms\n", "weir.yaml", {}, variables())),
      ElementsAre(
          "weir.yaml:2:10: not YAML: illegal map value; indent with spaces, not with tabs"));
}

TEST(ConfigErrors, VariableInAFlowMapMustBeQuoted) {
  EXPECT_THAT(messages(parse_config("kafka: {brokers: ${B:a}}\n", "weir.yaml", {}, variables())),
              testing::Contains(
                  testing::HasSubstr("put a value with ${...} inside {...} or [...] in quotes")));
}

TEST(ConfigErrors, QuoteThatIsNeverClosedIsFoundThoughTheParserAcceptsIt) {
  EXPECT_THAT(
      messages(load_text("instance.id: \"weir-1\n")),
      testing::Contains(
          "weir.yaml:1:14: the quote that starts here is never closed; add the closing quote"));
}

TEST(ConfigErrors, BytesThatAreNotUtf8AreFoundAtTheirPlace) {
  EXPECT_THAT(messages(load_text("workers: 1\ninstance.id: \xFF\n")),
              ElementsAre("weir.yaml:2:14: the file is not UTF-8 text; save it as UTF-8"));
  EXPECT_THAT(messages(load_text(std::string("workers: 1\0\n", 12))),
              ElementsAre("weir.yaml:1:11: the file is not UTF-8 text; save it as UTF-8"));
}

TEST(ConfigErrors, ColumnsCountCharactersNotBytes) {
  EXPECT_THAT(
      messages(load_text("workers: \"\xC3\xA9\" # \xC3\xA9\nlog: {level: info, \xC3\xA9: 1}\n")),
      ElementsAre("weir.yaml:1:10: workers: \"\xC3\xA9\" in quotes is text, not a number; remove "
                  "the quotes",
                  "weir.yaml:2:20: unknown key '\xC3\xA9'; known in log: level, format"));
}

TEST(ConfigErrors, AllComeAtOnceInOrderOfPlace) {
  const Loaded loaded = load_text(
      "workers: many\n"
      "commit:\n"
      "  interval: 20\n"
      "  intervall: 20ms\n"
      "  settle: 1ms\n"
      "  settle: 1ms\n"
      "kafka.properties.group.id: mine\n",
      {"log.level=loud", "nonsense=1"});
  EXPECT_THAT(
      messages(loaded),
      ElementsAre(testing::StartsWith("weir.yaml:1:10: workers: 'many'"),
                  testing::StartsWith("weir.yaml:3:13: commit.interval: '20' has no unit"),
                  testing::StartsWith("weir.yaml:4:3: unknown key 'intervall'"),
                  testing::StartsWith("weir.yaml:6:3: duplicate key 'settle'"),
                  testing::StartsWith("weir.yaml:7:1: kafka.properties.group.id cannot be set"),
                  testing::StartsWith("--set: unknown key 'nonsense'"),
                  testing::StartsWith("--set: log.level: 'loud'")));
}

TEST(ConfigErrors, OneBadValueIsNotBlamedForAContradictionToo) {
  EXPECT_EQ(messages(load_text("commit.interval: 1\ncommit.settle: 500ms\n")).size(), 1U);
}

}  // namespace
}  // namespace weir::config
