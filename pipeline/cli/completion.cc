#include "pipeline/cli/completion.h"

#include <functional>

#include <fmt/format.h>

namespace weir::cli {
namespace {

/// Calls `visit` for every command with its path: "" of the program, "/state/get".
void each_command(const Command& command, const std::string& path,
                  const std::function<void(const Command&, const std::string&)>& visit) {
  visit(command, path);
  for (const Command& inner : command.commands) {
    each_command(inner, path + "/" + inner.name, visit);
  }
}

/// The text between single quotes; `quote` is how a quote itself is written there.
std::string quoted(std::string_view text, std::string_view quote) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'') {
      result += quote;
    } else {
      result += c;
    }
  }
  return result + "'";
}

std::string words(const std::vector<std::string>& list) {
  return fmt::format("{}", fmt::join(list, " "));
}

/// Lines that follow the words typed so far to the command they name; bash and zsh read them alike.
std::string path_cases(const Command& program) {
  std::string text;
  each_command(program, "", [&](const Command&, const std::string& path) {
    if (!path.empty()) text += fmt::format("      {0}) command={0} ;;\n", path);
  });
  return text;
}

/// "/run:-c|/run:--config"
std::string before_value(const std::string& path, const Option& option) {
  std::string text;
  for (const std::string& name : option.names) {
    text += fmt::format("{}{}:{}", text.empty() ? "" : "|", path, name);
  }
  return text;
}

/// What may stand behind the options of all commands, as cases of a shell; `answer` says it for
/// one.
std::string value_cases(const Command& program,
                        const std::function<std::string(const Option&)>& answer) {
  std::string text;
  each_command(program, "", [&](const Command& command, const std::string& path) {
    for (const Option& option : command.options) {
      if (option.kind == ValueKind::kNone || option.names.empty()) continue;
      text += fmt::format("    {}) {}return ;;\n", before_value(path, option), answer(option));
    }
  });
  return text;
}

std::string bash(const Command& program) {
  const auto value = [](const Option& option) -> std::string {
    if (option.kind == ValueKind::kFile) return R"(COMPREPLY=($(compgen -f -- "$cur")); )";
    if (option.kind == ValueKind::kText) return "";
    return fmt::format("COMPREPLY=($(compgen -W '{}' -- \"$cur\")); {}", words(option.choices),
                       option.kind == ValueKind::kStart ? "compopt -o nospace; " : "");
  };
  std::string text =
      "# bash completion of weir, made by: weir completion bash\n"
      "_weir() {\n"
      "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command= word\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    case \"$command/$word\" in\n" +
      path_cases(program) +
      "    esac\n"
      "  done\n"
      "  case \"$command:$prev\" in\n" +
      value_cases(program, value) +
      "  esac\n"
      "  case \"$command\" in\n";
  each_command(program, "", [&](const Command& command, const std::string& path) {
    std::vector<std::string> list;
    bool takes_file = false;
    for (const Command& inner : command.commands) list.push_back(inner.name);
    for (const Option& option : command.options) {
      const auto& more = option.names.empty() ? option.choices : option.names;
      list.insert(list.end(), more.begin(), more.end());
      takes_file = takes_file || (option.names.empty() && option.kind == ValueKind::kFile);
    }
    text += fmt::format("    {}) COMPREPLY=($(compgen {}-W '{}' -- \"$cur\")) ;;\n",
                        path.empty() ? "''" : path, takes_file ? "-f " : "", words(list));
  });
  return text + "  esac\n}\ncomplete -o filenames -F _weir weir\n";
}

std::string zsh(const Command& program) {
  const auto value = [](const Option& option) -> std::string {
    if (option.kind == ValueKind::kFile) return "_files; ";
    if (option.kind == ValueKind::kText) return "";
    return fmt::format("compadd {}-- {}; ", option.kind == ValueKind::kStart ? "-S '' " : "",
                       words(option.choices));
  };
  const auto item = [](std::string_view name, std::string_view help) {
    std::string escaped;
    for (const char c : name) escaped += c == ':' ? std::string("\\:") : std::string(1, c);
    return " " + quoted(fmt::format("{}:{}", escaped, help), "'\\''");
  };
  std::string text =
      "#compdef weir\n"
      "# zsh completion of weir, made by: weir completion zsh\n"
      "_weir() {\n"
      "  local command= word\n"
      "  local -a list\n"
      "  for word in ${words[2,CURRENT-1]}; do\n"
      "    case \"$command/$word\" in\n" +
      path_cases(program) +
      "    esac\n"
      "  done\n"
      "  case \"$command:${words[CURRENT-1]}\" in\n" +
      value_cases(program, value) +
      "  esac\n"
      "  case \"$command\" in\n";
  each_command(program, "", [&](const Command& command, const std::string& path) {
    std::string list;
    bool takes_file = false;
    for (const Command& inner : command.commands) list += item(inner.name, inner.about);
    for (const Option& option : command.options) {
      const auto& more = option.names.empty() ? option.choices : option.names;
      for (const std::string& name : more) list += item(name, option.help);
      takes_file = takes_file || (option.names.empty() && option.kind == ValueKind::kFile);
    }
    text += fmt::format("    {}) list=({}); _describe weir list{} ;;\n", path.empty() ? "''" : path,
                        list, takes_file ? "; _files" : "");
  });
  return text + "  esac\n}\n_weir \"$@\"\n";
}

std::string fish(const Command& program) {
  std::string text =
      "# fish completion of weir, made by: weir completion fish\n"
      "function __weir_at\n"
      "  set -l command ''\n"
      "  for word in (commandline -opc)[2..-1]\n"
      "    switch \"$command/$word\"\n"
      "      case";
  each_command(program, "", [&](const Command&, const std::string& path) {
    if (!path.empty()) text += " " + path;
  });
  text +=
      "\n        set command \"$command/$word\"\n"
      "    end\n"
      "  end\n"
      "  test \"$command\" = \"$argv[1]\"\n"
      "end\n"
      "complete -c weir -f\n";
  const auto help = [](std::string_view about) { return quoted(about, "\\'"); };
  each_command(program, "", [&](const Command& command, const std::string& path) {
    const std::string at = fmt::format("complete -c weir -n \"__weir_at '{}'\"", path);
    for (const Command& inner : command.commands) {
      text += fmt::format("{} -a {} -d {}\n", at, inner.name, help(inner.about));
    }
    for (const Option& option : command.options) {
      std::string line = at;
      for (const std::string& name : option.names) {
        line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      }
      if (option.kind == ValueKind::kFile) line += option.names.empty() ? " -F" : " -r -F";
      if (option.kind == ValueKind::kText && !option.names.empty()) line += " -x";
      if (!option.choices.empty()) {
        line += fmt::format("{} -a '{}'", option.names.empty() ? "" : " -x", words(option.choices));
      }
      text += fmt::format("{} -d {}\n", line, help(option.help));
    }
  });
  return text;
}

}  // namespace

std::string completion(const Command& program, std::string_view shell) {
  if (shell == "zsh") return zsh(program);
  if (shell == "fish") return fish(program);
  return bash(program);
}

}  // namespace weir::cli
