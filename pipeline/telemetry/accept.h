#pragma once
// Which of our two text forms a scraper wants, by its header Accept (RFC 9110).

#include <string_view>

namespace weir::telemetry {

/// OpenMetrics text where it is named and at least as welcome as any other; the older text form
/// for everybody else, also for nonsense.
bool wants_openmetrics(std::string_view accept);

}  // namespace weir::telemetry
