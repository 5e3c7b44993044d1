#pragma once
// The command line while it is declared: each group of commands adds itself (one file a group), and
// keeps its arguments alive in the callbacks it hands over.

#include <functional>
#include <string>

#include <CLI/CLI.hpp>

#include "pipeline/commands.h"

namespace weir::cli {

class Program {
 public:
  /// `code` becomes the exit code of the command that runs. Both must outlive the parse.
  Program(CLI::App& app, int& code) : app_(app), code_(code) {}

  CLI::App& add(const std::string& name, const std::string& about, std::function<int()> start,
                CLI::App* below = nullptr) {
    CLI::App& command = *(below == nullptr ? &app_ : below)->add_subcommand(name, about);
    command.callback([&code = code_, start = std::move(start)] { code = start(); });
    return command;
  }
  /// A command that only has commands below it.
  CLI::App& add_group(const std::string& name, const std::string& about) {
    CLI::App& group = *app_.add_subcommand(name, about);
    group.require_subcommand(1);
    return group;
  }
  /// --config and --set.
  static void add_config(CLI::App& command, ConfigSource& source, bool required = true) {
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
  /// --json, which every command has whose answer a program could read. `about` says what its JSON
  /// is.
  static void add_json(CLI::App& command, bool& json, const std::string& about = "As JSON") {
    command.add_flag("--json", json, about);
  }
  /// The same where the answer is JSON with or without it.
  static void add_json(CLI::App& command) {
    const std::string about = "What it prints anyway";
    command.add_flag("--json", about);
  }

 private:
  CLI::App& app_;
  int& code_;
};

/// tap, explain: what flows, and one decision of it.
void add_record_commands(Program& program);
/// test.
void add_case_commands(Program& program);
/// top.
void add_watch_commands(Program& program);
/// dead-letters list, dead-letters replay.
void add_dead_letter_commands(Program& program);

}  // namespace weir::cli
