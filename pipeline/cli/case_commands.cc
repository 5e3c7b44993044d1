#include <memory>

#include "pipeline/cli/program.h"

namespace weir::cli {
namespace {

constexpr const char* kAboutCases =
    "A file of cases:\n"
    "  config: handbook.yaml\n"
    "  cases:\n"
    "    - name: five times the usual amount is looked at\n"
    "      now: 2018-06-11T10:00:00Z\n"
    "      events:\n"
    "        - {payment: {user: U1, amount: 12.50}, times: 10, every: 1d}\n"
    "        - payment: {user: U1, amount: 62.50}\n"
    "          expect: {action: approve, reasons: [amount_high], where: risk.fraud.p < 0.5}\n"
    "      state: {U1: history_rows == 11}\n"
    "Events are payment, label ({of: t1, fraud: true}), record ({key, value}) and advance (2h). Of "
    "an "
    "event are expected: dead_letter, detail, reasons (codes), features (declared, by name), p "
    "({from, "
    "to}), where (as in `weir tap --help`), and any field of the verdict. "
    "configs/handbook.tests.yaml has more. Exit code 0: all passed; 65: not.";

}  // namespace

void add_case_commands(Program& program) {
  auto arguments = std::make_shared<TestArguments>();
  auto& command = program.add(
      "test", "Cases in YAML: events in, expected verdicts; no broker needed", [arguments] {
        if (arguments->schema) return case_schema_command();
        if (arguments->files.empty()) throw CLI::RequiredError("files");
        return test_command(*arguments);
      });
  command.footer(kAboutCases);
  command.add_option("files", arguments->files, "Files of cases")->check(CLI::ExistingFile);
  Program::add_config(command, arguments->config, false);
  command.add_option("--only", arguments->only, "Only cases with this in their name");
  command.add_option("--format", arguments->format, "text, json (a line each) or junit")
      ->check(CLI::IsMember({"text", "json", "junit"}))
      ->capture_default_str();
  command.add_flag_callback(
      "--json", [arguments] { arguments->format = "json"; }, "The same as --format json");
  command.add_flag("--schema", arguments->schema,
                   "Print the JSON Schema of files of cases, for editors, and leave");
}

}  // namespace weir::cli
