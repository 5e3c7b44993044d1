#pragma once
// The analyst console of an instance: who may ask what, and the threads behind it.
//
//   console-reader  reads the topics (topics_reader.h)
//   console-http    answers all clients (http_server.h)
//   console-desk    one job after the other of those that ask Kafka: cases and dispositions
//   console-clock   four times a second: feeds, and once a second figures
//
// None of them is on the way of a payment, nor on that of /livez, /readyz and /metrics: they share
// only metric cells that they read, and the machine.

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "pipeline/config/config.h"
#include "pipeline/console/access.h"
#include "pipeline/console/decision_desk.h"
#include "pipeline/console/feeds.h"
#include "pipeline/console/http_server.h"
#include "pipeline/console/kept_verdicts.h"
#include "pipeline/console/named_payments.h"
#include "pipeline/console/topics_reader.h"
#include "pipeline/core/clock.h"
#include "pipeline/core/scorer.h"
#include "pipeline/telemetry/exposition.h"
#include "pipeline/telemetry/metrics_window.h"

namespace weir::console {

/// What the console asks of the instance. Called from its own threads.
struct Surroundings {
  std::function<telemetry::MetricsSnapshot()> snapshot;
  std::function<std::vector<std::string>()> waiting_for;
  std::shared_ptr<SchemaSource> schemas;  // of payments; the console's own, null without a registry
  bool demo = false;
};

class Console {
 public:
  /// Serves until destroyed. `scorer` (may be null) is the console's own, to score past payments
  /// again; `config` and `clock` must outlive it. kFatal when console.listen cannot be used.
  static Result<std::unique_ptr<Console>> start(const config::Config& config,
                                                std::unique_ptr<Scorer> scorer, const Clock& clock,
                                                Surroundings surroundings);
  ~Console();
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  [[nodiscard]] std::uint16_t port() const { return http_->port(); }
  [[nodiscard]] telemetry::ConsoleFigures figures() const;

  /// Cases and dispositions that may wait for the desk.
  static constexpr std::size_t kJobsMax = 64;

 private:
  struct Job {
    Request request;
    std::shared_ptr<Later> later;
  };
  Console(const config::Config& config, std::unique_ptr<Scorer> scorer, const Clock& clock,
          Surroundings surroundings);
  Handler make_handler();
  Reply answer(const Request& request) const;
  Reply session(const Request& request) const;
  Reply verdicts(const Request& request) const;
  std::vector<Verdict> search(const std::string& text, std::size_t limit) const;
  Reply queue(const Request& request) const;
  std::variant<Reply, std::function<void(std::shared_ptr<Outlet>)>> feed(const Request& request);
  void enqueue(Request request, std::shared_ptr<Later> later);
  Reply work_on(const Request& request);
  Reply case_page(const std::string& verdict_id);
  Reply disposition(const Request& request);
  void run_desk(const std::stop_token& stop);
  void run_clock(const std::stop_token& stop);

  const config::Config& config_;
  const Clock& clock_;
  const Surroundings surroundings_;
  AccessSettings access_;
  std::unique_ptr<Scorer> scorer_;  // the desk's
  KeptVerdicts kept_;
  NamedPayments named_;
  Feeds feeds_;
  DecisionDesk desk_;
  std::atomic<std::uint64_t> refused_feeds_{0};
  std::array<std::atomic<std::uint64_t>, 3> dispositions_{};  // fraud, good, escalate
  std::mutex jobs_mutex_;
  std::condition_variable_any job_there_;
  std::deque<Job> jobs_;
  bool closing_ = false;  // under jobs_mutex_
  std::unique_ptr<TopicsReader> reader_;
  std::unique_ptr<HttpServer> http_;
  std::jthread desk_thread_, clock_thread_;
};

}  // namespace weir::console
