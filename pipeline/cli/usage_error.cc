#include "pipeline/cli/usage_error.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "operators/card_number.h"
#include "pipeline/config/suggest.h"

namespace weir::cli {
namespace {

/// The command that was being read, and how it is called: "weir state get".
struct Reached {
  const CLI::App* command;
  std::string called;
};

Reached reached(const CLI::App& app) {
  Reached result{&app, app.get_name()};
  while (!result.command->get_subcommands().empty()) {
    result.command = result.command->get_subcommands().back();
    result.called += ' ' + result.command->get_name();
  }
  return result;
}

std::vector<std::string> commands_of(const CLI::App& command) {
  std::vector<std::string> names;
  for (const auto* inner : command.get_subcommands({})) names.push_back(inner->get_name());
  return names;
}

std::vector<std::string> long_options_of(const CLI::App& command) {
  std::vector<std::string> names;
  for (const auto* option : command.get_options({})) {
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

std::string before_equals(const std::string& word) {
  return operators::mask_card_numbers(word.substr(0, word.find('=')));
}

/// "-p" of "-psecret", "--password" of "--password=secret".
std::string option_name(const std::string& word) {
  return word.starts_with("--") ? before_equals(word) : word.substr(0, 2);
}

bool is_option(const std::string& word) {
  return word.size() > 1 && word.front() == '-';
}

std::string help_of(const Reached& at, std::string_view what) {
  return fmt::format("`{} --help` {}", at.called, what);
}

std::string suggestion(const Reached& at, const std::string& word,
                       const std::vector<std::string>& known) {
  const auto nearest = config::nearest(word, known);
  return nearest ? fmt::format("did you mean '{}'?", *nearest) : help_of(at, "lists them");
}

/// Words that nothing took, in their order. Among the words of a group a mistyped command comes
/// first, since the options behind it are that command's.
std::string unexpected(const Reached& at, const std::vector<std::string>& words) {
  const auto commands = commands_of(*at.command);
  const auto option = std::ranges::find_if(words, is_option);
  const auto word = std::ranges::find_if_not(words, is_option);
  if (word != words.end() && !commands.empty()) {
    const std::string name = before_equals(*word);
    return fmt::format("there is no command '{}'; {}", name, suggestion(at, name, commands));
  }
  if (option != words.end()) {
    const std::string name = option_name(*option);
    return fmt::format("there is no option '{}'; {}", name,
                       name.starts_with("--") ? suggestion(at, name, long_options_of(*at.command))
                                              : help_of(at, "lists them"));
  }
  const std::string name = before_equals(*word);
  if (name.size() < word->size() && at.command->get_option_no_throw("--set") != nullptr)
    return fmt::format("'{}=' stands alone; did you mean '--set {}=...'?", name, name);
  return fmt::format("{} too many; {}", words.size() == 1 ? "an argument" : "arguments",
                     help_of(at, "shows what it takes"));
}

/// What stands behind `mark` in `text`; nullopt: it is not there.
std::optional<std::string> behind(const std::string& text, std::string_view mark) {
  const auto at = text.find(mark);
  if (at == text.npos) return std::nullopt;
  return text.substr(at + mark.size());
}

/// "--config: File does not exist: weir.yaml" in our words.
std::optional<std::string> about_file(const std::string& said) {
  const std::string option = said.substr(0, said.find(':'));
  if (const auto file = behind(said, "File does not exist: ")) {
    return fmt::format("{}: there is no file {}; {}", option, *file,
                       option == "--config"
                           ? fmt::format("check the path, or let `weir init {}` write one", *file)
                           : "check the path");
  }
  if (const auto file = behind(said, "File is actually a directory: "))
    return fmt::format("{}: {} is a directory; name a file", option, *file);
  return std::nullopt;
}

std::string missing(const Reached& at, const std::string& what) {
  if (what == "A subcommand") {
    return fmt::format("a command is missing; one of {}",
                       fmt::join(commands_of(*at.command), ", "));
  }
  if (what == "--config")
    return "--config is missing; add --config FILE, which `weir init FILE` can write";
  return fmt::format("{} is missing; {}", what, help_of(at, "shows what it takes"));
}

std::string in_words(const Reached& at, const CLI::App& app, const CLI::ParseError& error) {
  const auto left = app.remaining(true);
  if (!left.empty()) return unexpected(at, left);
  const std::string said = error.what();
  constexpr std::string_view kRequired = " is required";
  if (said.ends_with(kRequired)) return missing(at, said.substr(0, said.size() - kRequired.size()));
  if (auto file = about_file(said)) return *file;
  if (said.ends_with(" missing"))
    return missing(at, fmt::format("a value of {}", said.substr(0, said.find(':'))));
  return fmt::format("{}; {}", said, help_of(at, "shows what it takes"));
}

}  // namespace

std::string usage_error(const CLI::App& app, const CLI::ParseError& error) {
  const Reached at = reached(app);
  return fmt::format("{}: {}\n", at.called, in_words(at, app, error));
}

}  // namespace weir::cli
