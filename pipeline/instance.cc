#include "pipeline/instance.h"

#include <array>
#include <filesystem>

#include <fmt/core.h>

#include "pipeline/kafka/changelog_reader.h"
#include "pipeline/kafka/cluster.h"
#include "pipeline/kafka/kafka_input.h"
#include "pipeline/kafka/kafka_output.h"
#include "pipeline/kafka/log_sink.h"
#include "pipeline/open_scorer.h"
#include "pipeline/poison_guard.h"
#include "pipeline/runtime_settings.h"
#include "pipeline/stores.h"
#include "pipeline/telemetry/log.h"
#include "pipeline/version.h"
#include "pipeline/worker.h"

namespace weir {
namespace {

constexpr std::chrono::milliseconds kTurn{
    50};  // longest wait for input; bounds how late the stop flag is seen

void forward_kafka_log(int severity, std::string_view line) {
  const auto level = severity <= 4   ? LogLevel::kWarn
                     : severity <= 6 ? LogLevel::kInfo
                                     : LogLevel::kDebug;
  if (log_enabled(level)) log_line(level, line);
}

}  // namespace

Instance::Instance(const config::Config& config)
    : config_(config),
      health_(clock_, config.workers),
      exposition_({std::string(kVersion), std::string(kRevision)}, health_) {
  for (std::size_t i = 0; i < config_.workers; ++i) {
    metrics_.push_back(std::make_unique<telemetry::WorkerMetrics>());
    exposition_.add_worker(std::to_string(i), *metrics_.back());
  }
}

Instance::~Instance() {
  stop();
  for (auto& thread : threads_) thread.join();
}

Result<std::unique_ptr<Instance>> Instance::start(const config::Config& config) {
  kafka::set_log_sink(forward_kafka_log);
  std::unique_ptr<Instance> instance(new Instance(config));
  const auto address = telemetry::parse_listen_address(config.admin_listen);
  if (!address) {
    return fatal(
        fmt::format("admin.listen: '{}' is not an address; write 127.0.0.1:9464 or [::1]:9464",
                    config.admin_listen));
  }
  auto admin = telemetry::AdminServer::start(*address, instance->exposition_, instance->health_);
  if (!admin) return admin.error();
  instance->admin_ = *std::move(admin);
  WEIR_RETURN_IF_ERROR(instance->load_models());
  WEIR_RETURN_IF_ERROR(instance->prepare_topics());
  std::error_code error;
  std::filesystem::create_directories(config.state.dir, error);
  if (error) {
    return fatal(fmt::format("state.dir {} cannot be created: {}", config.state.dir.string(),
                             error.message()));
  }
  instance->running_ = config.workers;
  for (std::size_t i = 0; i < config.workers; ++i) {
    instance->threads_.emplace_back([self = instance.get(), i] { self->run_worker(i); });
  }
  return instance;
}

std::optional<Error> Instance::failure() const {
  const std::scoped_lock lock(failure_mutex_);
  return failure_;
}

telemetry::MetricsSnapshot Instance::snapshot() const {
  std::vector<const telemetry::WorkerMetrics*> workers;
  for (const auto& metrics : metrics_) workers.push_back(metrics.get());
  return telemetry::take_snapshot(workers, clock_.wall_ms());
}

Status Instance::load_models() {
  // Here and not in the workers: a refused package is a configuration error, said before anything
  // is joined.
  for (std::size_t i = 0; i < config_.workers; ++i) {
    auto scorer = open_scorer(config_);
    if (!scorer) return scorer.error();
    scorers_.push_back(*std::move(scorer));
  }
  if (scorers_.front()) {
    const auto& model = scorers_.front()->info();
    exposition_.set_model({model.name, model.version, model.digest});
    log_info("model {} {} ({})", model.name, model.version, model.digest);
  }
  return ok();
}

Status Instance::prepare_topics() {
  auto cluster = kafka::Cluster::connect(connection(config_));
  if (!cluster) return cluster.error();
  const auto id = cluster->id();
  if (!id) return id.error();
  cluster_id_ = *id;

  const auto replication = static_cast<std::int32_t>(config_.topics.replication);
  const auto partitions = static_cast<std::int32_t>(config_.topics.partitions);
  const bool create = config_.topics.create;
  WEIR_RETURN_IF_ERROR(
      cluster->ensure({{config_.topics.transactions, create, partitions, replication, {}}}));
  const auto input = cluster->partitions(config_.topics.transactions);
  if (!input) return input.error();
  if (!input->has_value())
    return retry(fmt::format("topic {} is not visible yet", config_.topics.transactions));
  input_partitions_ = **input;
  // The changelog is sharded exactly as the input is. Outputs created here get as many partitions,
  // so that a user's records stay together and a transaction touches few of them.
  WEIR_RETURN_IF_ERROR(cluster->ensure({
      {config_.topics.labels, create, input_partitions_, replication, {}},
      {config_.topics.verdicts, create, input_partitions_, replication, {}},
      {config_.topics.features, create, input_partitions_, replication, {}},
      {config_.topics.dead_letters, create, input_partitions_, replication, {}},
      {config_.topics.metrics, create, 1, replication, {}},
      {config_.topics.state, true, input_partitions_, replication,
       kafka::changelog_settings(replication)},
  }));
  const auto labels = cluster->partitions(config_.topics.labels);
  if (!labels) return labels.error();
  if (labels->value_or(input_partitions_) != input_partitions_) {
    return fatal(fmt::format(
        "topic {} has {} partitions and topic {} has {}: both are keyed by user, and partition p "
        "of "
        "both must be the same users'. Give them equally many partitions",
        config_.topics.transactions, input_partitions_, config_.topics.labels, **labels));
  }
  for (const auto& topic : stream_topics(config_)) {
    const auto count = cluster->partitions(topic);
    if (!count) return count.error();
    topic_partitions_.push_back(count->value_or(0));
  }
  const auto changelog = topic_partitions_[static_cast<std::size_t>(Stream::kChangelog)];
  if (changelog != input_partitions_) {
    return fatal(fmt::format(
        "topic {} has {} partitions and its changelog {} has {}: the state of a partition must be "
        "where its users are. Moving "
        "to another partition count needs a new group, changelog topic and state.dir",
        config_.topics.transactions, input_partitions_, config_.topics.state, changelog));
  }
  return ok();
}

void Instance::run_worker(std::size_t index) {
  name_log_thread(fmt::format("worker-{}", index));
  const auto status = work(index);
  health_.worker(index).set_phase(status ? telemetry::WorkerPhase::kDraining
                                         : telemetry::WorkerPhase::kFailed);
  if (!status) {
    log_error("stopped: {}", status.error().message);
    const std::scoped_lock lock(failure_mutex_);
    if (!failure_) failure_ = status.error();
    stop();  // the others commit and leave: a supervisor restarts the whole instance
  }
  running_.fetch_sub(1);
}

Status Instance::work(std::size_t index) {
  auto& health = health_.worker(index);
  auto& metrics = *metrics_[index];
  const auto identity = fmt::format("{}-{}", config_.instance_id, index);
  kafka::KafkaInput input({connection(config_), config_.topics.transactions, config_.topics.labels,
                           config_.kafka.group_id, identity});
  kafka::OutputOptions output_options;
  output_options.connection = connection(config_);
  output_options.topics = stream_topics(config_);
  output_options.transactional_id = fmt::format("{}-{}", config_.kafka.group_id, identity);
  output_options.input_partitions = input_partitions_;
  std::copy(topic_partitions_.begin(), topic_partitions_.end(), output_options.partitions.begin());
  const bool exactly_once = config_.delivery == config::Delivery::kExactlyOnce;
  std::unique_ptr<OutputLog> output;
  if (exactly_once) {
    output = std::make_unique<kafka::TransactionalOutput>(std::move(output_options), input, clock_);
  } else {
    output = std::make_unique<kafka::IdempotentOutput>(std::move(output_options), input, clock_);
  }
  kafka::KafkaChangelogReader changelog(connection(config_), config_.topics.state);
  auto options = store_options(config_, cluster_id_);
  if (!options) return options.error();
  LocalStores stores(config_.state.dir, *std::move(options));
  std::unique_ptr<operators::FeatureEngine> engine;
  if (!config_.operators.features.empty()) {
    // Only the windows of users are kept here: those of the other kinds have no stage yet.
    auto made = operators::FeatureEngine::make(config_.operators, {});
    if (!made) return made.error();
    engine = *std::move(made);
  }
  auto guard =
      PoisonGuard::open((config_.state.dir / fmt::format("in-process-{}", index)).string());
  if (!guard) return guard.error();

  Worker worker(worker_options(config_),
                {input, *output, changelog, stores, clock_, scorers_[index].get(), guard->get(),
                 engine.get()},
                metrics);
  health.set_phase(telemetry::WorkerPhase::kJoining);
  WEIR_RETURN_IF_ERROR(worker.open());
  while (!stop_.load(std::memory_order_relaxed)) {
    const auto stepped = worker.step(kTurn);
    if (!stepped) return stepped.error();
    const bool joined = metrics.rebalances.get() > 0;
    const auto phase = worker.ready()                   ? telemetry::WorkerPhase::kRunning
                       : worker.has_stopped_partition() ? telemetry::WorkerPhase::kStopped
                       : joined                         ? telemetry::WorkerPhase::kRestoring
                                                        : telemetry::WorkerPhase::kJoining;
    if (phase != health.phase()) {
      health.set_phase(phase);
      if (phase == telemetry::WorkerPhase::kRunning)
        log_info("ready with {} partitions", worker.partitions().size());
    }
    health.beat();
  }
  health.set_phase(telemetry::WorkerPhase::kDraining);
  return worker.close();
}

}  // namespace weir
