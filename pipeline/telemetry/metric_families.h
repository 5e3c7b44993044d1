#pragma once
// Every figure of a worker with its public name, once: Prometheus exposition and the records on the
// metrics topic are both made from these rows, so the two can never disagree.

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "pipeline/telemetry/worker_metrics.h"

namespace weir::telemetry {

enum class Kind : std::uint8_t { kCounter, kGauge };
/// How the workers' values of one gauge become one figure for the instance. Counters are always
/// summed.
enum class Merge : std::uint8_t { kSum, kMax };

/// One cell, one for each value of a label, or one for each pair of values of two labels.
struct CellFamily {
  std::string_view name;
  std::string_view help;
  Kind kind;
  const Cell& (*cell)(const WorkerMetrics&, std::size_t label_index);
  Merge merge = Merge::kSum;
  std::string_view label = {};  // empty: one cell
  std::span<const std::string_view> label_values = {};
  std::string_view outer_label = {};  // empty: one run of label_values; else one for each of these
  std::span<const std::string_view> outer_values = {};
  [[nodiscard]] std::size_t size() const {
    if (label.empty()) return 1;
    return label_values.size() * (outer_label.empty() ? 1 : outer_values.size());
  }
};

/// A histogram's content at one moment; `buckets` has one more entry than `bounds`, for what is
/// above the last.
struct HistogramReading {
  std::span<const double> bounds;
  std::vector<double> buckets;  // not cumulative
  double sum = 0;
};

template <std::size_t N, class CellType>
HistogramReading read_histogram(const HistogramCell<N, CellType>& histogram) {
  HistogramReading reading{histogram.bounds(), {}, histogram.sum()};
  reading.buckets.reserve(N + 1);
  for (std::size_t i = 0; i <= N; ++i) reading.buckets.push_back(histogram.bucket(i));
  return reading;
}

struct HistogramFamily {
  std::string_view name;
  std::string_view help;
  HistogramReading (*read)(const WorkerMetrics&, std::size_t label_index);
  std::string_view label = {};
  std::span<const std::string_view> label_values = {};
  [[nodiscard]] std::size_t size() const { return label.empty() ? 1 : label_values.size(); }
};

/// The histogram that has exemplars.
inline constexpr std::string_view kDelayFamily = "weir_verdict_delay_seconds";

std::span<const CellFamily> cell_families();
std::span<const HistogramFamily> histogram_families();

}  // namespace weir::telemetry
