#pragma once
// A case through the real worker on the log in memory, one event after the other.

#include <string>
#include <vector>

#include "operators/settings.h"
#include "pipeline/cases/case_file.h"
#include "pipeline/core/error.h"
#include "pipeline/core/scorer.h"
#include "pipeline/replay/replay.h"

namespace weir::cases {

struct Failure {
  config::Place place;
  std::string what;  // "action", "state of U1"
  std::string expected;
  std::string got;
};

struct CaseResult {
  std::vector<Failure> failures;  // none: passed
  std::uint64_t checks = 0;
};

/// `scorer` may be null. An Error is of the worker, not of an expectation.
Result<CaseResult> run_case(const Case& one, const replay::ReplayOptions& options, Scorer* scorer);

}  // namespace weir::cases
