// Where values come from: environment, secret files, --set; and that secrets stay secret.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "pipeline/config/describe.h"
#include "tests/unit/config/loading.h"

namespace weir::config {
namespace {

using std::filesystem::perms;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST(ConfigEnvironment, VariableIsReplacedInsideAValue) {
  const Loaded loaded = load_text("instance.id: weir-${POD}-a\n", {}, variables({{"POD", "3"}}));
  EXPECT_THAT(messages(loaded), IsEmpty());
  EXPECT_EQ(loaded.config.instance_id, "weir-3-a");
  EXPECT_EQ(loaded.origins.at("instance.id").text, "weir.yaml:1:1, environment");
}

TEST(ConfigEnvironment, DefaultIsUsedOnlyWhenTheVariableIsNotSet) {
  const std::string yaml = "instance.id: ${POD:pod:x}\n";  // the first colon ends the name
  EXPECT_THAT(messages(load_text(yaml)), ElementsAre(HasSubstr("'pod:x' does not fit")));
  EXPECT_EQ(load_text(yaml, {}, variables({{"POD", "a"}})).config.instance_id, "a");
  EXPECT_THAT(messages(load_text(yaml, {}, variables({{"POD", ""}}))),
              ElementsAre(HasSubstr("'' does not fit")));
}

TEST(ConfigEnvironment, TypeIsThatOfTheKeyQuotedOrNot) {
  const auto four = variables({{"N", "4"}});
  EXPECT_EQ(load_text("workers: ${N}\n", {}, four).config.workers, 4U);
  EXPECT_EQ(load_text("workers: \"${N}\"\n", {}, four).config.workers, 4U);
  EXPECT_EQ(load_text("instance.id: ${N}\n", {}, four).config.instance_id, "4");
  EXPECT_THAT(messages(load_text("workers: ${N:no}\n")),
              ElementsAre(HasSubstr("'no' is not a whole number")));
}

TEST(ConfigEnvironment, ValueCannotChangeTheStructureOfTheFile) {
  const Loaded loaded =
      load_text("kafka.properties.x: ${V}\n", {}, variables({{"V", "1\nworkers: 9"}}));
  EXPECT_THAT(messages(loaded), IsEmpty());
  EXPECT_EQ(loaded.config.kafka.properties.at("x"), "1\nworkers: 9");
  EXPECT_EQ(loaded.config.workers, 1U);
}

TEST(ConfigEnvironment, EscapedDollarStaysAndReplacementsAreNotReplacedAgain) {
  EXPECT_EQ(load_text("kafka.properties.x: a$${B}c$d\n").config.kafka.properties.at("x"),
            "a${B}c$d");
  EXPECT_EQ(load_text("kafka.properties.x: ${A}\n", {}, variables({{"A", "${B}"}}))
                .config.kafka.properties.at("x"),
            "${B}");
}

TEST(ConfigSet, WinsOverTheFileAndTheLastOneWins) {
  const Loaded loaded =
      load_text("workers: 2\n", {"workers=3", "workers=4", "commit.interval=50ms"});
  EXPECT_THAT(messages(loaded), IsEmpty());
  EXPECT_EQ(loaded.config.workers, 4U);
  EXPECT_EQ(loaded.config.commit.interval, std::chrono::milliseconds(50));
  EXPECT_EQ(loaded.origins.at("workers").text, "--set");
}

TEST(ConfigSet, ReplacesAValueOfTheFileThatCouldNotBeHad) {
  EXPECT_THAT(messages(load_text("instance.id: ${NOBODY}\n", {"instance.id=here"})), IsEmpty());
}

TEST(ConfigSet, ReachesPropertiesCurrenciesAndLists) {
  const std::string digest = "sha256:" + std::string(64, 'a');
  const Loaded loaded =
      load_text("", {"kafka.properties.linger.ms=0", "decide.costs_by_currency.JPY.review=480",
                     "decide.costs_by_currency.JPY.false_decline=2400",
                     "decide.costs_by_currency.JPY.fraud_loss_share=0.5",
                     "model.allow=" + digest + "," + digest, "kafka.properties.x=a=b"});
  EXPECT_THAT(messages(loaded), IsEmpty());
  EXPECT_EQ(loaded.config.kafka.properties.at("linger.ms"), "0");
  EXPECT_EQ(loaded.config.kafka.properties.at("x"), "a=b");
  EXPECT_EQ(loaded.config.operators.decide.by_currency.at("JPY").false_decline, 2400);
  EXPECT_THAT(loaded.config.model.allow, ElementsAre(digest, digest));
}

TEST(ConfigSet, ErrorsNameItAndItsKey) {
  EXPECT_THAT(messages(load_text("", {"workers"})),
              ElementsAre("--set: 'workers' is not key=value; write it like commit.interval=50ms"));
  EXPECT_THAT(messages(load_text("", {"commit.intervl=5ms"})),
              ElementsAre("--set: unknown key 'commit.intervl'; did you mean 'commit.interval'?"));
  EXPECT_THAT(messages(load_text("", {"commit=5ms"})),
              ElementsAre(HasSubstr("--set: commit is a section")));
  EXPECT_THAT(
      messages(load_text("", {"kafka.properties.group.id=x"})),
      ElementsAre("--set: kafka.properties.group.id cannot be set: use kafka.group_id; remove it"));
  EXPECT_THAT(messages(load_text("", {"workers=0"})),
              ElementsAre("--set: workers: 0 is out of range; use 1 to 64"));
}

TEST(ConfigSecretFile, ValueIsReadAndItsLineBreakCut) {
  const TempDir dir;
  dir.write("password", "pa$${ss}\"word\n");
  dir.write("crlf", "x\r\n");
  const Loaded loaded = parse_config(
      "kafka.properties:\n  sasl.password_file: password\n  sasl.username_file: crlf\n" + kRequired,
      (dir.path() / "weir.yaml").native(), {}, variables());
  EXPECT_THAT(messages(loaded), IsEmpty());
  EXPECT_EQ(loaded.config.kafka.properties.at("sasl.password"),
            "pa$${ss}\"word");  // as it is, nothing replaced
  EXPECT_EQ(loaded.config.kafka.properties.at("sasl.username"), "x");
}

TEST(ConfigSecretFile, MistakesAreReportedWithoutContent) {
  const TempDir dir;
  const std::string missing = (dir.path() / "missing").native();
  EXPECT_THAT(
      messages(load_text("kafka.properties.sasl.password_file: " + missing + "\n")),
      ElementsAre("weir.yaml:1:38: kafka.properties.sasl.password_file: cannot read " + missing +
                  ": No such file or directory; check the path and its permissions"));
  EXPECT_THAT(
      messages(load_text("", {"kafka.properties.sasl.password_file=" + dir.path().native()})),
      ElementsAre(HasSubstr("is not a file")));
  EXPECT_THAT(messages(load_text("", {"kafka.properties.x_file=" + dir.write("empty", "\n")})),
              ElementsAre(HasSubstr("is empty")));
  EXPECT_THAT(messages(load_text(
                  "", {"kafka.properties.x_file=" + dir.write("full", std::string(65'536, 'x'))})),
              IsEmpty());
  EXPECT_THAT(messages(load_text(
                  "", {"kafka.properties.x_file=" + dir.write("large", std::string(65'537, 'x'))})),
              ElementsAre(HasSubstr("is larger than 64KiB")));
  EXPECT_THAT(messages(load_text("", {"topics.verdicts_file=" + dir.write("bad", "hunter two")})),
              ElementsAre("--set: topics.verdicts: the value does not fit; use 1 to 249 letters, "
                          "digits, '.', '_' or "
                          "'-'"));
}

TEST(ConfigSecretFile, ReadableByEverybodyIsAWarningNotAnError) {
  const TempDir dir;
  const std::string file = dir.write("password", "hunter2", perms::owner_read | perms::others_read);
  const Loaded loaded = load_text("", {"kafka.properties.sasl.password_file=" + file});
  EXPECT_TRUE(loaded.ok());
  EXPECT_THAT(messages(loaded),
              ElementsAre("--set: warning: kafka.properties.sasl.password_file: " + file +
                          " can be read by everybody on this machine; chmod o-r " + file));
}

TEST(ConfigSecrets, NeverAppearInTheDumpOrInMessages) {
  const TempDir dir;
  const std::string yaml =
      "kafka.properties:\n"
      "  sasl.password: hunter2-a\n"
      "  ssl.key.pem: hunter2-b\n"
      "  sasl.oauthbearer.client.secret: ${S}\n"
      "  ssl.key.location: /etc/key\n"
      "  sasl.username_file: " +
      dir.write("user", "hunter2-d") + "\n";
  const Loaded loaded = load_text(yaml, {}, variables({{"S", "hunter2-c"}}));
  ASSERT_THAT(messages(loaded), IsEmpty());
  const std::string dump = dump_resolved(loaded);
  EXPECT_THAT(dump, Not(HasSubstr("hunter2")));
  EXPECT_THAT(dump, HasSubstr("kafka.properties.sasl.password: \"********\""));
  EXPECT_THAT(dump, HasSubstr("kafka.properties.ssl.key.location: \"/etc/key\""));
  EXPECT_THAT(dump, HasSubstr("value from " + (dir.path() / "user").native()));
  EXPECT_THAT(describe(loaded.config), Not(HasSubstr("hunter2")));
  // A wrong value of a secret is not quoted either.
  EXPECT_THAT(messages(load_text("kafka.properties.sasl.password: no\n")),
              ElementsAre("weir.yaml:1:33: kafka.properties.sasl.password: the value does not fit; "
                          "put it in quotes"));
}

}  // namespace
}  // namespace weir::config
