#include "pipeline/runtime_settings.h"

#include "operators/dedupe.h"
#include "operators/features/feature_engine.h"

namespace weir {

kafka::Connection connection(const config::Config& config) {
  return {config.kafka.brokers, config.kafka.properties};
}

kafka::StreamTopics stream_topics(const config::Config& config) {
  kafka::StreamTopics topics;
  topics[static_cast<std::size_t>(Stream::kVerdicts)] = config.topics.verdicts;
  topics[static_cast<std::size_t>(Stream::kFeatures)] = config.topics.features;
  topics[static_cast<std::size_t>(Stream::kDeadLetters)] = config.topics.dead_letters;
  topics[static_cast<std::size_t>(Stream::kChangelog)] = config.topics.state;
  topics[static_cast<std::size_t>(Stream::kMetrics)] = config.topics.metrics;
  return topics;
}

Result<state::UserStoreOptions> store_options(const config::Config& config,
                                              const std::string& cluster_id) {
  state::UserStoreOptions options;
  options.identity = {cluster_id, config.topics.state, 0};
  options.retention = operators::retention(config.operators);
  options.hot_bytes = config.state.hot_bytes / config.workers;
  auto windows = operators::user_window_plan(config.operators);
  if (!windows) return windows.error();
  options.windows = *std::move(windows);
  return options;
}

WorkerOptions worker_options(const config::Config& config) {
  WorkerOptions options;
  options.operators = config.operators;
  options.exactly_once = config.delivery == config::Delivery::kExactlyOnce;
  options.pacing.interval = config.commit.interval;
  options.pacing.settle =
      options.exactly_once ? config.commit.settle : std::chrono::milliseconds(0);
  options.pacing.records_max = config.commit.records_max;
  options.batch_records_max = config.batch.records_max;
  options.hot_bytes = config.state.hot_bytes / config.workers;
  options.write_back_interval = config.state.write_back_interval;
  return options;
}

replay::ReplayOptions replay_options(const config::Config& config) {
  replay::ReplayOptions options;
  options.partitions = static_cast<std::int32_t>(config.topics.partitions);
  options.operators = config.operators;
  options.retention = operators::retention(config.operators);
  return options;
}

}  // namespace weir
