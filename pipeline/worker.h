#pragma once
// One worker: the partitions its group membership gives it, and everything below them. The loop is
//
//     poll -> event path (stages state, makes records) -> send -> ... -> commit
//
// as a state machine without threads, statics or wall clock: step() does one turn, and everything
// that leaves the process goes through a port. Commit steps, crash matrix and restore:
// ARCHITECTURE.md.

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "operators/settings.h"
#include "pipeline/commit_pacer.h"
#include "pipeline/core/clock.h"
#include "pipeline/core/log.h"
#include "pipeline/core/schema_source.h"
#include "pipeline/core/scorer.h"
#include "pipeline/entity_path.h"
#include "pipeline/event_path.h"
#include "pipeline/label_path.h"
#include "pipeline/partition.h"
#include "pipeline/poison_guard.h"
#include "pipeline/restorer.h"
#include "pipeline/telemetry/worker_metrics.h"
#include "pipeline/tracing/recorder.h"

namespace weir {

struct WorkerOptions {
  operators::Settings operators;
  /// Set: this worker runs stage entities instead of decisions.
  std::optional<EntityStage> entities;
  bool exactly_once = true;
  CommitPacing pacing;
  std::size_t batch_records_max = 128;
  std::size_t hot_bytes = 128U << 20;  // shared by the worker's partitions
  std::chrono::milliseconds write_back_interval{
      10'000};                       // how long a changed user may stay in memory only
  int aborts_in_a_row_max = 20;      // then the worker gives up: the supervisor restarts it
  int dead_letter_failures_max = 3;  // then the partition stops
};

/// Everything outside the worker. All must outlive it.
struct WorkerPorts {
  InputLog& input;
  OutputLog& output;
  ChangelogReader& changelog;
  StoreHost& stores;
  const Clock& clock;
  Scorer* scorer = nullptr;                    // null: cost rule only
  PoisonGuard* guard = nullptr;                // null: replay
  operators::FeatureEngine* engine = nullptr;  // null: declared features are not computed
  tracing::Recorder* recorder = nullptr;       // null: no spans are kept
  SchemaSource* schemas = nullptr;             // null: records are plain JSON
};

class Worker final : private AssignmentListener {
 public:
  Worker(WorkerOptions options, WorkerPorts ports, telemetry::WorkerMetrics& metrics);
  ~Worker() override;

  /// Readies the producer (which ends what an earlier process of this identity left open), then
  /// joins the group.
  Status open();
  /// One turn; waits at most `patience` for input. kRetry and kFatal errors both end the worker:
  /// what could be retried here was. Returns the number of records processed.
  Result<std::size_t> step(std::chrono::milliseconds patience);
  /// Commits what is staged, now.
  Status commit_now() { return has_progress() ? commit() : ok(); }
  /// Commits what is staged, writes the stores out, leaves the group.
  Status close();

  /// Assigned and restored: every partition flows.
  [[nodiscard]] bool ready() const;
  /// Some partition waits for help or for time; the log says which and why.
  [[nodiscard]] bool has_stopped_partition() const;
  [[nodiscard]] const std::map<std::int32_t, Partition>& partitions() const { return partitions_; }

 private:
  void assigned(std::span<const PartitionOffset> partitions) override;
  void revoked(std::span<const std::int32_t> partitions, bool lost) override;

  Result<std::size_t> turn(std::chrono::milliseconds patience);
  Result<std::size_t> process();
  Result<std::size_t> process(std::span<const RawRecord> records);
  Status run_path(std::span<const RawRecord> batch,
                  const std::function<bool(const RawRecord&)>& is_poison);
  Status tend_entities();
  void drop_foreign_records();
  void note_traced(std::size_t records);
  /// The records of the transaction, their times and traces.
  void forget_traced();
  TxnResult send_staged();
  TxnResult send_changes();
  Status commit();
  TxnResult commit_steps();
  void apply_commit();
  /// Everything since begin() never happened: abort, forget staged state, rewind after a back-off.
  Status give_up(const TxnResult& cause);
  Status forget_transaction();
  void blame(const TxnResult& cause);
  Status rebuild_stores(const std::string& why);
  Status serve_waiting_partitions();
  Status restore_some(Clock::TimePoint now);
  void tend_stores();
  void write_back(std::uint64_t min_age_commits);
  void update_gauges();
  /// Input of a partition not yet processed, and how long it has waited, at least.
  struct Lag {
    double records = 0;
    double seconds = 0;
  };
  [[nodiscard]] Lag lag_of(std::int32_t id, const Partition& partition) const;
  /// Before a store goes, too: what it counted would go with it.
  void count_lookups(Partition& partition);
  [[nodiscard]] std::size_t staged_bytes() const;
  [[nodiscard]] bool has_progress() const;

  WorkerOptions options_;
  WorkerPorts ports_;
  telemetry::WorkerMetrics& metrics_;
  std::map<std::int32_t, Partition> partitions_;
  Restorer restorer_;
  EventPath path_;
  LabelPath label_path_;
  std::optional<EntityPath> entity_path_;  // instead of both
  CommitPacer pacer_;

  std::vector<RawRecord> records_;
  std::vector<OutputRecord> staged_;           // made, not yet sent
  std::vector<std::int64_t> timestamps_ms_;    // of the records in this transaction
  std::vector<tracing::TracedRecord> traced_;  // of them, with room for so many as are kept
  bool in_transaction_ = false;
  bool joined_ = false;  // has had an assignment
  bool failed_ = false;  // step() has returned an error: commit nothing any more
  int aborts_in_a_row_ = 0;
  int rebuilds_in_a_row_ = 0;
  Clock::TimePoint gauges_at_{};
  Clock::TimePoint committed_at_{};
  Clock::TimePoint flushed_at_{};
  Clock::TimePoint restore_retry_at_{};
  std::optional<Clock::TimePoint> restore_failing_since_;
  std::optional<Error> failure_;  // met in a callback
};

}  // namespace weir
