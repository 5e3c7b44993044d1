#include "pipeline/telemetry/metrics_window.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <fmt/format.h>

#include "pipeline/core/event_time.h"

namespace weir::telemetry {
namespace {

void append_key(std::string& out, std::string_view key) {
  if (out.back() != '{') out += ',';
  fmt::format_to(std::back_inserter(out), "\"{}\":", key);
}

void append_number(std::string& out, double value) {
  if (std::isfinite(value)) {
    fmt::format_to(std::back_inserter(out), "{}", value);
  } else {
    out += "null";  // JSON has no NaN
  }
}

void append_field(std::string& out, std::string_view key, double value) {
  append_key(out, key);
  append_number(out, value);
}

/// The values of one label; `first` is the index of the first.
template <class AppendOne>
void append_by_label(std::string& out, std::span<const std::string_view> values, std::size_t first,
                     const AppendOne& append_one) {
  out += '{';
  for (std::size_t i = 0; i < values.size(); ++i) {
    append_key(out, values[i]);
    append_one(first + i);
  }
  out += '}';
}

/// A family without a label is one value; with one, an object by label value; with two, an object
/// of those.
template <class Family, class AppendOne>
void append_family(std::string& out, const Family& family, const AppendOne& append_one) {
  append_key(out, family.name);
  if (family.label.empty()) return append_one(std::size_t{0});
  const auto append_run = [&](std::size_t first) {
    append_by_label(out, family.label_values, first, append_one);
  };
  if constexpr (requires { family.outer_label; }) {
    if (!family.outer_label.empty()) {
      const std::size_t values = family.label_values.size();
      return append_by_label(out, family.outer_values, 0,
                             [&](std::size_t i) { append_run(i * values); });
    }
  }
  append_run(0);
}

HistogramReading difference(const HistogramReading& end, const HistogramReading& start) {
  HistogramReading delta = end;
  for (std::size_t i = 0; i < delta.buckets.size(); ++i) {
    delta.buckets[i] = std::max(0.0, end.buckets[i] - start.buckets[i]);
  }
  delta.sum = end.sum - start.sum;
  return delta;
}

double total(const HistogramReading& reading) {
  return std::accumulate(reading.buckets.begin(), reading.buckets.end(), 0.0);
}

void append_counters(std::string& out, const MetricsSnapshot& start, const MetricsSnapshot& end,
                     double seconds) {
  const auto families = cell_families();
  for (std::size_t f = 0; f < families.size(); ++f) {
    if (families[f].kind != Kind::kCounter) continue;
    append_family(out, families[f], [&](std::size_t i) {
      const double count = std::max(0.0, end.cells[f][i] - start.cells[f][i]);
      out += '{';
      append_field(out, "count", count);
      append_field(out, "per_second", seconds > 0 ? count / seconds : 0);
      out += '}';
    });
  }
}

void append_gauges(std::string& out, const MetricsSnapshot& end) {
  const auto families = cell_families();
  for (std::size_t f = 0; f < families.size(); ++f) {
    if (families[f].kind != Kind::kGauge) continue;
    append_family(out, families[f], [&](std::size_t i) { append_number(out, end.cells[f][i]); });
  }
}

void append_histograms(std::string& out, const MetricsSnapshot& start, const MetricsSnapshot& end) {
  const auto families = histogram_families();
  for (std::size_t f = 0; f < families.size(); ++f) {
    append_family(out, families[f], [&](std::size_t i) {
      const HistogramReading delta = difference(end.histograms[f][i], start.histograms[f][i]);
      out += '{';
      append_field(out, "count", total(delta));
      append_field(out, "sum", delta.sum);
      append_field(out, "p50", estimate_quantile(delta, 0.5));
      append_field(out, "p99", estimate_quantile(delta, 0.99));
      out += '}';
    });
  }
}

void merge_into(double& merged, double value, Merge merge) {
  merged = merge == Merge::kMax ? std::max(merged, value) : merged + value;
}

void add_into(HistogramReading& merged, const HistogramReading& reading) {
  if (merged.buckets.empty()) {
    merged = reading;
    return;
  }
  for (std::size_t i = 0; i < merged.buckets.size(); ++i) merged.buckets[i] += reading.buckets[i];
  merged.sum += reading.sum;
}

}  // namespace

MetricsSnapshot take_snapshot(std::span<const WorkerMetrics* const> workers, std::int64_t wall_ms) {
  static const WorkerMetrics idle;  // without workers the figures are there, and zero
  static constexpr const WorkerMetrics* kNobody[] = {&idle};
  if (workers.empty()) workers = kNobody;

  MetricsSnapshot snapshot;
  snapshot.wall_ms = wall_ms;
  for (const CellFamily& family : cell_families()) {
    auto& values = snapshot.cells.emplace_back(family.size(), 0.0);
    for (const WorkerMetrics* worker : workers) {
      for (std::size_t i = 0; i < family.size(); ++i) {
        merge_into(values[i], family.cell(*worker, i).get(), family.merge);
      }
    }
  }
  for (const HistogramFamily& family : histogram_families()) {
    auto& readings = snapshot.histograms.emplace_back(family.size());
    for (const WorkerMetrics* worker : workers) {
      for (std::size_t i = 0; i < family.size(); ++i)
        add_into(readings[i], family.read(*worker, i));
    }
  }
  return snapshot;
}

std::string render_metrics_window(const MetricsSnapshot& start, const MetricsSnapshot& end,
                                  std::string_view instance) {
  const double seconds = static_cast<double>(end.wall_ms - start.wall_ms) / 1000;
  std::string out = "{";
  append_key(out, "instance");
  fmt::format_to(std::back_inserter(out), "\"{}\"",
                 instance);  // a configured name: letters, digits, '.', '_', '-'
  append_key(out, "window");
  fmt::format_to(std::back_inserter(out), R"({{"start":"{}","end":"{}","seconds":{}}})",
                 format_event_time({start.wall_ms}), format_event_time({end.wall_ms}), seconds);
  append_key(out, "counters");
  out += '{';
  append_counters(out, start, end, seconds);
  out += '}';
  append_key(out, "gauges");
  out += '{';
  append_gauges(out, end);
  out += '}';
  append_key(out, "histograms");
  out += '{';
  append_histograms(out, start, end);
  return out + "}}";
}

double estimate_quantile(const HistogramReading& reading, double q) {
  const double count = total(reading);
  if (count <= 0) return std::numeric_limits<double>::quiet_NaN();
  const double rank = q * count;
  double below = 0;
  for (std::size_t i = 0; i < reading.bounds.size(); ++i) {
    const double here = reading.buckets[i];
    if (here > 0 && below + here >= rank) {
      const double low = i == 0 ? 0 : reading.bounds[i - 1];
      return low + (reading.bounds[i] - low) * (rank - below) / here;
    }
    below += here;
  }
  return reading.bounds.back();
}

}  // namespace weir::telemetry
