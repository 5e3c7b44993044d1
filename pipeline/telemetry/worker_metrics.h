#pragma once
// The figures of one worker, in cells that only its thread writes.

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "pipeline/core/verdict.h"
#include "pipeline/telemetry/amount_counters.h"
#include "pipeline/telemetry/cells.h"
#include "pipeline/telemetry/exemplar.h"
#include "pipeline/telemetry/label_counters.h"

namespace weir::telemetry {

/// Seconds. One set of bounds for every duration, from 1 us to 10 s.
inline constexpr std::array<double, 20> kDurationBounds = {
    1e-6,   2.5e-6, 5e-6, 1e-5,   2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3,
    2.5e-3, 5e-3,   1e-2, 2.5e-2, 5e-2,   0.1,  0.25, 0.5,    1,    10};
using DurationHistogram = HistogramCell<20>;
/// Seconds from a payment's record to its verdict. The objective (1 s) is a bound, and what is late
/// is told apart up to a minute.
inline constexpr std::array<double, 20> kDelayBounds = {1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1,
                                                        0.25, 0.5,    0.75, 1,    1.5,    2,    3,
                                                        4,    5,      7.5,  10,   30,     60};
using DelayHistogram = HistogramCell<20>;
inline constexpr std::array<double, 12> kScoreBounds = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05,
                                                        0.1,   0.2,   0.4,   0.6,  0.8,  1.0};
using ScoreHistogram = HistogramCell<12, StagedCell>;
/// Seconds that profiles are behind: from a commit or two up to the longest entities.max_staleness.
inline constexpr std::array<double, 16> kStalenessBounds = {
    0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 1'800, 3'600};
using StalenessHistogram = HistogramCell<16>;

/// The steps of the event path, in order; names are metric labels.
enum class Step : std::uint8_t {
  kConsume,
  kDecode,
  kValidate,
  kDedupe,
  kHistory,
  kWindows,
  kScore,
  kDecide,
  kEmit,
  kProduce,
  kCommit
};
inline constexpr std::array<std::string_view, 11> kStepNames = {
    "consume", "decode", "validate", "dedupe",  "history", "windows",
    "score",   "decide", "emit",     "produce", "commit"};

/// Reason codes of dead letters, in the order of the bad-input table (ARCHITECTURE.md). Label
/// values.
enum class RejectReason : std::uint8_t {
  kDecode,
  kOversize,
  kMissingField,
  kKeyMismatch,
  kRange,
  kPan,
  kFuture,
  kPoison,
  kSchema
};
inline constexpr std::array<std::string_view, 9> kRejectReasonNames = {
    "decode", "oversize", "missing_field", "key_mismatch", "range",
    "pan",    "future",   "poison",        "schema"};

inline constexpr std::array<std::string_view, 4> kCommitOutcomeNames = {"committed", "aborted",
                                                                        "fenced", "unknown"};

/// What became of a lookup among the profiles of entities. Label values.
inline constexpr std::array<std::string_view, 4> kProfileStateNames = {"current", "none", "stale",
                                                                       "down"};

/// Where a record that became a dead letter was read. Label values.
enum class InputTopic : std::uint8_t { kTransactions, kLabels, kEntities };
inline constexpr std::array<std::string_view, 3> kInputTopicNames = {"transactions", "labels",
                                                                     "entities"};

struct DeadLetterCounters {
  std::array<StagedCell, kInputTopicNames.size() * kRejectReasonNames.size()> cells;
  StagedCell& of(InputTopic input, RejectReason reason) {
    return cells[static_cast<std::size_t>(input) * kRejectReasonNames.size() +
                 static_cast<std::size_t>(reason)];
  }
};

/// Whether the schema registry answered a request. Label values.
inline constexpr std::array<std::string_view, 2> kRegistryAnswerNames = {"answered", "failed"};

