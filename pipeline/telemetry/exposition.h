#pragma once
// What /metrics says: every worker's cells, the process, the build, the model and readiness, in
// Prometheus' and in OpenMetrics' text form. Every series is there from the first scrape, with
// zero, so that rates and alerts work from the start. Labels are bounded by configuration and code:
// worker, step, action, reason, outcome; never a user, card or merchant.

#include <array>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/telemetry/health.h"
#include "pipeline/telemetry/worker_metrics.h"

namespace weir::telemetry {

struct BuildInfo {
  std::string version;
  std::string revision;
};

struct ModelLabels {
  std::string name, version, digest;  // all empty: no model
};

/// The table of profiles that the workers share.
struct ProfileFigures {
  double profiles = 0;
  double bytes = 0;        // memory
  double records = 0;      // read from the topic since the start
  double bad_records = 0;  // of those: refused
};

/// Spans since the start.
struct SpanFigures {
  double sent = 0;
  double failed = 0;  // refused by the collector, or given up
};

/// The console for analysts.
struct ConsoleFigures {
  double clients = 0;                    // live feeds
  double verdicts = 0;                   // kept in memory
  double refused_feeds = 0;              // since the start: no place
  double dropped_feeds = 0;              // read too slowly
  std::array<double, 3> dispositions{};  // fraud, good, escalate
};

class Exposition {
 public:
  /// `health` and every registered WorkerMetrics must outlive this object.
  Exposition(BuildInfo build, const Health& health);

  /// Before the first render(). Ids are bounded: one for each configured worker.
  void add_worker(std::string worker_id, const WorkerMetrics& metrics);
  /// Any thread, also while others render: these come up later than /metrics. `read` is called at
  /// each scrape, on the thread that renders, and must not wait. Without it the figures are there,
  /// and zero.
  void set_profiles(std::function<ProfileFigures()> read);
  void set_spans(std::function<SpanFigures()> read);
  void set_console(std::function<ConsoleFigures()> read);
  /// Any thread, also while others render: a model may be replaced at run time.
  void set_model(ModelLabels model);

  /// The text of one scrape. Any thread.
  [[nodiscard]] std::string render_prometheus() const;
  /// The same as OpenMetrics 1.0.0, with exemplars of delays. Any thread.
  [[nodiscard]] std::string render_openmetrics() const;

 private:
  class Collector;
  BuildInfo build_;
  const Health& health_;
  std::vector<std::pair<std::string, const WorkerMetrics*>> workers_;
  mutable std::mutex sources_mutex_;
  std::function<ProfileFigures()> profiles_;
  std::function<SpanFigures()> spans_;
  std::function<ConsoleFigures()> console_;
  mutable std::mutex model_mutex_;
  ModelLabels model_;
};

}  // namespace weir::telemetry
