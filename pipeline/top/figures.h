#pragma once
// From two looks at /metrics to what a person wants to know: rate, lag, delay, and the steps.

#include <map>
#include <string>
#include <vector>

#include "pipeline/top/exposition_reader.h"

namespace weir::top {

struct StepFigures {
  std::string name;
  double batches_per_second = 0;
  double mean_ms = 0;  // of a batch; 0: none ran
  double p99_ms = 0;   // upper bound of the bucket
  double share = 0;    // of the time spent in all steps
};

struct Figures {
  double verdicts_total = 0;
  double verdicts_per_second = 0;
  std::map<std::string, double> actions_per_second;
  std::map<std::string, double> dead_letters_per_second;  // by reason, where any
  double duplicates_per_second = 0;
  double degraded_per_second = 0;
  double lag_records = 0;
  double label_lag_records = 0;
  double lag_seconds = 0;
  double delay_p50_ms = 0;  // upper bounds of buckets; 0: no verdict in between
  double delay_p99_ms = 0;
  double partitions = 0;
  double restoring_partitions = 0;
  double stopped_partitions = 0;
  std::vector<StepFigures> steps;
};

/// Of stage decisions, over all its workers: what changed from `before` to `now`, `seconds` apart.
/// A counter that fell is of an instance that started anew: it counts from zero.
Figures figures_between(const std::vector<Sample>& before, const std::vector<Sample>& now,
                        double seconds);

}  // namespace weir::top
