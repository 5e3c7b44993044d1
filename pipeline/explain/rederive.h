#pragma once
// A decision made again from its features record by the operators that made it (score, decide,
// explain), and written again by the code that wrote it.

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "operators/score.h"
#include "operators/settings.h"
#include "pipeline/core/error.h"
#include "pipeline/core/history_row.h"
#include "pipeline/core/scorer.h"
#include "pipeline/explain/recorded_decision.h"

namespace weir {

struct RederivedDecision {
  nlohmann::json verdict;   // as `weir run` would write it now
  nlohmann::json features;  // the same
  HistoryRow payment;
  std::vector<HistoryRow> history;  // oldest first: what the model read
};

/// Error: the records are none of ours, or damaged. `scorer` may be null (no model configured).
Result<RederivedDecision> rederive(const RecordedDecision& recorded,
                                   const operators::Settings& settings, Scorer* scorer);

}  // namespace weir
