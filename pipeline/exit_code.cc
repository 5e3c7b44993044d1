#include "pipeline/exit_code.h"

#include <cstdio>

#include <fmt/core.h>

#include "pipeline/telemetry/log.h"

namespace weir {

Error with_next_step(Error error, std::string_view next) {
  if (!next.empty() && error.message.find("; ") == std::string::npos)
    error.message += fmt::format("; {}", next);
  return error;
}

int report(const Error& error, int fatal_code, std::string_view next) {
  fmt::print(stderr, "weir: {}\n", with_next_step(error, next).message);
  return error.kind == ErrorKind::kRetry ? kExitUnavailable : fatal_code;
}

int both_on_stdout(std::string_view instead) {
  fmt::print(stderr, "weir: --json and - both ask for standard output; name {} instead of -\n",
             instead);
  return kExitUsage;
}

std::optional<config::Loaded> load_or_complain(const ConfigSource& source) {
  auto loaded = config::load_config(source.file, source.set);
  for (const auto& diagnostic : loaded.diagnostics)
    fmt::print(stderr, "{}\n", config::to_string(diagnostic));
  if (!loaded.ok()) return std::nullopt;
  configure_log(loaded.config.log_level, loaded.config.log_format);
  return loaded;
}

}  // namespace weir
