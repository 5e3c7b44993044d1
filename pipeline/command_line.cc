#include "pipeline/command_line.h"

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "pipeline/cli/command_tree.h"
#include "pipeline/cli/completion.h"
#include "pipeline/cli/man_page.h"
#include "pipeline/cli/program.h"
#include "pipeline/cli/usage_error.h"
#include "pipeline/commands.h"
#include "pipeline/config/diagnostic_formats.h"
#include "pipeline/config/keys.h"
#include "pipeline/topic_copy.h"
#include "pipeline/version.h"

namespace weir {
namespace {

constexpr const char* kAbout =
    "Weir decides payments: it reads them from Kafka, remembers each user's recent behaviour, "
    "scores every payment and "
    "commits exactly one verdict for each.\n\n"
    "  weir demo                                   see it work, no broker needed\n"
    "  weir init weir.yaml                         a configuration to begin with\n"
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

constexpr const char* kAboutCompletion =
    "  bash   weir completion bash > /etc/bash_completion.d/weir\n"
    "  zsh    weir completion zsh > /usr/local/share/zsh/site-functions/_weir\n"
    "  fish   weir completion fish > ~/.config/fish/completions/weir.fish";

template <class Words>
std::vector<std::string> texts(const Words& words) {
  return {std::begin(words), std::end(words)};
}

/// What an option takes, from its name and what CLI11 knows of it: checks show as "TYPE:CHECK".
cli::Option described(const CLI::Option& option) {
  cli::Option result;
  for (const auto& name : option.get_snames()) result.names.push_back("-" + name);
  for (const auto& name : option.get_lnames()) result.names.push_back("--" + name);
  result.help = option.get_description();
  result.required = option.get_required();
  if (option.get_items_expected_max() == 0) return result;
  const std::string type = option.get_type_name();
  result.value_name = result.names.empty() ? option.get_name() : type.substr(0, type.find(':'));
  result.kind = cli::ValueKind::kText;
  if (type.find("FILE") != type.npos) {
    result.value_name = "FILE";
    result.kind = cli::ValueKind::kFile;
  }
  if (const auto open = type.find('{'); open != type.npos) {
    result.kind = cli::ValueKind::kChoice;
    result.choices = CLI::detail::split(type.substr(open + 1, type.find('}') - open - 1), ',');
    if (!result.names.empty()) result.value_name = "WORD";
  }
  if (option.check_lname("set")) {
    result.kind = cli::ValueKind::kStart;
    result.value_name = "KEY=VALUE";
    for (const config::Key& key : config::all_keys()) {
      if (key.path.find('*') == std::string_view::npos) {
        result.choices.push_back(std::string(key.path) + "=");
      }
    }
  }
  return result;
}

cli::Command described(const CLI::App& app) {
  cli::Command command{app.get_name(), app.get_description(), app.get_footer(), {}, {}};
  for (const auto* option : app.get_options({})) command.options.push_back(described(*option));
  for (const auto* inner : app.get_subcommands({})) command.commands.push_back(described(*inner));
  return command;
}

}  // namespace

struct CommandLine::Impl {
  Impl() {
    app.require_subcommand(1);
    app.set_help_all_flag("--help-all", "Help of every command");
    add_run();
    add_demo();
    add_init();
    add_check();
    add_explain_config();
    add_replay();
    add_features();
    cli::add_record_commands(program);
    cli::add_dead_letter_commands(program);
    cli::add_watch_commands(program);
    cli::add_case_commands(program);
    add_state();
    for (const char* name : {"get", "dump"}) {
      cli::Program::add_json(*app.get_subcommand("state")->get_subcommand(name));
    }
    add_probe();
    add_reference();
    add_completion();
    add("man", "The man page: weir man | man -l -", [this] {
      fmt::print("{}", cli::man_page(described(app), kVersion));
      return int{kExitOk};
    });
    auto& version = add("version", "What this binary is", [this] { return version_command(json); });
    add_json(version, json);
  }

  CLI::App& add(const std::string& name, const std::string& about, std::function<int()> start,
                CLI::App* below = nullptr) {
    return program.add(name, about, std::move(start), below);
  }
  static void add_config(CLI::App& command, ConfigSource& source, bool required = true) {
    cli::Program::add_config(command, source, required);
  }
  static void add_json(CLI::App& command, bool& to, const std::string& about = "As JSON") {
    cli::Program::add_json(command, to, about);
  }

