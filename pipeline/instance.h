#pragma once
// A running Weir: `workers` threads of stage decisions, each with its own consumer, producer,
// operators, state and model; where features over merchants, devices, addresses or cards are
// declared, `entities.workers` threads of stage entities and one that keeps the table of profiles;
// the admin listener; one that sends spans, and the console, where they are asked for. What crosses
// threads: the stop flag, metric and health cells, the table of profiles, queues of spans, and the
// first error.

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "pipeline/config/config.h"
#include "pipeline/console/console.h"
#include "pipeline/core/error.h"
#include "pipeline/core/scorer.h"
#include "pipeline/kafka/cluster.h"
#include "pipeline/kafka/profile_reader.h"
#include "pipeline/profiles/profile_table.h"
#include "pipeline/system_clock.h"
#include "pipeline/telemetry/admin_server.h"
#include "pipeline/telemetry/exposition.h"
#include "pipeline/telemetry/health.h"
#include "pipeline/telemetry/metrics_window.h"
#include "pipeline/telemetry/worker_metrics.h"
#include "pipeline/tracing/exporter.h"

namespace weir {

class Instance {
 public:
  /// Serves the admin endpoint, checks cluster and topics, then starts the workers. Errors are for
  /// the user: kRetry when something is unavailable, kFatal when configuration or model are
  /// refused.
  static Result<std::unique_ptr<Instance>> start(const config::Config& config, bool demo = false);
  ~Instance();

  /// Workers finish their batch, commit and leave. Returns at once.
  void stop() { stop_.store(true); }
  /// All workers have ended, by stop() or by an error.
  [[nodiscard]] bool ended() const { return running_.load() == 0; }
  /// After ended(): the first error of any worker.
  [[nodiscard]] std::optional<Error> failure() const;

  [[nodiscard]] bool ready() const { return health_.waiting_for().empty(); }
  /// 0: no console.
  [[nodiscard]] std::uint16_t console_port() const { return console_ ? console_->port() : 0; }
  [[nodiscard]] std::uint16_t admin_port() const { return admin_->port(); }
  [[nodiscard]] telemetry::MetricsSnapshot snapshot() const;

 private:
  explicit Instance(const config::Config& config);
  Status load_models();
  Status start_tracing();
  Status prepare_topics();
  Status prepare_schemas();
  Status prepare_entity_topics(kafka::Cluster& cluster);
  void follow_profiles();
  Status open_console(bool demo);
  void run_worker(std::size_t index);
  void run_entity_worker(std::size_t index);
  void pause(std::chrono::milliseconds length, telemetry::WorkerHealth& health) const;
  Status work(std::size_t index);
  void wait_for_profiles() const;
  /// Workers of stage entities come behind those of stage decisions.
  [[nodiscard]] bool is_entities(std::size_t index) const { return index >= config_.workers; }
  [[nodiscard]] std::string name_of(std::size_t index) const;

  config::Config config_;
  SystemClock clock_;
  std::string cluster_id_;
  std::vector<std::int32_t> topic_partitions_;  // by Stream
  std::int32_t input_partitions_ = 0;
  std::int32_t entity_partitions_ = 0;  // 0: no stage entities
  telemetry::Health health_;
  std::vector<std::unique_ptr<telemetry::WorkerMetrics>> metrics_;
  std::vector<std::unique_ptr<Scorer>> scorers_;  // one a worker; null without a model
  telemetry::Exposition exposition_;
  std::unique_ptr<telemetry::AdminServer> admin_;
  std::unique_ptr<ProfileTable> profiles_;  // null: no feature needs it
  std::unique_ptr<kafka::ProfileReader> profile_reader_;
  std::unique_ptr<tracing::Exporter> exporter_;  // null: no spans are kept
  telemetry::WorkerMetrics console_metrics_;     // of what it asks the registry; shown nowhere
  std::unique_ptr<console::Console> console_;    // null: not configured
  std::atomic<bool> stop_{false};
  std::atomic<std::size_t> running_{0};
  mutable std::mutex failure_mutex_;
  std::optional<Error> failure_;
  std::vector<std::thread> threads_;
};

}  // namespace weir
