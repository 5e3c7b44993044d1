#pragma once
// The list `features`: its words, and how its entries, read key by key, become declared features.

#include <array>
#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "operators/features/declared_feature.h"
#include "pipeline/config/assignments.h"
#include "pipeline/config/config.h"
#include "pipeline/config/diagnostic.h"
#include "pipeline/config/load.h"

namespace weir::config {

inline constexpr std::string_view kFeaturesSection = "features";
inline constexpr std::size_t kFeaturesMax = 512;
inline constexpr std::string_view kFeatureNameForm =
    "1 to 64 lower-case letters, digits or '_', a letter first";
inline constexpr std::chrono::milliseconds kFeatureWindowMin{state::kWindowMinMs};
inline constexpr std::chrono::milliseconds kFeatureWindowMax{state::kWindowMaxMs};

/// `payment`, then the entities of the window engine.
inline constexpr std::array<std::string_view, state::kEntityKinds + 1> kFeatureEntities = {
    "payment", "user", "merchant", "device", "ip", "card"};
/// `value`, then the functions of the window engine.
inline constexpr std::array<std::string_view, std::size(state::kFunctionNames) + 1>
    kFeatureFunctions = {"value",  "count",      "sum",      "mean",     "min",
                         "max",    "stddev",     "distinct", "last",     "time_since",
                         "median", "last_label", "run_age",  "run_count"};
/// The fields of the window engine without its first, then what only a payment itself has.
inline constexpr std::array<std::string_view, std::size(state::kFieldNames) + 2> kFeatureFields = {
    "amount",  "ratio",    "fraud",        "labelled", "user",    "merchant",
    "device",  "ip",       "card",         "mcc",      "country", "merchant_country",
    "channel", "currency", "card_present", "hour",     "weekend", "night"};

/// The number that stands for the `*` of a key "features.*.x".
std::size_t feature_index(std::string_view name);

/// Makes config.operators.features of what was read, with all checks that concern an entry as a
/// whole; findings go to `diagnostics`. `read` holds the keys that were read well.
void compile_features(const Assignments& assignments, const std::map<std::string, Origin>& read,
                      Config& config, std::vector<Diagnostic>& diagnostics);

/// `features` as YAML that loads back to the same, one entry a line.
std::string dump_features(const Loaded& loaded);

}  // namespace weir::config