struct WorkerMetrics {
  // What became of the input: counted when it commits.
  std::array<StagedCell, 5> verdicts;  // by Action
  DeadLetterCounters dead_letters;
  AmountCounters amounts;
  StagedCell tombstones;
  LabelCounters labels;
  StagedCell waiting_labels_dropped;  // whose payment had not come when too many others waited
  StagedCell bad_traceparents;
  StagedCell duplicates;
  StagedCell out_of_order;
  StagedCell late;
  std::array<StagedCell, 5> degraded;  // no_model, score_invalid, poison, profile_stale, _down
  ScoreHistogram score{kScoreBounds};

  // What the worker does: counted when it is done, so input that runs again counts again.
  Cell events_in;          // records taken from the input topic
  Cell label_lag_records;  // gauge
  Cell lag_records;        // gauge, summed over the worker's partitions
  Cell lag_seconds;        // gauge: age of the oldest record waiting, by record timestamp
  std::array<DurationHistogram, kStepNames.size()> step_seconds{
      DurationHistogram{kDurationBounds}, DurationHistogram{kDurationBounds},
      DurationHistogram{kDurationBounds}, DurationHistogram{kDurationBounds},
      DurationHistogram{kDurationBounds}, DurationHistogram{kDurationBounds},
      DurationHistogram{kDurationBounds}, DurationHistogram{kDurationBounds},
      DurationHistogram{kDurationBounds}, DurationHistogram{kDurationBounds},
      DurationHistogram{kDurationBounds}};             // per batch (commit: per commit)
  DelayHistogram verdict_delay_seconds{kDelayBounds};  // record timestamp to commit
  std::array<ExemplarCell, kDelayBounds.size() + 1> delay_exemplars;  // by bucket
  std::array<Cell, kCommitOutcomeNames.size()> commits;
  Cell commit_interval_seconds;  // gauge: the interval in force (grows under load)
  Cell spans_dropped;            // there was no room for them
  Cell producer_renewals;        // fresh producers by the epoch rule or an abort
  Cell state_disk_bytes, hot_bytes, hot_users, dirty_bytes;  // gauges
  Cell hot_hits, hot_misses;
  Cell restore_records;
  Cell restore_remaining_records;                                     // gauge
  Cell restore_seconds;                                               // gauge: last restore
  Cell assigned_partitions, restored_partitions, stopped_partitions;  // gauges
  Cell rebalances;
  Cell store_rebuilds;  // local stores refused and rebuilt from the changelog
  std::array<Cell, kProfileStateNames.size()> profile_lookups;
  std::array<Cell, kRegistryAnswerNames.size()> registry_requests;
  Cell registry_schemas;                                           // gauge
  StalenessHistogram profile_staleness_seconds{kStalenessBounds};  // at lookups

  /// Of a worker that has ended: what it had is nobody's now.
  void reset_gauges() {
    for (auto* gauge : {&label_lag_records, &lag_records, &lag_seconds, &commit_interval_seconds,
                        &state_disk_bytes, &hot_bytes, &hot_users, &dirty_bytes,
                        &restore_remaining_records, &restore_seconds, &assigned_partitions,
                        &restored_partitions, &stopped_partitions, &registry_schemas}) {
      gauge->set(0);
    }
  }
  /// The open transaction took effect: what it brought about counts.
  void commit_staged() {
    each_staged([](StagedCell& cell) { cell.commit(); });
  }
  /// It never happened.
  void forget_staged() {
    each_staged([](StagedCell& cell) { cell.forget(); });
  }

 private:
  template <class Visit>
  void each_staged(const Visit& visit) {
    for (auto* cells : {&verdicts, &degraded}) std::ranges::for_each(*cells, visit);
    std::ranges::for_each(dead_letters.cells, visit);
    amounts.each_cell(visit);
    for (auto* cell : {&tombstones, &waiting_labels_dropped, &bad_traceparents, &duplicates,
                       &out_of_order, &late}) {
      visit(*cell);
    }
    labels.each_cell(visit);
    score.each_cell(visit);
  }
};

}  // namespace weir::telemetry
