#pragma once
// What a command answers with --json: JSON on standard output, and nothing else there. Talk, logs
// and progress go to standard error.

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "pipeline/verdict_summary.h"

namespace weir {

/// One line. What is not UTF-8 in it is replaced.
void print_json(const nlohmann::ordered_json& result);

/// Bytes under `name`; those that are not UTF-8 as base64 under "<name>_base64".
void put_bytes(nlohmann::ordered_json& json, const std::string& name, std::string_view bytes);

/// Counts, `actions`, and `quality` (null without labels of both kinds).
nlohmann::ordered_json to_json(const VerdictSummary& summary);

}  // namespace weir
