#include "pipeline/instance.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include <fmt/core.h>

#include "pipeline/config/secret_file.h"
#include "pipeline/kafka/changelog_reader.h"
#include "pipeline/kafka/cluster.h"
#include "pipeline/kafka/kafka_input.h"
#include "pipeline/kafka/kafka_output.h"
#include "pipeline/kafka/log_sink.h"
#include "pipeline/open_scorer.h"
#include "pipeline/poison_guard.h"
#include "pipeline/profiles/counted_profiles.h"
#include "pipeline/registry/cached_schemas.h"
#include "pipeline/registry/verdict_schema.h"
#include "pipeline/runtime_settings.h"
#include "pipeline/stores.h"
#include "pipeline/telemetry/log.h"
#include "pipeline/version.h"
#include "pipeline/worker.h"

namespace weir {
namespace {

constexpr std::chrono::milliseconds kTurn{
    50};  // longest wait for input; bounds how late the stop flag is seen
constexpr std::chrono::milliseconds kProfilesPatience{5'000};
constexpr std::chrono::milliseconds kEntityRetryMin{5'000};
constexpr std::chrono::milliseconds kEntityRetryMax{60'000};

std::size_t workers_in_all(const config::Config& config) {
  return config.workers + (needs_entities(config) ? config.entities.workers : 0);
}

void forward_kafka_log(int severity, std::string_view line) {
  const auto level = severity <= 4   ? LogLevel::kWarn
                     : severity <= 6 ? LogLevel::kInfo
                                     : LogLevel::kDebug;
  if (log_enabled(level)) log_line(level, line);
}

}  // namespace

Instance::Instance(const config::Config& config)
    : config_(config),
      health_(clock_, workers_in_all(config)),
      exposition_({std::string(kVersion), std::string(kRevision)}, health_) {
  health_.need_only_first(config_.workers);
  for (std::size_t i = 0; i < workers_in_all(config_); ++i) {
    metrics_.push_back(std::make_unique<telemetry::WorkerMetrics>());
    metrics_.back()->amounts.tell_apart(config_.metrics_currencies);
    exposition_.add_worker(name_of(i), *metrics_.back());
  }
}

Instance::~Instance() {
  stop();
  for (auto& thread : threads_) thread.join();
  admin_.reset();  // it reads what goes below
  console_.reset();
}

Result<std::unique_ptr<Instance>> Instance::start(const config::Config& config, bool demo) {
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
  WEIR_RETURN_IF_ERROR(instance->start_tracing());
  WEIR_RETURN_IF_ERROR(instance->prepare_topics());
  WEIR_RETURN_IF_ERROR(instance->prepare_schemas());
  std::error_code error;
  const bool with_entities = workers_in_all(config) > config.workers;
  std::filesystem::create_directories(with_entities ? entity_directory(config) : config.state.dir,
                                      error);
  if (error) {
    return fatal(fmt::format("state.dir {} cannot be created: {}; name a folder that takes files",
                             config.state.dir.string(), error.message()));
  }
  if (instance->entity_partitions_ > 0) instance->follow_profiles();
  if (!config.console.listen.empty()) WEIR_RETURN_IF_ERROR(instance->open_console(demo));
  instance->running_ = workers_in_all(config);
  for (std::size_t i = 0; i < workers_in_all(config); ++i) {
    instance->threads_.emplace_back([self = instance.get(), i] {
      if (self->is_entities(i)) {
        self->run_entity_worker(i);
      } else {
        self->run_worker(i);
      }
    });
  }
  return instance;
}

std::string Instance::name_of(std::size_t index) const {
  return is_entities(index) ? fmt::format("entities-{}", index - config_.workers)
                            : std::to_string(index);
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

/// Of the workers that decide: what merchants and devices are told is a record of its own.
Status Instance::start_tracing() {
  if (config_.tracing.endpoint.empty()) return ok();
  tracing::ExporterOptions options;
  if (const auto& file = config_.tracing.headers_file; !file.empty()) {
    const auto secret = config::read_secret_file(file);
    if (const auto* complaint = std::get_if<config::Complaint>(&secret)) {
      return fatal(fmt::format("tracing.headers_file: {}; {}", complaint->what, complaint->remedy));
    }
    const auto& read = std::get<config::SecretFile>(secret);
    if (!read.warning.empty()) {
      log_warn("tracing.headers_file: {}; {}", read.warning, read.warning_remedy);
    }
    auto headers = tracing::parse_headers(read.text);
    if (!headers) {
      return fatal(
          fmt::format("tracing.headers_file: {}: {}", file.native(), headers.error().message));
    }
    options.headers = *std::move(headers);
  }
  options.endpoint = config_.tracing.endpoint;
  while (options.endpoint.ends_with('/')) options.endpoint.pop_back();
  options.service = {std::string(kVersion), config_.instance_id};
  options.queue_spans = config_.tracing.queue_max;
  std::vector<tracing::Source> sources;
  for (std::size_t i = 0; i < config_.workers; ++i) {
    sources.push_back({config_.topics.transactions, config_.kafka.group_id, name_of(i)});
  }
  exporter_ = std::make_unique<tracing::Exporter>(std::move(options), std::move(sources));
  exposition_.set_spans([this] {
    const auto figures = exporter_->figures();
    return telemetry::SpanFigures{figures.sent, figures.failed};
  });
  log_info("spans go to {}", config_.tracing.endpoint);
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
    return retry(fmt::format("topic {} is not visible yet; start again in a moment",
                             config_.topics.transactions));
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
  if (!config_.console.listen.empty()) {
    WEIR_RETURN_IF_ERROR(
        cluster->ensure({{config_.topics.audit, create, input_partitions_, replication, {}}}));
  }
  const auto labels = cluster->partitions(config_.topics.labels);
  if (!labels) return labels.error();
  if (labels->value_or(input_partitions_) != input_partitions_) {
    return fatal(fmt::format(
        "topic {} has {} partitions and topic {} has {}: both are keyed by user, and partition p "
        "of "
        "both must be the same users'; give them equally many partitions",
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
        "where its users are; moving "
        "to another partition count needs a new group, changelog topic and state.dir",
        config_.topics.transactions, input_partitions_, config_.topics.state, changelog));
  }
  return needs_entities(config_) ? prepare_entity_topics(*cluster) : ok();
}

/// What is written must be settled before; what is read may wait for the registry, record by
/// record.
Status Instance::prepare_schemas() {
  if (config_.registry.urls.empty()) return ok();
  registry::RegistryClient client(registry_options(config_));
  const auto format = config_.operators.verdicts;
  if (format == operators::VerdictFormat::kJson) {
    if (const auto there = client.check(); !there) log_warn("{}", there.error().message);
    return ok();
  }
  const auto id = registry::find_verdict_schema(client, verdict_subject(config_), format,
                                                config_.registry.auto_register);
  if (!id) return id.error();
  config_.operators.verdict_schema_id = *id;
  log_info("verdicts are written by schema {} of {}", *id, verdict_subject(config_));
  return ok();
}

/// Internal topics: made when missing. Profiles are read from where they are written, and state is
/// where the events are, so all three have equally many partitions.
Status Instance::prepare_entity_topics(kafka::Cluster& cluster) {
  const auto& topics = config_.topics;
  const auto replication = static_cast<std::int32_t>(topics.replication);
  const auto partitions = static_cast<std::int32_t>(topics.partitions);
  WEIR_RETURN_IF_ERROR(cluster.ensure({{topics.entities, true, partitions, replication, {}}}));
  const auto count = cluster.partitions(topics.entities);
  if (!count) return count.error();
  if (!count->has_value())
    return retry(
        fmt::format("topic {} is not visible yet; start again in a moment", topics.entities));
  entity_partitions_ = **count;
  const auto compacted = kafka::changelog_settings(replication);
  WEIR_RETURN_IF_ERROR(
      cluster.ensure({{topics.entity_profiles, true, entity_partitions_, replication, compacted},
                      {topics.entity_state, true, entity_partitions_, replication, compacted}}));
  for (const auto& topic : {topics.entity_profiles, topics.entity_state}) {
    const auto found = cluster.partitions(topic);
    if (!found) return found.error();
    if (found->value_or(entity_partitions_) == entity_partitions_) continue;
    return fatal(fmt::format(
        "topic {} has {} partitions and topic {} has {}: they must have equally many; delete both "
        "and their group's offsets, or give them new names",
        topics.entities, entity_partitions_, topic, **found));
  }
  topic_partitions_[static_cast<std::size_t>(Stream::kEntities)] = entity_partitions_;
  topic_partitions_[static_cast<std::size_t>(Stream::kProfiles)] = entity_partitions_;
  return ok();
}

/// With a model of its own: a worker's belongs to that worker's thread.
Status Instance::open_console(bool demo) {
  auto scorer = open_scorer(config_);
  if (!scorer) return scorer.error();
  std::shared_ptr<SchemaSource> schemas;
  if (!config_.registry.urls.empty()) {
    schemas = std::make_shared<registry::CachedSchemas>(registry_options(config_), clock_,
                                                        console_metrics_);
  }
  auto console =
      console::Console::start(config_, *std::move(scorer), clock_,
                              {[this] { return snapshot(); },
                               [this] { return health_.waiting_for(); }, std::move(schemas), demo});
  if (!console) return console.error();
  console_ = *std::move(console);
  exposition_.set_console([this] { return console_->figures(); });
  return ok();
}

void Instance::follow_profiles() {
  profiles_ =
      std::make_unique<ProfileTable>(entity_partitions_, config_.entities.max_staleness, clock_);
  ProfileTable& table = *profiles_;
  profile_reader_ = std::make_unique<kafka::ProfileReader>(
      connection(config_), config_.topics.entity_profiles,
      kafka::ProfileSink{
          [&table](std::string_view key, std::string_view value) { return table.put(key, value); },
          [&table](std::string_view key) { return table.remove(key); },
          [&table] { table.set_loaded(); }},
      clock_);
  exposition_.set_profiles([this] {
    return telemetry::ProfileFigures{static_cast<double>(profiles_->size()),
                                     static_cast<double>(profiles_->bytes()),
                                     static_cast<double>(profile_reader_->records()),
                                     static_cast<double>(profile_reader_->bad_records())};
  });
}

/// A verdict made before the table is read would say profile_down. But no longer than this.
void Instance::wait_for_profiles() const {
  const auto deadline = clock_.now() + kProfilesPatience;
  while (!profiles_->loaded() && !stop_.load() && clock_.now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
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

/// Payments get their verdicts without this stage, and say so: whatever ends its worker, the others
/// go on, and it is tried again.
void Instance::run_entity_worker(std::size_t index) {
  name_log_thread(name_of(index));
  auto& health = health_.worker(index);
  auto wait = kEntityRetryMin;
  while (!stop_.load()) {
    const auto started = clock_.now();
    const auto status = work(index);
    metrics_[index]->reset_gauges();
    if (status || stop_.load()) break;
    health.set_phase(telemetry::WorkerPhase::kFailed);
    if (clock_.now() - started > kEntityRetryMax) wait = kEntityRetryMin;  // it went well for long
    log_error("stopped, tried again in {} s; until then profiles grow stale: {}",
              wait.count() / 1'000, status.error().message);
    pause(wait, health);
    wait = std::min(wait * 2, kEntityRetryMax);
  }
  health.set_phase(telemetry::WorkerPhase::kDraining);
  running_.fetch_sub(1);
}

void Instance::pause(std::chrono::milliseconds length, telemetry::WorkerHealth& health) const {
  const auto until = clock_.now() + length;
  while (!stop_.load() && clock_.now() < until) {
    std::this_thread::sleep_for(kTurn);
    health.beat();
  }
}

Status Instance::work(std::size_t index) {
  const bool entities = is_entities(index);
  auto& health = health_.worker(index);
  auto& metrics = *metrics_[index];
  const auto identity = fmt::format("{}-{}", config_.instance_id, name_of(index));
  const auto group = entities ? entity_group(config_) : config_.kafka.group_id;
  kafka::KafkaInput input(
      entities
          ? kafka::InputOptions{connection(config_), config_.topics.entities, "", group, identity}
          : kafka::InputOptions{connection(config_), config_.topics.transactions,
                                config_.topics.labels, group, identity});
  kafka::OutputOptions output_options;
  output_options.connection = connection(config_);
  output_options.topics = entities ? entity_stream_topics(config_) : stream_topics(config_);
  output_options.transactional_id = fmt::format("{}-{}", group, identity);
  output_options.input_partitions = entities ? entity_partitions_ : input_partitions_;
  std::copy(topic_partitions_.begin(), topic_partitions_.end(), output_options.partitions.begin());
  // By entity, whoever it was that paid.
  if (!entities) output_options.partitions[static_cast<std::size_t>(Stream::kEntities)] = 0;
  const bool exactly_once = config_.delivery == config::Delivery::kExactlyOnce;
  std::unique_ptr<OutputLog> output;
  if (exactly_once) {
    output = std::make_unique<kafka::TransactionalOutput>(std::move(output_options), input, clock_);
  } else {
    output = std::make_unique<kafka::IdempotentOutput>(std::move(output_options), input, clock_);
  }
  kafka::KafkaChangelogReader changelog(
      connection(config_), entities ? config_.topics.entity_state : config_.topics.state);
  auto options =
      entities ? entity_store_options(config_, cluster_id_) : store_options(config_, cluster_id_);
  if (!options) return options.error();
  LocalStores stores(entities ? entity_directory(config_) : config_.state.dir, *std::move(options));
  std::optional<CountedProfiles> profiles;
  if (profiles_) profiles.emplace(*profiles_, metrics);
  std::unique_ptr<operators::FeatureEngine> engine;
  if (!entities && config_.operators.has_features()) {
    auto made =
        operators::FeatureEngine::make(config_.operators, {}, profiles ? &*profiles : nullptr);
    if (!made) return made.error();
    engine = *std::move(made);
  }
  auto guard = PoisonGuard::open(
      (config_.state.dir / fmt::format("in-process-{}", name_of(index))).string());
  if (!guard) return guard.error();

  auto worker_settings = entities ? entity_worker_options(config_, profiles_.get())
                                  : Result<WorkerOptions>(worker_options(config_));
  if (!worker_settings) return worker_settings.error();
  std::optional<tracing::Recorder> recorder;
  if (exporter_ && !entities) recorder.emplace(exporter_->queue(index), metrics.spans_dropped);
  std::optional<registry::CachedSchemas> schemas;
  if (!entities && !config_.registry.urls.empty()) {
    schemas.emplace(registry_options(config_), clock_, metrics);
  }
  Worker worker(
      *std::move(worker_settings),
      {input, *output, changelog, stores, clock_, entities ? nullptr : scorers_[index].get(),
       guard->get(), engine.get(), recorder ? &*recorder : nullptr, schemas ? &*schemas : nullptr},
      metrics);
  health.set_phase(telemetry::WorkerPhase::kJoining);
  if (engine && profiles_) wait_for_profiles();
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