  void add_run() {
    auto& source = sources.emplace_back();
    auto& run = add("run", "Run the pipeline until SIGTERM: drains, commits and leaves",
                    [&source] { return run_command(source); });
    add_config(run, source);
  }

  void add_demo() {
    auto& command = add("demo", "Bundled real payments through the pipeline, with a live table",
                        [this] { return demo_command(demo); });
    add_config(command, demo.config, false);
    command.add_option("--brokers", demo.brokers,
                       "A real broker instead of the embedded stand-in (HOST:PORT,...)");
    command.add_option("--transactions", demo.transactions, "Other payments (.jsonl or .jsonl.gz)")
        ->check(CLI::ExistingFile);
    command.add_option("--labels", demo.labels, "Their labels")->check(CLI::ExistingFile);
    command
        .add_option("--rate", demo.rate, "Payments a second to publish; 0 = as fast as possible")
        ->capture_default_str();
    command.add_flag("--stay", demo.stay,
                     "Serve the console until Ctrl-C; without it only on a terminal");
    add_json(command, demo.json, "The summary as one JSON object; the table goes to stderr");
  }

  void add_init() {
    auto& command = add("init", "Write a configuration to begin with; an existing file stays",
                        [this] { return init_command(init_file, json); });
    command.add_option("file", init_file, "Where to; - for standard output")
        ->type_name("FILE")
        ->capture_default_str();
    add_json(command, json, "Which file was written, as one JSON object");
  }

  void add_check() {
    auto& command =
        add("check", "Check configuration, model package and broker; says what would run", [this] {
          if (keys) return keys_command(check.format == "json");
          if (schema) return schema_command();
          if (check.config.file.empty()) throw CLI::RequiredError("--config");
          return check_command(check);
        });
    add_config(command, check.config, false);
    command.add_flag("--offline", check.offline, "Do not ask the broker");
    command.add_option("--format", check.format, "Findings as text, json or sarif")
        ->check(CLI::IsMember(texts(config::kFindingFormats)))
        ->capture_default_str();
    command.add_flag_callback(
        "--json", [this] { check.format = "json"; },
        "The same as --format json: findings, and what would run");
    command.add_flag("--keys", keys, "Print every key with its type, limits and effect, and leave");
    command.add_flag("--schema", schema,
                     "Print the JSON Schema of configurations, for editors, and leave");
  }

  void add_explain_config() {
    auto& source = sources.emplace_back();
    auto& command =
        add("explain-config", "Every key with its value and where it came from; secrets masked",
            [this, &source] { return explain_config_command(source, json); });
    add_config(command, source);
    add_json(command, json, "As a JSON list");
  }

  void add_replay() {
    auto& command = add(
        "replay", "The same operators over files, in event-time order; the same bytes on every run",
        [this] { return replay_command(replay); });
    add_config(command, replay.config);
    command
        .add_option("--transactions", replay.transactions,
                    "Payments: .jsonl, .jsonl.gz or topic:NAME")
        ->required()
        ->check(file_or_topic);
    command.add_option("--labels", replay.labels, "Labels: .jsonl, .jsonl.gz or topic:NAME")
        ->check(file_or_topic);
    command.add_option("--out", replay.verdicts_out, "Verdicts, one a line; - for standard output")
        ->type_name("FILE")
        ->required();
    command
        .add_option("--features-out", replay.features_out, "Model inputs and outputs, one a line")
        ->type_name("FILE");
    command.add_option("--dead-letters-out", replay.dead_letters_out, "Dead letters, one a line")
        ->type_name("FILE");
    command.add_option("--state-out", replay.state_out, "State at the end, as `weir state dump`")
        ->type_name("FILE");
    add_json(command, replay.json, "The summary as one JSON object on standard output");
  }

  void add_features() {
    auto& command = add("features", "The declared features of payments of a file or topic, as CSV",
                        [this] { return features_command(features); });
    command.footer(kAboutFeatures);
    add_config(command, features.config);
    command
        .add_option("--transactions", features.transactions,
                    "Payments, in any order: .jsonl, .jsonl.gz or topic:NAME")
        ->required()
        ->check(file_or_topic);
    command
        .add_option("--labels", features.labels,
                    "Labels: .jsonl, .jsonl.gz or topic:NAME; without them no fraud is known")
        ->check(file_or_topic);
    command
        .add_option("--out", features.out,
                    "Table (.csv, or .csv.gz to compress it); - for standard output")
        ->type_name("FILE")
        ->required();
    add_json(command, features.json, "The summary as one JSON object on standard output");
  }

