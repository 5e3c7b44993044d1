#pragma once
// The shapes of api.md that several answers share.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "pipeline/console/kept_verdicts.h"
#include "pipeline/console/queue.h"

namespace weir::console {

using Json = nlohmann::ordered_json;

Json to_json(const Disposition& disposition);
Json to_json(const KeptVerdict& verdict, const std::optional<Disposition>& disposition);
Json summaries(const std::vector<Verdict>& verdicts, const KeptVerdicts& kept);
Json to_json(const Queue& queue, const KeptVerdicts& kept, std::int64_t now_ms,
             double minutes_per_case);

/// Text that was never valid UTF-8 cannot come from a topic of ours, but from another's: replaced.
std::string dump(const Json& json);

/// RFC 3339 in UTC, always with milliseconds.
std::string wall_time(std::int64_t ms);

}  // namespace weir::console
