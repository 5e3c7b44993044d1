#pragma once
// Records of the metrics topic: what happened between two moments, under the names Prometheus knows
// it by.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/telemetry/metric_families.h"
#include "pipeline/telemetry/worker_metrics.h"

namespace weir::telemetry {

/// All workers' figures at one moment, merged, in the order of the family tables.
struct MetricsSnapshot {
  std::int64_t wall_ms = 0;                // since the Unix epoch
  std::vector<std::vector<double>> cells;  // [family][label]
  std::vector<std::vector<HistogramReading>> histograms;
};

/// Reads the cells while the workers write them; `wall_ms` is the caller's clock.
MetricsSnapshot take_snapshot(std::span<const WorkerMetrics* const> workers, std::int64_t wall_ms);

/// One line of JSON, without a line break:
///   {"instance":"weir-0","window":{"start":"...","end":"...","seconds":10},
///    "counters":{"weir_events_consumed_total":{"count":N,"per_second":R},
///                "weir_verdicts_total":{"approve":{"count":...,"per_second":...},...}, ...},
///    "gauges":{...at the end of the window...},
///    "histograms":{"weir_verdict_delay_seconds":{"count":N,"sum":S,"p50":...,"p99":...}, ...}}
/// Counters and histograms are those of the window. Quantiles are linear inside a bucket, null when
/// nothing was seen, the last bound when above it.
std::string render_metrics_window(const MetricsSnapshot& start, const MetricsSnapshot& end,
                                  std::string_view instance);

/// The value below which a share `q` of the observations lies, as Prometheus' histogram_quantile;
/// NaN when empty.
double estimate_quantile(const HistogramReading& reading, double q);

}  // namespace weir::telemetry
