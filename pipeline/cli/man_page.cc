#include "pipeline/cli/man_page.h"

#include <fmt/format.h>

namespace weir::cli {
namespace {

/// A dot or a quote at the start of a line would be a macro, a backslash an escape, and a minus a
/// hyphen that cannot be searched for.
std::string plain(std::string_view text) {
  std::string result;
  bool at_start = true;
  for (const char c : text) {
    if (at_start && (c == '.' || c == '\'')) result += "\\&";
    at_start = c == '\n';
    if (c == '\\') {
      result += "\\e";
    } else if (c == '-') {
      result += "\\-";
    } else {
      result += c;
    }
  }
  return result;
}

std::string option_line(const Option& option) {
  std::string line;
  for (const std::string& name : option.names) {
    line += fmt::format("{}\\fB{}\\fR", line.empty() ? "" : ", ", plain(name));
  }
  if (!option.value_name.empty()) {
    line += fmt::format("{}\\fI{}\\fR", line.empty() ? "" : " ", plain(option.value_name));
  }
  return line;
}

std::string synopsis(const Command& command) {
  std::string text;
  for (const Option& option : command.options) {
    if (option.names.empty()) text += fmt::format(" \\fI{}\\fR", plain(option.value_name));
    if (!option.names.empty() && option.required) {
      text += fmt::format(" \\fB{}\\fR \\fI{}\\fR", plain(option.names.back()),
                          plain(option.value_name));
    }
  }
  return text;
}

void write(const Command& command, const std::string& path, std::string& page) {
  page +=
      fmt::format(".SS \\fB{}\\fR{}\n{}\n", plain(path), synopsis(command), plain(command.about));
  if (!command.details.empty()) page += fmt::format(".PP\n.nf\n{}\n.fi\n", plain(command.details));
  for (const Option& option : command.options) {
    page += fmt::format(".TP\n{}\n{}\n", option_line(option), plain(option.help));
  }
  for (const Command& inner : command.commands) write(inner, path + " " + inner.name, page);
}

}  // namespace

std::string man_page(const Command& program, std::string_view version) {
  std::string page = fmt::format(
      ".TH WEIR 1 \"\" \"weir {}\" \"Weir\"\n"
      ".SH NAME\nweir \\- streaming fraud decisions: one verdict for each payment\n"
      ".SH SYNOPSIS\n\\fBweir\\fR \\fICOMMAND\\fR [\\fIOPTIONS\\fR]\n"
      ".SH DESCRIPTION\n.nf\n{}\n.fi\n.SH COMMANDS\n",
      plain(version), plain(program.about));
  for (const Command& command : program.commands) write(command, "weir " + command.name, page);
  page +=
      ".SH EXIT STATUS\n"
      ".TP\n0\nAll went well.\n"
      ".TP\n64\nThe command line is wrong.\n"
      ".TP\n65\nAn input file or a stored state is wrong.\n"
      ".TP\n69\nBroker, topic or identity is not to be had; a restart later may help.\n"
      ".TP\n70\nA broken invariant: please report it.\n"
      ".TP\n78\nConfiguration or model package is refused.\n"
      ".SH ENVIRONMENT\nWhat the configuration names as ${NAME}.\n"
      ".TP\n\\fBWEIR_CPU\\fR\nscalar, avx2 or avx512: which kernels to use. The bits are the "
      "same.\n";
  return page;
}

}  // namespace weir::cli