  void add_state() {
    auto& state = *app.add_subcommand("state", "What is remembered of users and entities");
    state.require_subcommand(1);
    auto& of_get = sources.emplace_back();
    auto& get = add(
        "get", "One user's history and remembered verdicts, as JSON",
        [this, &of_get] { return state_get_command(of_get, user_id); }, &state);
    get.add_option("user_id", user_id, "The user")->required();
    add_config(get, of_get);
    auto& of_erase = add(
        "erase",
        "Everything the state holds of one user, gone for good: stores, changelog; the group is "
        "stopped",
        [this] { return state_erase_command(erase); }, &state);
    of_erase.add_option("user_id", erase.user_id, "The user")->required();
    add_config(of_erase, erase.config);
    of_erase.add_flag("--yes", erase.yes, "Erase; without it the command says what it would erase");
    add_json(of_erase, erase.json);
    auto& of_dump = sources.emplace_back();
    auto& dump = add(
        "dump", "All users of all local stores, one a line, by partition and id",
        [this, &of_dump] {
          return state_dump_command(of_dump, dump_entities ? StateOf::kEntities : StateOf::kUsers);
        },
        &state);
    add_config(dump, of_dump);
    dump.add_flag(
        "--entities", dump_entities,
        "Merchants, devices, ips and cards instead, by partition and key (m:<id>, d:, i:, c:)");
  }

  void add_probe() {
    auto& command = add("probe", "Health check of an instance here: exit code 0 when it is ready",
                        [this] { return probe_command(probe); });
    command.add_option("question", probe.question, "ready: assigned and restored; or live")
        ->check(CLI::IsMember({"ready", "live"}))
        ->capture_default_str();
    command.add_option("--address", probe.address, "Where its metrics are: HOST:PORT")
        ->capture_default_str();
    add_config(command, probe.config, false);
    cli::Program::add_json(command);
  }

  void add_reference() {
    auto& command = add("reference", "Keys, metrics, reasons or topics of this binary, as Markdown",
                        [this] { return reference_command(page); });
    command.add_option("page", page, "keys, metrics, reasons or topics")
        ->required()
        ->check(CLI::IsMember({"keys", "metrics", "reasons", "topics"}));
  }

  void add_completion() {
    auto& command = add("completion", "A script that completes commands, options and keys", [this] {
      fmt::print("{}", cli::completion(described(app), shell));
      return int{kExitOk};
    });
    command.footer(kAboutCompletion);
    command.add_option("shell", shell, "bash, zsh or fish")
        ->required()
        ->check(CLI::IsMember(texts(cli::kShells)));
  }

  CLI::App app{kAbout, "weir"};
  int code = kExitOk;
  cli::Program program{app, code};
  std::deque<ConfigSource> sources;  // of commands that take nothing else; they stay where they are
  CheckArguments check;
  DemoArguments demo;
  ReplayArguments replay;
  FeaturesArguments features;
  ProbeArguments probe;
  std::string init_file = "weir.yaml";
  std::string user_id;
  StateEraseArguments erase;
  std::string shell;
  std::string page;
  bool keys = false;
  bool schema = false;
  bool json = false;
  bool dump_entities = false;

  const CLI::Validator file_or_topic{
      [](const std::string& text) {
        return text.starts_with(kTopicPrefix) ? std::string() : CLI::ExistingFile(text);
      },
      "FILE|topic:NAME"};
};

CommandLine::CommandLine() : impl_(std::make_unique<Impl>()) {}
CommandLine::~CommandLine() = default;

int CommandLine::run(int argc, char** argv) {
  CLI::App& app = impl_->app;
  if (argc < 2) {
    fmt::print(stderr, "{}", app.help());
    return kExitUsage;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::CallForAllHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    fmt::print(stderr, "{}", cli::usage_error(app, error));
    return kExitUsage;
  }
  return impl_->code;
}

}  // namespace weir
