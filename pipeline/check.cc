// weir check: is this configuration right, and would it start?

#include <fmt/core.h>

#include "pipeline/config/describe.h"
#include "pipeline/exit_code.h"
#include "pipeline/kafka/cluster.h"
#include "pipeline/open_scorer.h"
#include "pipeline/runtime_settings.h"

namespace weir {

int keys_command() {
  fmt::print("{}", config::list_keys());
  return kExitOk;
}

int check_command(const ConfigSource& source, bool resolved, bool offline) {
  const auto loaded = load_or_complain(source);
  if (!loaded) return kExitConfig;
  const auto& config = loaded->config;
  if (resolved) {
    fmt::print("{}", config::dump_resolved(*loaded));
    return kExitOk;
  }
  if (const auto scorer = open_scorer(config); !scorer) return report(scorer.error(), kExitConfig);
  if (!offline) {
    const auto cluster = kafka::Cluster::connect(connection(config));
    if (!cluster) return report(cluster.error(), kExitConfig);
    const auto id = cluster->id();
    if (!id) return report(id.error(), kExitUnavailable);
    const auto input = cluster->partitions(config.topics.transactions);
    if (!input) return report(input.error(), kExitUnavailable);
    if (!input->has_value() && !config.topics.create) {
      fmt::print(stderr, "weir: there is no topic {}; create it, or set topics.create: true\n",
                 config.topics.transactions);
      return kExitUnavailable;
    }
  }
  fmt::print("{}", config::describe(config));
  return kExitOk;
}

}  // namespace weir
