#include "pipeline/console/figures.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <string_view>

#include "pipeline/console/page_json.h"
#include "pipeline/core/error.h"
#include "pipeline/telemetry/worker_metrics.h"

namespace weir::console {
namespace {

using telemetry::HistogramReading;
using telemetry::MetricsSnapshot;

template <class Families>
std::size_t place_of(const Families& families, std::string_view name) {
  for (std::size_t i = 0; i < families.size(); ++i) {
    if (families[i].name == name) return i;
  }
  check_failed("a metric family of that name", __FILE__, __LINE__);
}

/// Between two readings.
class Window {
 public:
  Window(const MetricsSnapshot& start, const MetricsSnapshot& end)
      : start_(start),
        end_(end),
        seconds_(std::max(static_cast<double>(end.wall_ms - start.wall_ms) / 1'000, 1e-3)) {}

  [[nodiscard]] double count(std::string_view family, std::size_t label) const {
    const auto f = place_of(telemetry::cell_families(), family);
    return std::max(0.0, end_.cells[f][label] - start_.cells[f][label]);
  }
  [[nodiscard]] double count(std::string_view family) const {
    const auto size =
        telemetry::cell_families()[place_of(telemetry::cell_families(), family)].size();
    double sum = 0;
    for (std::size_t i = 0; i < size; ++i) sum += count(family, i);
    return sum;
  }
  [[nodiscard]] double rate(double count) const { return count / seconds_; }
  [[nodiscard]] double gauge(std::string_view family) const {
    return end_.cells[place_of(telemetry::cell_families(), family)][0];
  }
  [[nodiscard]] HistogramReading seen(std::string_view family, std::size_t label = 0) const {
    const auto f = place_of(telemetry::histogram_families(), family);
    HistogramReading delta = end_.histograms[f][label];
    for (std::size_t i = 0; i < delta.buckets.size(); ++i) {
      delta.buckets[i] = std::max(0.0, delta.buckets[i] - start_.histograms[f][label].buckets[i]);
    }
    return delta;
  }

 private:
  const MetricsSnapshot& start_;
  const MetricsSnapshot& end_;
  double seconds_;
};

double total(const HistogramReading& reading) {
  return std::accumulate(reading.buckets.begin(), reading.buckets.end(), 0.0);
}

Json quantile(const HistogramReading& reading, double q, double unit) {
  const double value = telemetry::estimate_quantile(reading, q) * unit;
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

Json steps(const Window& window) {
  Json all = Json::array();
  for (std::size_t i = 0; i < telemetry::kStepNames.size(); ++i) {
    if (i == static_cast<std::size_t>(telemetry::Step::kCommit)) continue;  // said apart
    const auto seen = window.seen("weir_step_duration_seconds", i);
    all.push_back({{"name", telemetry::kStepNames[i]},
                   {"per_second", window.rate(total(seen))},
                   {"p50_us", quantile(seen, 0.5, 1e6)},
                   {"p99_us", quantile(seen, 0.99, 1e6)}});
  }
  return all;
}

}  // namespace

std::string render_figures(const MetricsSnapshot& start, const MetricsSnapshot& end,
                           const std::vector<std::string>& waiting_for) {
  const Window window(start, end);
  const double verdicts = window.count("weir_verdicts_total");
  const auto delay = window.seen("weir_verdict_delay_seconds");
  const auto commit =
      window.seen("weir_step_duration_seconds", static_cast<std::size_t>(telemetry::Step::kCommit));
  Json actions = Json::object();
  const auto& family =
      telemetry::cell_families()[place_of(telemetry::cell_families(), "weir_verdicts_total")];
  for (std::size_t i = 0; i < family.size(); ++i) {
    actions[std::string(family.label_values[i])] = window.rate(window.count(family.name, i));
  }
  const Json figures = {
      {"at", wall_time(end.wall_ms)},
      {"payments_per_second", window.rate(window.count("weir_events_consumed_total"))},
      {"verdicts_per_second", window.rate(verdicts)},
      {"delay_ms", {{"p50", quantile(delay, 0.5, 1e3)}, {"p99", quantile(delay, 0.99, 1e3)}}},
      {"lag_records", window.gauge("weir_consumer_lag_records")},
      {"ready", waiting_for.empty()},
      {"waiting_for", waiting_for},
      {"by_action_per_second", std::move(actions)},
      {"degraded_share", verdicts > 0
                             ? Json(std::min(1.0, window.count("weir_degraded_total") / verdicts))
                             : Json(nullptr)},
      {"dead_letters_per_second", window.rate(window.count("weir_dead_letters_total"))},
      {"steps", steps(window)},
      {"commit",
       {{"per_second", window.rate(total(commit))},
        {"p50_ms", quantile(commit, 0.5, 1e3)},
        {"p99_ms", quantile(commit, 0.99, 1e3)}}}};
  return dump(figures);
}

}  // namespace weir::console
