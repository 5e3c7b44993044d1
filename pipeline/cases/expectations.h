#pragma once
// What became of one record, held against what a case expects of it.

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "pipeline/cases/case_run.h"

namespace weir::cases {

struct Outcome {
  std::optional<nlohmann::json> verdict;
  std::optional<nlohmann::json> features;
  std::string dead_letter;  // reason; empty: none
  std::string detail;
};

/// Fields of an expectation: `dead_letter` (reason), `detail`, `reasons` (codes, all of them in
/// order), `features` (map of declared features by name), `p` (a number, or {from, to}), `where` (a
/// condition over the verdict, pipeline/query), anything else a field of the verdict by its dotted
/// path.
void check(const Outcome& outcome, const Event& event, CaseResult& result);

/// A condition over a user's state as `weir state get` prints it.
void check_state(const nlohmann::json& state, const StateExpectation& expected, CaseResult& result);

}  // namespace weir::cases
