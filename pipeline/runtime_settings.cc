#include "pipeline/runtime_settings.h"

#include <algorithm>

#include "operators/dedupe.h"
#include "operators/features/feature_engine.h"

namespace weir {

kafka::Connection connection(const config::Config& config) {
  return {config.kafka.brokers, config.kafka.properties, config.kafka.group_id};
}

registry::RegistryOptions registry_options(const config::Config& config) {
  const auto& from = config.registry;
  return {.urls = from.urls,
          .user = from.user,
          .password = from.password,
          .bearer_token = from.bearer_token,
          .ca_file = from.ca_certificates.native(),
          .timeout = from.timeout};
}

std::string verdict_subject(const config::Config& config) {
  return config.topics.verdicts + "-value";
}

kafka::StreamTopics stream_topics(const config::Config& config) {
  kafka::StreamTopics topics;
  topics[static_cast<std::size_t>(Stream::kVerdicts)] = config.topics.verdicts;
  topics[static_cast<std::size_t>(Stream::kFeatures)] = config.topics.features;
  topics[static_cast<std::size_t>(Stream::kDeadLetters)] = config.topics.dead_letters;
  topics[static_cast<std::size_t>(Stream::kChangelog)] = config.topics.state;
  topics[static_cast<std::size_t>(Stream::kMetrics)] = config.topics.metrics;
  topics[static_cast<std::size_t>(Stream::kEntities)] = config.topics.entities;
  topics[static_cast<std::size_t>(Stream::kProfiles)] = config.topics.entity_profiles;
  return topics;
}

namespace {

state::UserStoreOptions options_of_store(const config::Config& config,
                                         const std::string& cluster_id,
                                         const std::string& changelog_topic,
                                         state::WindowPlans windows) {
  state::UserStoreOptions options;
  options.identity = {cluster_id, changelog_topic, 0};
  options.retention = operators::retention(config.operators);
  options.hot_bytes = hot_bytes_per_worker(config);
  options.windows = std::move(windows);
  return options;
}

}  // namespace

Result<state::UserStoreOptions> store_options(const config::Config& config,
                                              const std::string& cluster_id) {
  auto windows = operators::user_window_plan(config.operators);
  if (!windows) return windows.error();
  return options_of_store(config, cluster_id, config.topics.state, *std::move(windows));
}

WorkerOptions worker_options(const config::Config& config) {
  WorkerOptions options;
  options.operators = config.operators;
  // Nobody would see the traces that begin here.
  options.operators.trace_ratio = config.tracing.endpoint.empty() ? 0 : config.tracing.ratio;
  options.exactly_once = config.delivery == config::Delivery::kExactlyOnce;
  options.pacing.interval = config.commit.interval;
  options.pacing.settle =
      options.exactly_once ? config.commit.settle : std::chrono::milliseconds(0);
  options.pacing.records_max = config.commit.records_max;
  options.batch_records_max = config.batch.records_max;
  options.hot_bytes = hot_bytes_per_worker(config);
  options.write_back_interval = config.state.write_back_interval;
  return options;
}

bool needs_entities(const config::Config& config) {
  if (config.operators.history.merchant_rows > 0) return true;
  return std::ranges::any_of(config.operators.features, [](const auto& declared) {
    const auto* over = std::get_if<state::FeatureDeclaration>(&declared.source);
    return over != nullptr && over->entity != state::EntityKind::kUser;
  });
}

std::size_t hot_bytes_per_worker(const config::Config& config) {
  const auto entities = needs_entities(config) ? config.entities.workers : 0;
  return config.state.hot_bytes / (config.workers + entities);
}

std::string entity_group(const config::Config& config) {
  return config.kafka.group_id + "-entities";
}

std::filesystem::path entity_directory(const config::Config& config) {
  return config.state.dir / "entities";
}

kafka::StreamTopics entity_stream_topics(const config::Config& config) {
  auto topics = stream_topics(config);
  topics[static_cast<std::size_t>(Stream::kChangelog)] = config.topics.entity_state;
  return topics;
}

Result<state::UserStoreOptions> entity_store_options(const config::Config& config,
                                                     const std::string& cluster_id) {
  auto windows = operators::entity_window_plans(config.operators);
  if (!windows) return windows.error();
  auto options =
      options_of_store(config, cluster_id, config.topics.entity_state, *std::move(windows));
  options.kind_of = EntityPath::kind_of;
  return options;
}

Result<WorkerOptions> entity_worker_options(const config::Config& config,
                                            const operators::ProfileSource* known) {
  auto plans = operators::entity_window_plans(config.operators);
  if (!plans) return plans.error();
  WorkerOptions options = worker_options(config);
  options.operators.input_topic = config.topics.entities;
  options.entities =
      EntityStage{config.topics.entities, *std::move(plans), config.entities.refresh, known};
  return options;
}

replay::ReplayOptions replay_options(const config::Config& config) {
  replay::ReplayOptions options;
  options.partitions = static_cast<std::int32_t>(config.topics.partitions);
  options.operators = config.operators;
  // Files hold lines of JSON, whatever the topics do; a mapping holds for them as well.
  options.operators.transactions.format = operators::InputFormat::kJson;
  options.operators.labels.format = operators::InputFormat::kJson;
  options.operators.verdicts = operators::VerdictFormat::kJson;
  options.retention = operators::retention(config.operators);
  return options;
}

}  // namespace weir
