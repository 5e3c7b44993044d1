#pragma once
// What the writers of verdicts share, whatever they write.

#include <array>
#include <string_view>
#include <utility>

#include "pipeline/core/verdict.h"

namespace weir::operators {

inline constexpr int kCostDecimals = 4;

/// Every cause, in the order in which verdicts name them.
inline constexpr std::array<std::pair<Degraded, std::string_view>, 5> kDegradedNames = {
    {{Degraded::kNoModel, "no_model"},
     {Degraded::kScoreInvalid, "score_invalid"},
     {Degraded::kPoison, "poison"},
     {Degraded::kProfileStale, "profile_stale"},
     {Degraded::kProfileDown, "profile_down"}}};

inline bool is_degraded(const Decision& decision, Degraded cause) {
  return (decision.degraded & static_cast<std::uint8_t>(cause)) != 0;
}

/// The number that the text with kCostDecimals reads back to.
double rounded_cost(double cost);

}  // namespace weir::operators
