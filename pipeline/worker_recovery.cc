// The worker when things go wrong or move: aborts, stores that cannot be trusted, waiting
// partitions, rebalances.

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "pipeline/telemetry/log.h"
#include "pipeline/worker.h"

namespace weir {
namespace {

using Phase = Partition::Phase;
using std::chrono::milliseconds;

constexpr milliseconds kBackoffFirst{50};
constexpr milliseconds kBackoffMax{5'000};
constexpr milliseconds kStoppedRetry{10'000};
constexpr milliseconds kRestorePatience{120'000};
constexpr milliseconds kRestoreRetry{500};
constexpr int kRebuildsMax = 2;

}  // namespace

// -- failures

Status Worker::give_up(const TxnResult& cause) {
  metrics_.commits[static_cast<std::size_t>(cause.outcome)].add();
  if (cause.outcome == TxnOutcome::kFenced) {
    return retry(
        fmt::format("another process runs with this instance.id and took over: {}", cause.message));
  }
  if (cause.outcome == TxnOutcome::kUnknown) {
    return retry(fmt::format(
        "the outcome of a transaction is unknown ({}); stopping, a restart recovers from the log",
        cause.message));
  }
  log_warn("transaction given up, its input runs again: {}", cause.message);
  if (++aborts_in_a_row_ > options_.aborts_in_a_row_max) {
    return retry(fmt::format("{} transactions in a row were given up, the last one because: {}",
                             aborts_in_a_row_ - 1, cause.message));
  }
  WEIR_RETURN_IF_ERROR(forget_transaction());
  blame(cause);

  const auto pause =
      std::min(kBackoffMax, kBackoffFirst * (1 << std::min(aborts_in_a_row_ - 1, 10)));
  std::vector<std::int32_t> paused;
  for (auto& [id, partition] : partitions_) {
    if (partition.phase != Phase::kActive && partition.phase != Phase::kRewinding) continue;
    partition.phase = Phase::kRewinding;
    partition.retry_at = ports_.clock.now() + pause;
    paused.push_back(id);
  }
  return paused.empty() ? ok() : ports_.input.pause(paused);
}

Status Worker::forget_transaction() {
  staged_.clear();
  forget_traced();
  metrics_.forget_staged();
  in_transaction_ = false;
  pacer_.aborted();
  for (auto& [id, partition] : partitions_) {
    if (!partition.store) continue;
    partition.store->rollback();
    partition.next = partition.committed_next;
    partition.touched = false;
    if (entity_path_) entity_path_->forget(id);
  }
  metrics_.producer_renewals.add();
  return ports_.output.abort();
}

void Worker::blame(const TxnResult& cause) {
  const auto found = partitions_.find(cause.failed_input_partition);
  if (found == partitions_.end() || cause.failed_stream != Stream::kDeadLetters) return;
  auto& [id, partition] = *found;
  if (++partition.failures < options_.dead_letter_failures_max) return;
  // Nothing is dropped: the partition waits until its dead letters can be written; the others go
  // on.
  partition.phase = Phase::kStopped;
  partition.retry_at = ports_.clock.now() + kStoppedRetry;
  partition.why_stopped = fmt::format("its dead letters cannot be written: {}", cause.message);
  aborts_in_a_row_ = 0;
  log_error("partition {} stopped: {}; tried again every {} s", id, partition.why_stopped,
            kStoppedRetry.count() / 1000);
  const std::int32_t ids[] = {id};
  if (auto paused = ports_.input.pause(ids); !paused) failure_ = paused.error();
}

Status Worker::rebuild_stores(const std::string& why) {
  if (++rebuilds_in_a_row_ > kRebuildsMax) return fatal(why);
  log_error(
      "a local store cannot be trusted, all of this worker's are rebuilt from the changelog: {}",
      why);
  WEIR_RETURN_IF_ERROR(forget_transaction());
  std::vector<std::int32_t> ids;
  for (auto& [id, partition] : partitions_) {
    count_lookups(partition);
    partition.store.reset();
    WEIR_RETURN_IF_ERROR(ports_.stores.wipe(id));
    metrics_.store_rebuilds.add();
    partition.phase = Phase::kOpening;
    ids.push_back(id);
  }
  return ports_.input.pause(ids);
}

Status Worker::serve_waiting_partitions() {
  if (failure_) return *std::exchange(failure_, std::nullopt);
  const auto now = ports_.clock.now();
  std::vector<PartitionOffset> resumed;
  for (auto& [id, partition] : partitions_) {
    const bool waiting = partition.phase == Phase::kRewinding || partition.phase == Phase::kStopped;
    if (!waiting || now < partition.retry_at || !partition.store) continue;
    partition.why_stopped.clear();
    if (partition.log_in_doubt) {
      // Its commit record may have been written all the same: only the log knows where to go on.
      partition.log_in_doubt = false;
      count_lookups(partition);
      partition.store.reset();
      partition.phase = Phase::kOpening;
      continue;
    }
    partition.phase = Phase::kActive;
    partition.append_offsets(id, partition.committed_next, resumed);
  }
  if (!resumed.empty()) WEIR_RETURN_IF_ERROR(ports_.input.resume_at(resumed));
  return restore_some(now);
}

Status Worker::restore_some(Clock::TimePoint now) {
  if (now < restore_retry_at_) return ok();
  auto status = restorer_.step(partitions_);
  if (status) {
    restore_failing_since_.reset();
    return status;
  }
  // A broker that is away, or a store that its last owner is about to close: both pass by
  // themselves.
  if (!restore_failing_since_) restore_failing_since_ = now;
  const bool patient =
      status.error().kind == ErrorKind::kRetry && now - *restore_failing_since_ < kRestorePatience;
  if (!patient) return status;
  log_warn("restore waits: {}", status.error().message);
  restore_retry_at_ = now + kRestoreRetry;
  return ok();
}

// -- rebalance

void Worker::assigned(std::span<const PartitionOffset> partitions) {
  joined_ = true;
  metrics_.rebalances.add();
  for (const auto& offset : partitions) {
    if (offset.lane != Lane::kEvents) continue;
    partitions_[offset.partition] = {};
    partitions_[offset.partition].assigned_ms = ports_.clock.wall_ms();
  }
  for (const auto& offset : partitions) {
    const auto found = partitions_.find(offset.partition);
    if (found == partitions_.end()) continue;  // labels without their payments: nobody's
    found->second.committed[offset.lane] = offset.next_offset;
    found->second.reads_labels |= offset.lane == Lane::kLabels;
  }
  log_info("assigned {} partitions", partitions_.size());
}

void Worker::revoked(std::span<const std::int32_t> partitions, bool lost) {
  log_info("{} partitions {}", partitions.size(), lost ? "lost" : "revoked");
  if (failed_) {
    partitions_.clear();
    return;
  }
  // Inside the callback, while the group still waits for us: offsets of a partition that somebody
  // else owns would be accepted by the broker, so nothing may be committed after this returns.
  if (lost) {
    if (has_progress() || in_transaction_) {
      if (auto status = forget_transaction(); !status) failure_ = status.error();
    }
  } else if (has_progress()) {
    if (auto status = commit(); !status) failure_ = status.error();
  }
  restorer_.stop();
  for (const auto id : partitions) {
    const auto found = partitions_.find(id);
    if (found == partitions_.end()) continue;
    auto& partition = found->second;
    // Only committed state is in the store by now; written out, the next owner on this machine has
    // no tail to read.
    if (partition.store &&
        (partition.phase == Phase::kActive || partition.phase == Phase::kRewinding)) {
      if (auto status = partition.store->checkpoint(); !status) {
        log_warn("partition {}: {}", id, status.error().message);
      }
    }
    count_lookups(partition);
    partitions_.erase(found);
  }
  staged_.clear();
  forget_traced();
}

void Worker::forget_traced() {
  timestamps_ms_.clear();
  traced_.clear();
  if (ports_.recorder != nullptr) ports_.recorder->forget();
}

Status Worker::close() {
  Status status = ok();
  if (has_progress()) status = commit();
  ports_.input.close();
  if (failure_) return *std::exchange(failure_, std::nullopt);
  return status;
}

}  // namespace weir
