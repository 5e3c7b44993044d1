#include <memory>

#include "pipeline/cli/program.h"
#include "pipeline/tap/streams.h"

namespace weir::cli {
namespace {

constexpr const char* kAboutWhere =
    "\nConditions:\n"
    "  weir tap verdicts --where 'action == \"decline\" and risk.fraud.p > 0.5' ...\n"
    "  weir tap score --where 'outputs.p > 0.9 or not exists(outputs.p)' ...\n"
    "  weir tap dead-letters --where 'reason in (\"range\", \"future\") and detail ~ \"amount\"' "
    "...\n"
    "== != < <= > >= in, not in, ~ (contains), and or not, exists(path); paths with dots and [n].\n"
    "What is missing or null is neither equal nor unequal to anything but null.";

void add_tap(Program& program) {
  auto arguments = std::make_shared<TapArguments>();
  auto& command =
      program.add("tap", "Print what flows through a topic or leaves a step, a line each",
                  [arguments] { return tap_command(*arguments); });
  command.footer(tap::catalogue_text() + kAboutWhere);
  std::string names;
  for (const auto& stream : tap::streams())
    names += (names.empty() ? "" : ",") + std::string(stream.name);
  for (const auto& step : tap::steps()) names += ',' + std::string(step.name);
  command
      .add_option("stream", arguments->stream, "A topic by what flows in it, or a step: see below")
      ->type_name('{' + names + '}')
      ->capture_default_str();
  Program::add_config(command, arguments->config);
  command.add_option("-n,--count", arguments->count, "Stop after so many records");
  command.add_flag("--from-beginning", arguments->from_beginning,
                   "From the first record instead of from now on");
  command.add_flag("-e,--exit", arguments->until_end, "Stop at the end of the topic");
  command.add_option("--key", arguments->key, "Only records with this key (a user id)");
  command.add_option("--where", arguments->where, "Only records for which this condition holds")
      ->type_name("CONDITION");
  Program::add_json(command, arguments->json,
                    "One object a record: topic, partition, offset, time, key, headers and value");
}

void add_explain(Program& program) {
  auto arguments = std::make_shared<ExplainArguments>();
  auto& command = program.add(
      "explain", "One decision in words, made again from its record: identical, or what differs",
      [arguments] {
        if (arguments->verdicts.empty() != arguments->features.empty())
          throw CLI::ValidationError("--verdicts and --features go together");
        return explain_command(*arguments);
      });
  command.footer(
      "Exit code 0: the configured model and prices give the same bits again. 65: they do not, or "
      "there is no such verdict. The topics are searched from their end; each step reads more.");
  command.add_option("id", arguments->id, "A verdict_id or transaction_id")->required();
  Program::add_config(command, arguments->config);
  command
      .add_option("--verdicts", arguments->verdicts,
                  "Verdicts of `weir replay` instead of the topic")
      ->check(CLI::ExistingFile);
  command.add_option("--features", arguments->features, "Its --features-out")
      ->check(CLI::ExistingFile);
  Program::add_json(command, arguments->json, "As one JSON object");
}

}  // namespace

void add_record_commands(Program& program) {
  add_tap(program);
  add_explain(program);
}

}  // namespace weir::cli
