#include "pipeline/telemetry/metric_families.h"

#include <array>

namespace weir::telemetry {
namespace {

constexpr std::array<std::string_view, 5> kDegradedNames = {"no_model", "score_invalid", "poison",
                                                            "profile_stale", "profile_down"};
constexpr std::array<std::string_view, 2> kAccessNames = {"hit", "miss"};

// A cell of WorkerMetrics, alone or by label.
#define WEIR_CELL(member) \
  [](const WorkerMetrics& m, std::size_t) -> const Cell& { return m.member; }
#define WEIR_CELLS(member) \
  [](const WorkerMetrics& m, std::size_t i) -> const Cell& { return m.member[i]; }

// A StagedCell, as far as committed.
#define WEIR_COMMITTED(member) \
  [](const WorkerMetrics& m, std::size_t) -> const Cell& { return m.member.committed(); }
#define WEIR_COMMITTED_EACH(member) \
  [](const WorkerMetrics& m, std::size_t i) -> const Cell& { return m.member[i].committed(); }

const Cell& hot_access(const WorkerMetrics& m, std::size_t i) {
  return i == 0 ? m.hot_hits : m.hot_misses;
}

constexpr Kind kCounter = Kind::kCounter;
constexpr Kind kGauge = Kind::kGauge;

const CellFamily kCells[] = {
    {"weir_events_consumed_total",
     "Records taken from the input topic; those read again after an abort count again.", kCounter,
     WEIR_CELL(events_in)},
    {"weir_verdicts_total", "Verdicts committed, by action.", kCounter,
     WEIR_COMMITTED_EACH(verdicts), Merge::kSum, "action", kActionNames},
    {"weir_dead_letters_total",
     "Records that were not what their topic is for, by input topic and reason.", kCounter,
     WEIR_COMMITTED_EACH(dead_letters.cells), Merge::kSum, "reason", kRejectReasonNames, "input",
     kInputTopicNames},
    {"weir_tombstones_total", "Input records without a value, skipped.", kCounter,
     WEIR_COMMITTED(tombstones)},
    {"weir_waiting_labels_dropped_total",
     "Labels given up before their payment came, the oldest first: one user, merchant, device, "
     "address or card has room for 1,024 that wait.",
     kCounter, WEIR_COMMITTED(waiting_labels_dropped)},
    {"weir_bad_traceparents_total",
     "Records with a header traceparent that is none by the rules of W3C; it is ignored.", kCounter,
     WEIR_COMMITTED(bad_traceparents)},
    {"weir_duplicates_total",
     "Payments whose id was already decided; their first verdict was sent again.", kCounter,
     WEIR_COMMITTED(duplicates)},
    {"weir_out_of_order_total", "Payments older than the user's newest, put in their place.",
     kCounter, WEIR_COMMITTED(out_of_order)},
    {"weir_late_total", "Payments later than the allowed lateness, scored against current state.",
     kCounter, WEIR_COMMITTED(late)},
    {"weir_degraded_total", "Verdicts not made from everything they should be made from, by cause.",
     kCounter, WEIR_COMMITTED_EACH(degraded), Merge::kSum, "cause", kDegradedNames},
    {"weir_consumer_lag_records", "Input records not yet processed.", kGauge,
     WEIR_CELL(lag_records)},
    {"weir_label_lag_records", "Labels not yet processed.", kGauge, WEIR_CELL(label_lag_records)},
    {"weir_consumer_lag_seconds",
     "Age of the newest committed input record while others wait behind it, by record timestamp; "
     "before the first one, since the partition was assigned. 0 when none waits.",
     kGauge, WEIR_CELL(lag_seconds), Merge::kMax},
    {"weir_commits_total", "Commits, by outcome.", kCounter, WEIR_CELLS(commits), Merge::kSum,
     "outcome", kCommitOutcomeNames},
    {"weir_commit_interval_seconds",
     "Commit interval in force; above the configured one under load.", kGauge,
     WEIR_CELL(commit_interval_seconds), Merge::kMax},
    {"weir_spans_dropped_total",
     "Spans for which there was no room: the collector is slow or away, or too many are sampled.",
     kCounter, WEIR_CELL(spans_dropped)},
    {"weir_producer_renewals_total",
     "Producers replaced after an abort or a control request that was sent twice.", kCounter,
     WEIR_CELL(producer_renewals)},
    {"weir_state_disk_bytes", "Local state stores on disk.", kGauge, WEIR_CELL(state_disk_bytes)},
    {"weir_hot_set_bytes", "Memory of the users kept at hand.", kGauge, WEIR_CELL(hot_bytes)},
    {"weir_hot_set_users", "Users kept at hand.", kGauge, WEIR_CELL(hot_users)},
    {"weir_hot_set_dirty_bytes", "Memory of changed users not yet written to the local store.",
     kGauge, WEIR_CELL(dirty_bytes)},
    {"weir_hot_set_lookups_total", "Users looked up, found at hand (hit) or not (miss).", kCounter,
     hot_access, Merge::kSum, "result", kAccessNames},
    {"weir_restore_records_total", "Changelog records read to bring state up to date.", kCounter,
     WEIR_CELL(restore_records)},
    {"weir_restore_remaining_records",
     "Changelog records still to be read before partitions are ready.", kGauge,
     WEIR_CELL(restore_remaining_records)},
    {"weir_restore_duration_seconds", "Duration of the last restore.", kGauge,
     WEIR_CELL(restore_seconds), Merge::kMax},
    {"weir_assigned_partitions", "Input partitions this worker owns.", kGauge,
     WEIR_CELL(assigned_partitions)},
    {"weir_restored_partitions", "Owned partitions whose state is up to date.", kGauge,
     WEIR_CELL(restored_partitions)},
    {"weir_stopped_partitions", "Owned partitions stopped by an error; they need a person.", kGauge,
     WEIR_CELL(stopped_partitions)},
    {"weir_rebalances_total", "Changes of assignment.", kCounter, WEIR_CELL(rebalances)},
    {"weir_store_rebuilds_total",
     "Local stores refused as damaged or foreign and rebuilt from the changelog.", kCounter,
     WEIR_CELL(store_rebuilds)},
    {"weir_profile_lookups_total",
     "Merchants, devices, addresses and cards looked up for payments: their profile was current; "
     "the "
     "stage had nothing to say of them (none); it was behind (stale) or not there (down).",
     kCounter, WEIR_CELLS(profile_lookups), Merge::kSum, "state", kProfileStateNames},
    {"weir_registry_requests_total",
     "Requests to the schema registry: answered, or failed when it was away or unwell.", kCounter,
     WEIR_CELLS(registry_requests), Merge::kSum, "result", kRegistryAnswerNames},
    {"weir_registry_schemas", "Registered schemas that are kept.", kGauge,
     WEIR_CELL(registry_schemas)},
};

#undef WEIR_CELL
#undef WEIR_CELLS
#undef WEIR_COMMITTED
#undef WEIR_COMMITTED_EACH

const HistogramFamily kHistograms[] = {
    {"weir_step_duration_seconds",
     "Time of one batch in each step of the event path; commit: of one commit.",
     [](const WorkerMetrics& m, std::size_t i) { return read_histogram(m.step_seconds[i]); },
     "step", kStepNames},
    {"weir_verdict_delay_seconds",
     "From the input record's timestamp to the commit of its verdict.",
     [](const WorkerMetrics& m, std::size_t) { return read_histogram(m.verdict_delay_seconds); }},
    {"weir_score", "Calibrated probability of fraud of the payments scored.",
     [](const WorkerMetrics& m, std::size_t) { return read_histogram(m.score); }},
    {"weir_profile_staleness_seconds",
     "How far profiles were behind when payments looked them up, whether there was one or not; "
     "without lookups while the stage was down.",
     [](const WorkerMetrics& m, std::size_t) {
       return read_histogram(m.profile_staleness_seconds);
     }},
};

}  // namespace

std::span<const CellFamily> cell_families() {
  return kCells;
}
std::span<const HistogramFamily> histogram_families() {
  return kHistograms;
}

}  // namespace weir::telemetry
