#pragma once
// From configuration to the settings of the parts that run, for live and replay alike.

#include <string>

#include "pipeline/config/config.h"
#include "pipeline/kafka/connection.h"
#include "pipeline/kafka/kafka_output.h"
#include "pipeline/replay/replay.h"
#include "pipeline/worker.h"
#include "state/user_store.h"

namespace weir {

kafka::Connection connection(const config::Config& config);
kafka::StreamTopics stream_topics(const config::Config& config);
Result<state::UserStoreOptions> store_options(const config::Config& config,
                                              const std::string& cluster_id);
WorkerOptions worker_options(const config::Config& config);
replay::ReplayOptions replay_options(const config::Config& config);

}  // namespace weir
