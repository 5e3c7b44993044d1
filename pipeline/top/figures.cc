#include "pipeline/top/figures.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "pipeline/telemetry/worker_metrics.h"

namespace weir::top {
namespace {

/// Sums by one label over the workers of stage decisions.
using Sums = std::map<std::string, double>;

bool is_of_decisions(const Labels& labels) {
  const auto worker = labels.find("worker");
  return worker == labels.end() || !worker->second.starts_with("entities");
}

Sums sums(const std::vector<Sample>& samples, const std::string& name, const std::string& label) {
  Sums sums;
  for (const Sample& sample : samples) {
    if (sample.name != name || !is_of_decisions(sample.labels)) continue;
    const auto found = sample.labels.find(label);
    sums[found == sample.labels.end() ? std::string() : found->second] += sample.value;
  }
  return sums;
}

double total(const Sums& of) {
  double sum = 0;
  for (const auto& [name, value] : of) sum += value;
  return sum;
}

/// The two moments, and how far apart they are.
struct Interval {
  const std::vector<Sample>& before;
  const std::vector<Sample>& now;
  double seconds;

  [[nodiscard]] Sums grown(const std::string& name, const std::string& label) const {
    const Sums from = sums(before, name, label);
    Sums to = sums(now, name, label);
    for (auto& [key, value] : to) {
      const auto found = from.find(key);
      if (found != from.end() && found->second <= value) value -= found->second;
    }
    return to;
  }
  [[nodiscard]] Sums rates(const std::string& name, const std::string& label) const {
    Sums by_label = grown(name, label);
    for (auto& [key, value] : by_label) value /= seconds;
    return by_label;
  }
  [[nodiscard]] double gauge(const std::string& name) const { return total(sums(now, name, "")); }
  [[nodiscard]] double highest(const std::string& name) const {
    double most = 0;
    for (const Sample& sample : now) {
      if (sample.name == name && is_of_decisions(sample.labels))
        most = std::max(most, sample.value);
    }
    return most;
  }
};

/// Upper bound, in ms, of the bucket in which the quantile lies; above the last bound that bound.
double quantile_ms(const std::vector<std::pair<double, double>>& cumulative, double quantile) {
  if (cumulative.empty() || cumulative.back().second <= 0) return 0;
  double last_bound = 0;
  for (const auto& [bound, count] : cumulative) {
    if (std::isfinite(bound)) last_bound = bound;
    if (count >= quantile * cumulative.back().second) break;
  }
  return last_bound * 1e3;
}

std::vector<std::pair<double, double>> buckets(const Interval& interval, const std::string& name,
                                               const std::string& step) {
  const auto of = [&](const std::vector<Sample>& samples) {
    std::map<double, double> counts;
    for (const Sample& sample : samples) {
      if (sample.name != name + "_bucket" || !is_of_decisions(sample.labels)) continue;
      const auto its_step = sample.labels.find("step");
      if (!step.empty() && (its_step == sample.labels.end() || its_step->second != step)) continue;
      const auto bound = sample.labels.find("le");
      if (bound == sample.labels.end()) continue;
      const bool last = bound->second == "+Inf";
      counts[last ? INFINITY : std::strtod(bound->second.c_str(), nullptr)] += sample.value;
    }
    return counts;
  };
  const auto from = of(interval.before);
  const auto to = of(interval.now);
  const bool anew = !from.empty() && !to.empty() && from.rbegin()->second > to.rbegin()->second;
  std::vector<std::pair<double, double>> grown;
  for (const auto& [bound, count] : to) {
    const auto found = from.find(bound);
    grown.emplace_back(bound, found == from.end() || anew ? count : count - found->second);
  }
  return grown;
}

std::vector<StepFigures> steps(const Interval& interval) {
  const std::string family = "weir_step_duration_seconds";
  const Sums counts = interval.grown(family + "_count", "step");
  const Sums spent = interval.grown(family + "_sum", "step");
  const double all = total(spent);
  std::vector<StepFigures> rows;
  for (const std::string_view name : telemetry::kStepNames) {
    const auto count = counts.find(std::string(name));
    const auto time = spent.find(std::string(name));
    if (count == counts.end() || time == spent.end()) continue;
    StepFigures row;
    row.name = name;
    row.batches_per_second = count->second / interval.seconds;
    row.mean_ms = count->second > 0 ? time->second / count->second * 1e3 : 0;
    row.p99_ms = quantile_ms(buckets(interval, family, row.name), 0.99);
    row.share = all > 0 ? time->second / all : 0;
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

Figures figures_between(const std::vector<Sample>& before, const std::vector<Sample>& now,
                        double seconds) {
  const Interval interval{before, now, std::max(seconds, 1e-3)};
  Figures figures;
  figures.verdicts_total = interval.gauge("weir_verdicts_total");
  figures.actions_per_second = interval.rates("weir_verdicts_total", "action");
  figures.verdicts_per_second = total(figures.actions_per_second);
  figures.dead_letters_per_second = interval.rates("weir_dead_letters_total", "reason");
  std::erase_if(figures.dead_letters_per_second, [](const auto& rate) { return rate.second == 0; });
  figures.duplicates_per_second = total(interval.rates("weir_duplicates_total", ""));
  figures.degraded_per_second = total(interval.rates("weir_degraded_total", ""));
  figures.lag_records = interval.gauge("weir_consumer_lag_records");
  figures.label_lag_records = interval.gauge("weir_label_lag_records");
  figures.lag_seconds = interval.highest("weir_consumer_lag_seconds");
  const auto delays = buckets(interval, "weir_verdict_delay_seconds", "");
  figures.delay_p50_ms = quantile_ms(delays, 0.5);
  figures.delay_p99_ms = quantile_ms(delays, 0.99);
  figures.partitions = interval.gauge("weir_assigned_partitions");
  figures.restoring_partitions =
      std::max(0.0, figures.partitions - interval.gauge("weir_restored_partitions"));
  figures.stopped_partitions = interval.gauge("weir_stopped_partitions");
  figures.steps = steps(interval);
  return figures;
}

}  // namespace weir::top
