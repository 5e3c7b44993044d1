// What a good configuration becomes; the shipped one; and that no file at all can hurt the loader.

#include <random>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/config/describe.h"
#include "pipeline/config/keys.h"
#include "tests/unit/config/loading.h"

namespace weir::config {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using namespace std::chrono_literals;

const std::string kHandbook = std::string(WEIR_SOURCE_DIR) + "/configs/handbook.yaml";

std::string read_file(const std::string& name) {
  std::ostringstream content;
  content << std::ifstream(name).rdbuf();
  return content.str();
}

TEST(ConfigLoad, RequiredKeysAloneGiveEveryDefault) {
  const Loaded loaded = load_text("");
  ASSERT_THAT(messages(loaded), IsEmpty());
  EXPECT_EQ(loaded.config.delivery, Delivery::kExactlyOnce);
  EXPECT_EQ(loaded.config.commit.interval, 20ms);
  EXPECT_EQ(loaded.config.topics.dead_letters, "dead-letters");
  EXPECT_EQ(loaded.config.state.hot_bytes, 134'217'728U);
  EXPECT_EQ(loaded.config.admin_listen, "127.0.0.1:9464");
  EXPECT_TRUE(loaded.config.model.package.empty());
  EXPECT_EQ(loaded.origins.size(), 2U);
}

TEST(ConfigLoad, NestingAndDotsMeanTheSame) {
  const Loaded nested =
      load_text("kafka:\n  properties:\n    sasl:\n      username: a\n    linger.ms: 0\n");
  const Loaded dotted =
      load_text("kafka.properties.sasl.username: a\nkafka.properties: {linger.ms: 0}\n");
  ASSERT_THAT(messages(nested), IsEmpty());
  ASSERT_THAT(messages(dotted), IsEmpty());
  EXPECT_EQ(nested.config.kafka.properties, dotted.config.kafka.properties);
  EXPECT_EQ(nested.config.kafka.properties.at("sasl.username"), "a");
}

TEST(ConfigLoad, SectionWithAllItsKeysCommentedOutIsEmpty) {
  EXPECT_THAT(messages(load_text("commit:\n  # interval: 5ms\nbatch: {}\n")), IsEmpty());
}

TEST(ConfigLoad, LimitsThemselvesAreAccepted) {
  const Loaded least =
      load_text("workers: 1\ncommit: {interval: 1ms, settle: 0ms}\ndecide.prior: 0\n");
  ASSERT_THAT(messages(least), IsEmpty());
  EXPECT_EQ(least.config.commit.interval, 1ms);
  const Loaded most =
      load_text("workers: 64\ncommit: {interval: 10s, settle: 1s}\ndecide.prior: 1\n");
  ASSERT_THAT(messages(most), IsEmpty());
  EXPECT_EQ(most.config.commit.interval, 10s);
}

TEST(ConfigLoad, OperatorsGetTheirSettings) {
  const Loaded loaded = load_text(
      "topics.transactions: payments\ninput: {lateness: 1m, future: clamp}\ndedupe.horizon: "
      "48h\nhistory.rows: 64\nhistory.merchant_rows: 8\n"
      "decide: {safe_action: decline, costs: {review: 2.5}}\n");
  ASSERT_THAT(messages(loaded), IsEmpty());
  const operators::Settings& settings = loaded.config.operators;
  EXPECT_EQ(settings.input_topic, "payments");
  EXPECT_EQ(settings.input.lateness, 1min);
  EXPECT_TRUE(settings.input.clamp_future);
  EXPECT_EQ(settings.dedupe.horizon, 48h);
  EXPECT_EQ(settings.history.rows, 64U);
  EXPECT_EQ(settings.history.merchant_rows, 8U);
  EXPECT_EQ(settings.decide.safe_action, "decline");
  EXPECT_EQ(settings.decide.costs.review, 2.5);
}

TEST(ConfigLoad, ProfilesOfEntitiesHaveDefaultsAndLimits) {
  const Loaded none = load_text("");
  EXPECT_EQ(none.config.topics.entities, "entities");
  EXPECT_EQ(none.config.topics.entity_profiles, "entity-profiles");
  EXPECT_EQ(none.config.topics.entity_state, "weir-state-entities");
  EXPECT_EQ(none.config.entities.max_staleness, 60s);
  EXPECT_EQ(none.config.entities.refresh, 10min);
  for (const char* good : {"max_staleness: 100ms", "max_staleness: 1h", "refresh: 1s",
                           "refresh: 24h", "max_staleness: 5s, refresh: 1h"}) {
    EXPECT_THAT(messages(load_text("entities: {" + std::string(good) + "}\n")), IsEmpty()) << good;
  }
  for (const char* bad :
       {"max_staleness: 99ms", "max_staleness: 61m", "refresh: 999ms", "refresh: 25h"}) {
    EXPECT_FALSE(load_text("entities: {" + std::string(bad) + "}\n").ok()) << bad;
  }
}

TEST(ConfigLoad, RelativePathsStartAtTheFileAndThoseOfSetAtTheWorkingDirectory) {
  const auto text = "kafka.brokers: a:1\nstate.dir: state\nmodel.package: ../zoo/m\n";
  const Loaded loaded = parse_config(text, "/etc/weir/weir.yaml", {"state.dir=here"}, variables());
  ASSERT_THAT(messages(loaded), IsEmpty());
  EXPECT_EQ(loaded.config.model.package, "/etc/zoo/m");
  EXPECT_EQ(loaded.config.state.dir, std::filesystem::current_path() / "here");
  EXPECT_EQ(parse_config(text, "/etc/weir/weir.yaml", {}, variables()).config.state.dir,
            "/etc/weir/state");
}

TEST(ConfigLoad, BrokerListsInEveryFormPassAndOthersDoNot) {
  for (const char* good : {"a:1", "a.b-c:65535,10.0.0.1:9092", "[::1]:9092", "SASL_SSL://k:9093"}) {
    EXPECT_THAT(messages(load_text("", {std::string("kafka.brokers=") + good})), IsEmpty()) << good;
  }
  for (const char* bad :
       {"", "a", "a:", ":1", "a:0", "a:65536", "a:1,", "a:1, b:2", "a b:1", "[]:1"}) {
    EXPECT_FALSE(load_text("", {std::string("kafka.brokers=") + bad}).ok()) << bad;
  }
}

TEST(ConfigLoad, MissingFileIsOneClearError) {
  EXPECT_THAT(messages(load_config("/nowhere/weir.yaml")),
              testing::ElementsAre(
                  "/nowhere/weir.yaml: cannot be read: No such file or directory; check the path"));
}

TEST(ConfigLoad, ByteOrderMarkIsIgnored) {
  const Loaded loaded = load_text("\xEF\xBB\xBFworkers: 2\n");
  ASSERT_THAT(messages(loaded), IsEmpty());
  EXPECT_EQ(loaded.config.workers, 2U);
}

TEST(HandbookConfig, LoadsWithoutAFinding) {
  const Loaded loaded = load_config(kHandbook, {}, variables());
  EXPECT_THAT(messages(loaded), IsEmpty());
  EXPECT_EQ(loaded.config.kafka.brokers, "localhost:9092");
  EXPECT_EQ(loaded.config.model.package,
            std::filesystem::path(WEIR_SOURCE_DIR) / "models/zoo/handbook-blend/1.1.0");
}

TEST(HandbookConfig, SetsEveryKnownKey) {
  const Loaded loaded = load_config(kHandbook, {}, variables());
  std::vector<const Key*> set;
  for (const auto& [path, origin] : loaded.origins) set.push_back(find_key(path)->key);
  for (const Key& key : all_keys()) {
    EXPECT_THAT(set, Contains(&key)) << key.path;
  }
}

TEST(HandbookConfig, SaysSoWhereAValueIsNotTheDefault) {
  const Loaded loaded = load_config(kHandbook, {}, variables());
  Config shipped = loaded.config;
  Config defaults;
  std::vector<std::string> different;
  for (const Key& key : all_keys()) {
    if (key.required || key.path.find('*') != std::string_view::npos) continue;
    if (value_of(key.slot, shipped, {}) != value_of(key.slot, defaults, {}))
      different.emplace_back(key.path);
  }
  EXPECT_THAT(different, testing::ElementsAre("topics.create", "model.package",
                                              "history.merchant_rows", "metrics.currencies"));
}

TEST(ConfigDump, LoadsBackToTheSameConfiguration) {
  const std::string digest = "sha256:" + std::string(64, '0');
  const Loaded first = load_config(kHandbook,
                                   {"model.allow=" + digest, "kafka.properties.x=a\"b\\c\n${d} # e",
                                    "decide.prior=0.1", "commit.interval=1500ms"},
                                   variables());
  ASSERT_THAT(messages(first), IsEmpty());
  const std::string dump = dump_resolved(first);
  const Loaded second = parse_config(dump, "dump.yaml", {}, variables());
  ASSERT_THAT(messages(second), IsEmpty()) << dump;
  Config a = first.config;
  Config b = second.config;
  for (const auto& [path, origin] : first.origins) {
    const auto match = find_key(path);
    EXPECT_EQ(value_of(match->key->slot, a, match->name),
              value_of(match->key->slot, b, match->name))
        << path;
  }
  EXPECT_EQ(second.config.kafka.properties.at("x"), "a\"b\\c\n${d} # e");
}

TEST(ConfigDump, NamesTheOriginOfEachValue) {
  const std::string dump = dump_resolved(load_text("workers: 2\n", {"log.level=warn"}));
  EXPECT_THAT(dump, testing::ContainsRegex("workers: 2 +# weir.yaml:1:1\n"));
  EXPECT_THAT(dump, testing::ContainsRegex("log.level: warn +# --set\n"));
  EXPECT_THAT(dump, testing::ContainsRegex("commit.settle: 2ms +# default\n"));
}

TEST(ConfigDescribe, SaysWhatTheHandbookRuns) {
  const std::string text = describe(load_config(kHandbook, {}, variables()).config);
  EXPECT_THAT(
      text, testing::StartsWith("ok: 1 input topic, 8 operators, 4 output topics, exactly_once\n"));
  EXPECT_THAT(text, HasSubstr("transactions from localhost:9092"));
  EXPECT_THAT(text, HasSubstr("models/zoo/handbook-blend/1.1.0"));
  EXPECT_THAT(text, HasSubstr("31 declared: 4 of the payment, 16 over a user, 11 over a merchant; "
                              "look back 90d"));
}

TEST(ConfigKeys, EveryRowIsComplete) {
  for (const Key& key : all_keys()) {
    EXPECT_FALSE(key.effect.empty()) << key.path;
    EXPECT_TRUE(key.effect.ends_with('.') || key.effect.ends_with("...")) << key.path;
    EXPECT_FALSE(type_of(key.slot).empty()) << key.path;
    EXPECT_THAT(list_keys(), HasSubstr(std::string(key.path) + ": "));
  }
}

// The loader reports with a place, Settings::validate() without: what the loader lets pass must
// pass there too.
TEST(ConfigKeys, LimitsAreThoseTheOperatorsAccept) {
  const auto expect_accepted = [](const Key& key, const auto& slot, auto limit) {
    Config config;
    config.features.resize(1);
    slot.field(config, key.path.starts_with("features.") ? "0" : "EUR") = limit;
    const Status status = config.operators.validate();
    EXPECT_TRUE(status) << key.path << ": " << (status ? "" : status.error().message);
  };
  for (const Key& key : all_keys()) {
    std::visit(
        [&](const auto& slot) {
          if constexpr (requires { slot.min; }) {
            expect_accepted(key, slot, slot.min);
            expect_accepted(key, slot, slot.max);
          }
        },
        key.slot);
  }
}

// No text, whole or cut anywhere, may crash the loader; what it finds is always printable.
TEST(ConfigRobustness, HandbookCutAtEveryByteLoadsOrComplains) {
  const std::string whole = read_file(kHandbook);
  for (std::size_t bytes = 0; bytes < whole.size(); bytes += 7) {
    const Loaded loaded = parse_config(whole.substr(0, bytes), "cut.yaml", {}, variables());
    for (const std::string& text : messages(loaded))
      EXPECT_THAT(text, testing::StartsWith("cut.yaml:"));
  }
}

TEST(ConfigRobustness, HandbookWithRandomBytesChangedLoadsOrComplains) {
  const std::string whole = read_file(kHandbook);
  const unsigned seed = 20'261'122;
  std::cout << "seed " << seed << '\n';
  std::mt19937 random(seed);
  const std::string alphabet = "{}[]:,\"'\n #&*!|>-$%@`\t0aé\x01";
  for (int round = 0; round < 300; ++round) {
    std::string text = whole;
    for (int change = 0; change < 5; ++change)
      text[random() % text.size()] = alphabet[random() % alphabet.size()];
    const Loaded loaded = parse_config(text, "changed.yaml", {}, variables());
    for (const Diagnostic& diagnostic : loaded.diagnostics) EXPECT_FALSE(diagnostic.what.empty());
  }
}

TEST(ConfigRobustness, DeepNestingIsRefusedNotFollowed) {
  const Loaded flow = load_text("kafka: " + std::string(100'000, '[') + "\n");
  EXPECT_FALSE(flow.ok());
  std::string deep = "kafka.properties: ";
  for (int i = 0; i < 100'000; ++i) deep += "{a: ";
  EXPECT_FALSE(load_text(deep + "\n").ok());
}

}  // namespace
}  // namespace weir::config
