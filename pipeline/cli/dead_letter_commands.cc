#include <memory>

#include <fmt/format.h>

#include "pipeline/cli/program.h"
#include "pipeline/telemetry/worker_metrics.h"

namespace weir::cli {
namespace {

constexpr const char* kAboutReplay =
    "Each record goes back to its own topic and partition with its own key, headers and bytes, and "
    "the header weir-replayed-from, which names its dead letter. Left out, and counted: what is "
    "not "
    "whole any more (oversize, masked card numbers), poison unless --reason poison asks for it, "
    "and "
    "what the target topic holds as replayed already. A card number in a header was masked without "
    "a "
    "trace, and stays so. Do not run two at the same time: neither sees the other.";

void add_filter(CLI::App& command, DeadLetterFilter& filter) {
  command
      .add_option("--reason", filter.reasons,
                  fmt::format("Only with this reason (repeatable, or a list with commas): {}",
                              fmt::join(telemetry::kRejectReasonNames, ", ")))
      ->delimiter(',')
      ->allow_extra_args(false);
  command.add_option("--topic", filter.topic,
                     "Only from this topic: transactions, labels, entities, or its name");
  command.add_option("--since", filter.since,
                     "Only written since: 2h, 7d, or a moment such as 2026-01-31T08:00:00Z");
}

}  // namespace

void add_dead_letter_commands(Program& program) {
  auto& group = program.add_group("dead-letters", "What was refused: look at it, send it again");
  auto of_list = std::make_shared<DeadLettersListArguments>();
  auto& list = program.add(
      "list", "Refused records by reason and origin, the newest last",
      [of_list] { return dead_letters_list_command(*of_list); }, &group);
  Program::add_config(list, of_list->config);
  add_filter(list, of_list->filter);
  list.add_option("-n,--count", of_list->count, "The newest so many")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  list.add_flag("--summary", of_list->summary, "Counts by reason and topic instead");
  Program::add_json(list, of_list->json, "One JSON object a line, with key, headers and value");

  auto of_replay = std::make_shared<DeadLettersReplayArguments>();
  auto& replay = program.add(
      "replay", "Send refused records to their topic again; says what it would do without --yes",
      [of_replay] { return dead_letters_replay_command(*of_replay); }, &group);
  replay.footer(kAboutReplay);
  Program::add_config(replay, of_replay->config);
  add_filter(replay, of_replay->filter);
  replay.add_option("-n,--count", of_replay->count, "At most so many");
  replay.add_flag("--yes", of_replay->yes, "Send them");
  Program::add_json(replay, of_replay->json, "The outcome as one JSON object");
}

}  // namespace weir::cli
