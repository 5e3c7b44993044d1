#include <memory>

#include "pipeline/cli/program.h"

namespace weir::cli {

void add_watch_commands(Program& program) {
  auto arguments = std::make_shared<TopArguments>();
  auto& command = program.add(
      "top", "Rate, lag and delay of running instances, step by step; q leaves", [arguments] {
        if (arguments->urls.empty() && arguments->config.file.empty())
          throw CLI::RequiredError("--config or --url");
        return top_command(*arguments);
      });
  command.footer(
      "Figures are of the time between two looks; p50 and p99 are upper bounds of the buckets of "
      "/metrics. MEAN and P99 of a step are of one batch. Of several instances every --url is "
      "one.");
  Program::add_config(command, arguments->config, false);
  command
      .add_option("--url", arguments->urls,
                  "An instance, HOST:PORT or http://... (repeatable); else the configuration's "
                  "admin.listen")
      ->allow_extra_args(false);
  command.add_option("--interval", arguments->interval_seconds, "Seconds between two looks")
      ->check(CLI::Range(0.1, 3'600.0))
      ->capture_default_str();
  command.add_flag("--once", arguments->once, "One look of one interval, and leave");
  Program::add_json(command, arguments->json, "One JSON object a look, a line each");
}

}  // namespace weir::cli
