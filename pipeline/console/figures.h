#pragma once
// `Figures` of api.md: what happened between two readings of the cells that /metrics is made from.

#include <string>
#include <vector>

#include "pipeline/telemetry/metrics_window.h"

namespace weir::console {

/// One object of JSON. What was not seen is null.
std::string render_figures(const telemetry::MetricsSnapshot& start,
                           const telemetry::MetricsSnapshot& end,
                           const std::vector<std::string>& waiting_for);

}  // namespace weir::console
