// weir test: cases in YAML, events in and verdicts out, through the real worker without a broker.

#include <algorithm>
#include <chrono>
#include <memory>

#include <fmt/core.h>

#include "pipeline/cases/case_file.h"
#include "pipeline/cases/case_schema.h"
#include "pipeline/cases/report.h"
#include "pipeline/exit_code.h"
#include "pipeline/open_scorer.h"
#include "pipeline/runtime_settings.h"
#include "pipeline/telemetry/log.h"
#include "pipeline/terminal/style.h"

namespace weir {
namespace {

using Steady = std::chrono::steady_clock;

/// Runs the cases of one file. Returns an exit code that is not kExitOk when they could not be run.
int run_file(const std::string& name, const TestArguments& arguments,
             std::vector<cases::Ran>& ran) {
  std::vector<config::Diagnostic> diagnostics;
  const auto file = cases::read_case_file(name, diagnostics);
  for (const auto& diagnostic : diagnostics)
    fmt::print(stderr, "{}\n", config::to_string(diagnostic));
  if (!file) return kExitData;
  ConfigSource source = arguments.config;
  if (source.file.empty()) source.file = file->config;
  if (source.file.empty()) {
    fmt::print(stderr, "weir: {} names no configuration; give --config, or `config:` in it\n",
               name);
    return kExitUsage;
  }
  source.set.insert(source.set.begin(), file->set.begin(), file->set.end());
  const auto loaded = load_or_complain(source);
  if (!loaded) return kExitConfig;
  // The worker tells of its assignments: no news where every case has a worker of its own.
  configure_log(std::max(loaded->config.log_level, LogLevel::kWarn), loaded->config.log_format);
  auto scorer = open_scorer(loaded->config);
  if (!scorer) return report(scorer.error(), kExitConfig);
  const auto options = replay_options(loaded->config);
  for (const cases::Case& one : file->cases) {
    if (!arguments.only.empty() && one.name.find(arguments.only) == std::string::npos) continue;
    const auto started = Steady::now();
    auto result = cases::run_case(one, options, scorer->get());
    if (!result) return report(result.error(), kExitData, "the lines above say more");
    ran.push_back({name, one.name, one.place, *std::move(result),
                   std::chrono::duration<double>(Steady::now() - started).count()});
  }
  return kExitOk;
}

}  // namespace

int case_schema_command() {
  fmt::print("{}", cases::case_schema());
  return kExitOk;
}

int test_command(const TestArguments& arguments) {
  std::vector<cases::Ran> ran;
  for (const auto& file : arguments.files) {
    if (const int code = run_file(file, arguments, ran); code != kExitOk) return code;
  }
  if (ran.empty()) {
    fmt::print(stderr, "weir: no case has '{}' in its name; leave --only out to run all\n",
               arguments.only);
    return kExitUsage;
  }
  if (arguments.format == "json") {
    fmt::print("{}", cases::as_json(ran));
  } else if (arguments.format == "junit") {
    fmt::print("{}", cases::as_junit(ran));
  } else {
    fmt::print("{}", cases::as_text(ran, terminal::takes_colour(stdout)));
  }
  const bool failed =
      std::ranges::any_of(ran, [](const auto& one) { return !one.result.failures.empty(); });
  return failed ? kExitData : kExitOk;
}

}  // namespace weir
