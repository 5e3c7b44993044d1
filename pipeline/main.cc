// weir: one binary, its sub-commands.

#include <algorithm>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "pipeline/commands.h"
#include "pipeline/config/suggest.h"
#include "pipeline/topic_copy.h"
#include "pipeline/version.h"

namespace {

using weir::ConfigSource;

constexpr const char* kAbout =
    "Weir decides payments: it reads them from Kafka, remembers each user's recent behaviour, "
    "scores every payment and "
    "commits exactly one verdict for each.\n\n"
    "  weir demo                                   see it work, no broker needed\n"
    "  weir check --config weir.yaml               is my configuration right?\n"
    "  weir run --config weir.yaml                 run it\n"
    "  weir features --help                        past and labels as a table to train on\n"
    "  weir tap verdicts --config weir.yaml -n 1   look at a verdict\n\n"
    "Exit codes: 0 ok, 64 usage, 65 data, 69 unavailable, 70 bug, 78 configuration.";

constexpr const char* kAboutFeatures =
    "What it does: runs the payments in event-time order through the operators of `weir run` and "
    "writes one line for each: transaction_id, then the features that the configuration declares, "
    "in its order. A value is what would have been known at the payment's event time: a label "
    "counts from its label_time on. Numbers read back to the same bits; an empty field is a value "
    "there was not. Dead letters and duplicates have no line.\n\n"
    "  weir features --config configs/handbook.yaml --transactions tests/data/sample/"
    "transactions.jsonl.gz \\\n"
    "                --labels tests/data/sample/labels.jsonl.gz --out features.csv.gz\n\n"
    "To declare features: the section `features` of configs/handbook.yaml, and `weir check "
    "--keys`.";

void add_config(CLI::App& command, ConfigSource& source, bool required = true) {
  auto* option = command
                     .add_option("-c,--config", source.file,
                                 "Configuration (YAML); configs/handbook.yaml explains every key")
                     ->check(CLI::ExistingFile);
  if (required) option->required();
  command
      .add_option("--set", source.set,
                  "Override a key, e.g. --set commit.interval=10ms (repeatable)")
      ->allow_extra_args(false);
}

/// CLI11 answers a mistyped sub-command with "a subcommand is required" only.
std::string suggestion(const CLI::App& app, int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') return {};
  const std::string given = argv[1];
  std::vector<std::string> names;
  for (const auto* command : app.get_subcommands({})) names.push_back(command->get_name());
  if (std::ranges::find(names, given) != names.end()) return {};
  const auto nearest = weir::config::nearest(given, names);
  return fmt::format("weir: there is no command '{}'{}\n", given,
                     nearest ? fmt::format("; did you mean '{}'?", *nearest) : std::string());
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{kAbout, "weir"};
  app.require_subcommand(1);
  app.set_help_all_flag("--help-all", "Help of every command");
  int code = weir::kExitOk;

  ConfigSource run_source;
  auto* run =
      app.add_subcommand("run", "Run the pipeline until SIGTERM: drains, commits and leaves");
  add_config(*run, run_source);
  run->callback([&] { code = weir::run_command(run_source); });

  weir::DemoArguments demo_arguments;
  auto* demo =
      app.add_subcommand("demo", "Bundled real payments through the pipeline, with a live table");
  add_config(*demo, demo_arguments.config, false);
  demo->add_option("--brokers", demo_arguments.brokers,
                   "A real broker instead of the embedded stand-in (HOST:PORT,...)");
  demo->add_option("--transactions", demo_arguments.transactions,
                   "Other payments (.jsonl or .jsonl.gz)")
      ->check(CLI::ExistingFile);
  demo->add_option("--labels", demo_arguments.labels, "Their labels")->check(CLI::ExistingFile);
  demo->add_option("--rate", demo_arguments.rate,
                   "Payments a second to publish; 0 = as fast as possible")
      ->capture_default_str();
  demo->callback([&] { code = weir::demo_command(demo_arguments); });

  ConfigSource check_source;
  bool resolved = false;
  bool offline = false;
  bool keys = false;
  auto* check = app.add_subcommand(
      "check", "Check configuration, model package and broker; says what would run");
  add_config(*check, check_source, false);
  check->add_flag("--resolved", resolved,
                  "Print every key with its value and where it came from; secrets masked");
  check->add_flag("--offline", offline, "Do not ask the broker");
  check->add_flag("--keys", keys, "Print every key with its type, limits and effect, and leave");
  check->callback([&] {
    if (!keys && check_source.file.empty()) throw CLI::RequiredError("--config");
    code = keys ? weir::keys_command() : weir::check_command(check_source, resolved, offline);
  });

  const CLI::Validator file_or_topic(
      [](const std::string& text) {
        return text.starts_with(weir::kTopicPrefix) ? std::string() : CLI::ExistingFile(text);
      },
      "FILE|topic:NAME");
  weir::ReplayArguments replay_arguments;
  auto* replay = app.add_subcommand(
      "replay", "The same operators over files, in event-time order; the same bytes on every run");
  add_config(*replay, replay_arguments.config);
  replay
      ->add_option("--transactions", replay_arguments.transactions,
                   "Payments: .jsonl, .jsonl.gz or topic:NAME")
      ->required()
      ->check(file_or_topic);
  replay->add_option("--labels", replay_arguments.labels, "Labels: .jsonl, .jsonl.gz or topic:NAME")
      ->check(file_or_topic);
  replay
      ->add_option("--out", replay_arguments.verdicts_out,
                   "Verdicts, one a line; - for standard output")
      ->required();
  replay->add_option("--features-out", replay_arguments.features_out,
                     "Model inputs and outputs, one a line");
  replay->add_option("--dead-letters-out", replay_arguments.dead_letters_out,
                     "Dead letters, one a line");
  replay->add_option("--state-out", replay_arguments.state_out,
                     "State at the end, as `weir state dump`");
  replay->callback([&] { code = weir::replay_command(replay_arguments); });

  weir::FeaturesArguments features_arguments;
  auto* features = app.add_subcommand(
      "features", "The declared features of payments of a file or topic, as CSV");
  features->footer(kAboutFeatures);
  add_config(*features, features_arguments.config);
  features
      ->add_option("--transactions", features_arguments.transactions,
                   "Payments, in any order: .jsonl, .jsonl.gz or topic:NAME")
      ->required()
      ->check(file_or_topic);
  features
      ->add_option("--labels", features_arguments.labels,
                   "Labels: .jsonl, .jsonl.gz or topic:NAME; without them no fraud is known")
      ->check(file_or_topic);
  features
      ->add_option("--out", features_arguments.out,
                   "Table (.csv, or .csv.gz to compress it); - for standard output")
      ->required();
  features->callback([&] { code = weir::features_command(features_arguments); });

  weir::TapArguments tap_arguments;
  auto* tap = app.add_subcommand("tap", "Print what flows through a topic, one record a line");
  tap->add_option("stream", tap_arguments.stream,
                  "transactions, labels, verdicts, features, dead-letters or metrics")
      ->capture_default_str();
  add_config(*tap, tap_arguments.config);
  tap->add_option("-n,--count", tap_arguments.count, "Stop after so many records");
  tap->add_flag("--from-beginning", tap_arguments.from_beginning,
                "From the first record instead of from now on");
  tap->add_flag("-e,--exit", tap_arguments.until_end, "Stop at the end of the topic");
  tap->add_option("--key", tap_arguments.key, "Only records with this key (a user id)");
  tap->callback([&] { code = weir::tap_command(tap_arguments); });

  auto* state = app.add_subcommand("state", "What is remembered of users and entities");
  state->require_subcommand(1);
  ConfigSource get_source;
  std::string user_id;
  auto* get = state->add_subcommand("get", "One user's history and remembered verdicts, as JSON");
  get->add_option("user_id", user_id, "The user")->required();
  add_config(*get, get_source);
  get->callback([&] { code = weir::state_get_command(get_source, user_id); });
  ConfigSource dump_source;
  auto* dump = state->add_subcommand(
      "dump", "All users of all local stores, one a line, by partition and id");
  add_config(*dump, dump_source);
  bool dump_entities = false;
  dump->add_flag(
      "--entities", dump_entities,
      "Merchants, devices, ips and cards instead, by partition and key (m:<id>, d:, i:, c:)");
  dump->callback([&] {
    code = weir::state_dump_command(
        dump_source, dump_entities ? weir::StateOf::kEntities : weir::StateOf::kUsers);
  });

  auto* version = app.add_subcommand("version", "What this binary is");
  version->callback([] { fmt::print("weir {} ({})\n", weir::kVersion, weir::kRevision); });

  if (argc < 2) {
    fmt::print(stderr, "{}", app.help());
    return weir::kExitUsage;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::CallForAllHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    if (const auto text = suggestion(app, argc, argv); !text.empty()) {
      fmt::print(stderr, "{}", text);
    } else {
      app.exit(error);
    }
    return weir::kExitUsage;
  }
  return code;
}
