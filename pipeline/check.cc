// weir check, init, explain-config: is this configuration right, and would it start?

#include <cerrno>
#include <cstdio>
#include <optional>
#include <system_error>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "pipeline/config/describe.h"
#include "pipeline/config/diagnostic_formats.h"
#include "pipeline/config/schema.h"
#include "pipeline/config/starter.h"
#include "pipeline/exit_code.h"
#include "pipeline/json_result.h"
#include "pipeline/kafka/cluster.h"
#include "pipeline/open_scorer.h"
#include "pipeline/registry/verdict_schema.h"
#include "pipeline/runtime_settings.h"
#include "pipeline/version.h"

namespace weir {
namespace {

constexpr std::string_view kMend = "mend that and run `weir check` again";

/// What is wrong behind a configuration that reads well.
struct Refusal {
  Error error;
  int code = kExitConfig;
};

/// Beside what every instance needs: a console writes what analysts decide. `notes` gets a line
/// that says how the topics for it are; partition p of labels is of the users of the payments' p.
std::optional<Refusal> refusal_of_console(const config::Config& config,
                                          const kafka::Cluster& cluster,
                                          std::int32_t payment_partitions, std::string& notes) {
  const std::string& labels = config.topics.labels;
  const std::string& audit = config.topics.audit;
  std::string missing;
  for (const std::string& topic : {labels, audit}) {
    const auto found = cluster.partitions(topic);
    if (!found) return Refusal{found.error(), kExitUnavailable};
    if (!*found) missing += (missing.empty() ? "" : " and ") + topic;
    if (topic == labels && found->value_or(payment_partitions) != payment_partitions) {
      return Refusal{fatal(
          fmt::format("topic {} has {} partitions and topic {} has {}: they must have equally many",
                      labels, **found, config.topics.transactions, payment_partitions))};
    }
  }
  if (!missing.empty() && !config.topics.create) {
    return Refusal{
        retry(fmt::format("there is no topic {}: the console (console.listen) writes to {} and {} "
                          "what analysts decide; create it (deploy/topics/weir-topics does), or "
                          "set topics.create: true",
                          missing, labels, audit)),
        kExitUnavailable};
  }
  notes = missing.empty() ? fmt::format("topics {} and {} are there", labels, audit)
                          : fmt::format("made at start: topic {}", missing);
  return std::nullopt;
}

std::optional<Refusal> refusal_of_broker(const config::Config& config, std::string& notes) {
  const auto cluster = kafka::Cluster::connect(connection(config));
  if (!cluster) return Refusal{cluster.error()};
  const auto id = cluster->id();
  if (!id) return Refusal{id.error(), kExitUnavailable};
  const auto input = cluster->partitions(config.topics.transactions);
  if (!input) return Refusal{input.error(), kExitUnavailable};
  if (!*input && !config.topics.create) {
    return Refusal{retry(fmt::format("there is no topic {}; create it, or set topics.create: true",
                                     config.topics.transactions)),
                   kExitUnavailable};
  }
  if (config.console.listen.empty()) return std::nullopt;
  const auto partitions = input->value_or(static_cast<std::int32_t>(config.topics.partitions));
  return refusal_of_console(config, *cluster, partitions, notes);
}

std::optional<Refusal> refusal_of_registry(const config::Config& config) {
  if (config.registry.urls.empty()) return std::nullopt;
  registry::RegistryClient client(registry_options(config));
  if (const auto there = client.check(); !there) return Refusal{there.error(), kExitUnavailable};
  if (config.operators.verdicts == operators::VerdictFormat::kJson) return std::nullopt;
  const auto fits = registry::check_verdict_schema(
      client, verdict_subject(config), config.operators.verdicts, config.registry.auto_register);
  if (fits) return std::nullopt;
  return Refusal{fits.error()};
}

/// `notes`: what the broker says of the console, in a line; may stay empty.
std::optional<Refusal> refusal(const config::Config& config, bool offline, std::string& notes) {
  if (const auto scorer = open_scorer(config); !scorer) return Refusal{scorer.error()};
  if (offline) return std::nullopt;
  if (auto refused = refusal_of_broker(config, notes)) return refused;
  return refusal_of_registry(config);
}

/// An error as a finding: the remedy is the next step.
config::Diagnostic finding(const std::string& file, const Error& error) {
  const auto end = error.message.rfind("; ");
  return {file, {}, error.message.substr(0, end), error.message.substr(end + 2)};
}

/// For programs: findings on stdout, nothing else. What the model or the broker says is one, too.
int check_for_programs(const CheckArguments& arguments) {
  const std::string& file = arguments.config.file;
  auto loaded = config::load_config(file, arguments.config.set);
  int code = loaded.ok() ? kExitOk : kExitConfig;
  if (loaded.ok()) {
    std::string notes;
    if (const auto refused = refusal(loaded.config, arguments.offline, notes)) {
      loaded.diagnostics.push_back(finding(file, with_next_step(refused->error, kMend)));
      code = refused->error.kind == ErrorKind::kRetry ? kExitUnavailable : refused->code;
    }
  }
  fmt::print("{}", arguments.format == "json"
                       ? config::findings_as_json(loaded)
                       : config::findings_as_sarif(loaded.diagnostics, kVersion));
  return code;
}

}  // namespace

int keys_command(bool json) {
  fmt::print("{}", json ? config::keys_as_json() : config::list_keys());
  return kExitOk;
}

int schema_command() {
  fmt::print("{}", config::json_schema());
  return kExitOk;
}

int explain_config_command(const ConfigSource& source, bool json) {
  const auto loaded = load_or_complain(source);
  if (!loaded) return kExitConfig;
  fmt::print("{}", json ? config::resolved_as_json(*loaded) : config::dump_resolved(*loaded));
  return kExitOk;
}

int init_command(const std::string& file, bool json) {
  if (file == "-") {
    if (json) return both_on_stdout("a file");
    fmt::print("{}", config::starter());
    return kExitOk;
  }
  std::FILE* out = std::fopen(file.c_str(), "wxe");  // x: never over what is there
  if (out == nullptr) {
    const std::error_code why(errno, std::generic_category());
    fmt::print(stderr, "weir: {}: {}; name another file, or - to print it\n", file, why.message());
    return kExitData;
  }
  const bool written = std::fputs(config::starter().c_str(), out) >= 0;
  if (std::fclose(out) != 0 || !written) {
    fmt::print(stderr, "weir: {} could not be written; is the disk full?\n", file);
    return kExitData;
  }
  const std::string next = fmt::format("weir check --offline --config {}", file);
  if (json) {
    print_json({{"file", file}, {"next", next}});
  } else {
    fmt::print("{} is written. Next: {}\n", file, next);
  }
  return kExitOk;
}

int version_command(bool json) {
  if (json) {
    print_json({{"name", "weir"}, {"version", kVersion}, {"revision", kRevision}});
  } else {
    fmt::print("weir {} ({})\n", kVersion, kRevision);
  }
  return kExitOk;
}

int check_command(const CheckArguments& arguments) {
  if (arguments.format != "text") return check_for_programs(arguments);
  const auto loaded = load_or_complain(arguments.config);
  if (!loaded) return kExitConfig;
  std::string notes;
  if (const auto refused = refusal(loaded->config, arguments.offline, notes)) {
    return report(refused->error, refused->code, kMend);
  }
  fmt::print("{}", config::describe(loaded->config));
  if (!notes.empty()) fmt::print("            {}\n", notes);
  return kExitOk;
}

}  // namespace weir
