// weir run: the instance, its signals and its metrics topic.

#include <chrono>
#include <thread>

#include <fmt/core.h>
#include <signal.h>
#include <unistd.h>

#include "pipeline/exit_code.h"
#include "pipeline/instance.h"
#include "pipeline/kafka/topic_client.h"
#include "pipeline/runtime_settings.h"
#include "pipeline/stop_signals.h"
#include "pipeline/telemetry/log.h"
#include "pipeline/telemetry/metrics_window.h"
#include "pipeline/version.h"

namespace weir {
namespace {

/// Publishes the figures of each interval. Losing a window is not worth stopping a payment for:
/// failures are logged.
class MetricsPublisher {
 public:
  MetricsPublisher(const config::Config& config, const Instance& instance)
      : config_(config), instance_(instance), last_(instance.snapshot()) {
    auto producer = kafka::TopicProducer::open(connection(config));
    if (producer) {
      producer_ = *std::move(producer);
    } else {
      log_warn("no metrics on topic {}: {}", config.topics.metrics, producer.error().message);
    }
  }

  void publish_if_due() {
    const auto now = instance_.snapshot();
    if (!producer_ || now.wall_ms - last_.wall_ms < config_.metrics_interval.count()) return;
    publish(now);
  }
  void publish_last() {
    if (!producer_) return;
    publish(instance_.snapshot());
    if (auto flushed = producer_->flush(std::chrono::milliseconds(2'000)); !flushed) {
      log_warn("metrics: {}", flushed.error().message);
    }
  }

 private:
  void publish(const telemetry::MetricsSnapshot& now) {
    const auto window = telemetry::render_metrics_window(last_, now, config_.instance_id);
    if (auto sent = producer_->send(config_.topics.metrics, config_.instance_id, window); !sent) {
      log_warn("metrics: {}", sent.error().message);
    }
    last_ = now;
  }

  const config::Config& config_;
  const Instance& instance_;
  telemetry::MetricsSnapshot last_;
  std::unique_ptr<kafka::TopicProducer> producer_;
};

}  // namespace

int run_command(const ConfigSource& source) {
  const auto loaded = load_or_complain(source);
  if (!loaded) return kExitConfig;
  const auto& config = loaded->config;
  StopSignals signals;  // before any thread, so that all inherit the mask
  log_info("weir {} ({}), instance {}, {} worker(s), delivery {}", kVersion, kRevision,
           config.instance_id, config.workers,
           config.delivery == config::Delivery::kExactlyOnce ? "exactly_once" : "at_least_once");
  auto started = Instance::start(config);
  const std::string next = fmt::format("`weir check --config {}` looks into it", source.file);
  if (!started) return report(started.error(), kExitConfig, next);
  Instance& instance = **started;
  log_info("http://{}: /metrics /livez /readyz", config.admin_listen);
  if (instance.console_port() != 0) log_info("console on port {}", instance.console_port());

  MetricsPublisher metrics(config, instance);
  while (!instance.ended()) {
    metrics.publish_if_due();
    if (signals.wait(std::chrono::milliseconds(200))) break;
  }
  if (!instance.ended()) {
    log_info(
        "draining: committing what is in flight, then leaving; a second signal leaves at once");
    instance.stop();
    signals.leave_at_once_on_next();
    const auto deadline = std::chrono::steady_clock::now() + config.shutdown_timeout;
    while (!instance.ended()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      if (std::chrono::steady_clock::now() > deadline) {
        log_error(
            "not drained within shutdown.timeout; leaving now, a restart recovers from the log");
        _exit(kExitUnavailable);
      }
    }
  }
  metrics.publish_last();
  if (const auto failure = instance.failure()) {
    const bool refused = failure->kind == ErrorKind::kFatal;
    return report(*failure, refused ? kExitBug : kExitUnavailable, next);
  }
  log_info("drained");
  return kExitOk;
}

}  // namespace weir
