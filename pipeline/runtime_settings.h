#pragma once
// From configuration to the settings of the parts that run, for live and replay alike.

#include <filesystem>
#include <string>

#include "pipeline/config/config.h"
#include "pipeline/kafka/connection.h"
#include "pipeline/kafka/kafka_output.h"
#include "pipeline/registry/registry_client.h"
#include "pipeline/replay/replay.h"
#include "pipeline/worker.h"
#include "state/user_store.h"

namespace weir {

/// What the registry section says; urls may be empty: there is none.
registry::RegistryOptions registry_options(const config::Config& config);
/// Where the schema of verdicts is registered: the topic's name and "-value", as stock clients
/// expect.
std::string verdict_subject(const config::Config& config);
kafka::Connection connection(const config::Config& config);
kafka::StreamTopics stream_topics(const config::Config& config);
Result<state::UserStoreOptions> store_options(const config::Config& config,
                                              const std::string& cluster_id);
WorkerOptions worker_options(const config::Config& config);

/// The same for stage "entities". Topics, group and folder are its own.
kafka::StreamTopics entity_stream_topics(const config::Config& config);
Result<state::UserStoreOptions> entity_store_options(const config::Config& config,
                                                     const std::string& cluster_id);
Result<WorkerOptions> entity_worker_options(const config::Config& config,
                                            const operators::ProfileSource* known);
/// Features over entities other than users are declared, or rows of merchants are kept.
bool needs_entities(const config::Config& config);
std::string entity_group(const config::Config& config);
std::filesystem::path entity_directory(const config::Config& config);
/// Bytes of state kept at hand by each worker of either stage.
std::size_t hot_bytes_per_worker(const config::Config& config);
replay::ReplayOptions replay_options(const config::Config& config);

}  // namespace weir
