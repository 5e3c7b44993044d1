#pragma once
// One decision as the log tells it: its verdict and, where it was scored, its features record.

#include <optional>
#include <string>

#include "pipeline/commands.h"
#include "pipeline/config/config.h"
#include "pipeline/core/error.h"

namespace weir {

struct RecordedDecision {
  std::string verdict;   // JSON, of the first of all records that repeat it
  std::string features;  // JSON; empty: there is none, or it is not kept any more
};

/// Looks for a verdict_id or transaction_id in the files that the arguments name, else in the
/// topics, from their end in growing steps. nullopt: no verdict of this id is there. The later of
/// two decisions about one transaction id counts.
Result<std::optional<RecordedDecision>> find_decision(const config::Config& config,
                                                      const ExplainArguments& arguments);

}  // namespace weir
