#pragma once
// The replay runtime: one thread, the worker and its operators on the in-memory log, strict
// event-time order. The same files give the same bytes on every run.

#include <cstdint>
#include <functional>
#include <map>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/core/error.h"
#include "pipeline/core/scorer.h"
#include "pipeline/verdict_summary.h"
#include "pipeline/worker.h"
#include "state/windows/entity_windows.h"

namespace weir::replay {

struct ReplayOptions {
  std::string transactions;  // .jsonl or .jsonl.gz
  std::string labels;        // the same; may be empty
  std::int32_t partitions =
      4;  // as the live topic has, so that `input` in the verdicts is the same
  operators::Settings operators;
  state::RetentionPolicy retention;
  /// Told now and then how many of all payments are done.
  std::function<void(std::uint64_t done, std::uint64_t all)> progress;
};

struct ReplayResult {
  std::uint64_t transactions = 0;
  std::uint64_t labels = 0;
  std::uint64_t dead_letters = 0;
  std::vector<std::string>
      bad_labels;  // "labels.jsonl:12: is_fraud: true or false expected"; the first ten
  std::uint64_t bad_label_count = 0;
  /// With declared features: labels by what became of them in their user's windows.
  std::map<state::LabelOutcome, std::uint64_t> label_outcomes;
  VerdictSummary summary;
};

/// Where results go; null pointers are not written.
struct ReplaySinks {
  std::ostream* verdicts = nullptr;  // one a line, in input order
  std::ostream* features = nullptr;
  std::ostream* dead_letters = nullptr;                     // reason and origin as JSON, one a line
  std::ostream* state = nullptr;                            // as `weir state dump`
  std::function<void(std::string_view)> features_record{};  // each features record, when not empty
};

/// `scorer` may be null. A payment whose time cannot be read keeps its place in the file. A label
/// whose label_time is at or before a payment's event time is known to that payment.
Status run_replay(const ReplayOptions& options, Scorer* scorer, const ReplaySinks& sinks,
                  ReplayResult& result);

}  // namespace weir::replay
