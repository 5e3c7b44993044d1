#pragma once
// The OpenMetrics text form, 1.0.0: what Prometheus asks for first, and the only one with
// exemplars. https://github.com/OpenObservability/OpenMetrics
//
// Samples have no _created: Prometheus keeps it as a series of its own, one more for each counter
// and histogram, and process_start_time_seconds says the same once.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <prometheus/metric_family.h>

#include "pipeline/telemetry/exemplar.h"

namespace weir::telemetry {

/// Of a bucket of the metric at `metric` in its family, or none.
using ExemplarOf = std::function<std::optional<Exemplar>(const prometheus::MetricFamily& family,
                                                         std::size_t metric, std::size_t bucket)>;

std::string to_openmetrics(const std::vector<prometheus::MetricFamily>& families,
                           const ExemplarOf& exemplar_of);

/// A bound as OpenMetrics wants it: "1.0", "0.001", "1.2096e+06".
std::string bound_text(double bound);

}  // namespace weir::telemetry
