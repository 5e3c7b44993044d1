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
}

}  // namespace

void add_record_commands(Program& program) {
  add_tap(program);
}

}  // namespace weir::cli
