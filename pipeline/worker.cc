#include "pipeline/worker.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "operators/dead_letter.h"
#include "pipeline/telemetry/log.h"

namespace weir {
namespace {

using Phase = Partition::Phase;
using std::chrono::milliseconds;
using telemetry::Step;

constexpr milliseconds kBackoffFirst{50};
constexpr milliseconds kBackoffMax{5'000};
constexpr milliseconds kStoppedRetry{10'000};
constexpr milliseconds kGaugeInterval{500};
constexpr milliseconds kFlushInterval{10'000};
constexpr milliseconds kRestorePatience{120'000};
constexpr milliseconds kRestoreRetry{500};
constexpr std::size_t kWriteBackBytes = 256U << 10;  // a commit: some 100 users, about a millisecond
constexpr int kRebuildsMax = 2;

double seconds(Clock::TimePoint from, Clock::TimePoint to) {
  return std::chrono::duration<double>(to - from).count();
}

template <class T>
auto& at(T& array, Step step) {
  return array[static_cast<std::size_t>(step)];
}

}  // namespace

Worker::Worker(WorkerOptions options, WorkerPorts ports, telemetry::WorkerMetrics& metrics)
    : options_(std::move(options)),
      ports_(ports),
      metrics_(metrics),
      restorer_(ports.input, ports.changelog, ports.stores, options_.exactly_once, ports.clock, metrics),
      path_(options_.operators, ports.scorer,
            [this](std::int32_t partition) -> state::UserStore& { return *partitions_.at(partition).store; }, metrics),
      pacer_(options_.pacing) {}

Worker::~Worker() {
  // The input may still hold an assignment, and leaving the group calls back into this object. After an error nothing
  // may be committed any more, least of all a transaction whose outcome is unknown.
  failed_ = true;
  ports_.input.close();
}

Status Worker::open() {
  // Fencing first, committed offsets second: an older process of this identity can no longer move them.
  WEIR_RETURN_IF_ERROR(ports_.output.open());
  return ports_.input.open(*this);
}

// ------------------------------------------------------------------------------------------- one turn

Result<std::size_t> Worker::step(milliseconds patience) {
  auto done = turn(patience);
  failed_ = failed_ || !done;
  return done;
}

Result<std::size_t> Worker::turn(milliseconds patience) {
  WEIR_RETURN_IF_ERROR(serve_waiting_partitions());
  const bool restoring = std::ranges::any_of(partitions_, [](const auto& p) {
    return p.second.phase == Phase::kOpening || p.second.phase == Phase::kRestoring;
  });
  const auto before = ports_.clock.now();
  const auto wait = restoring && before >= restore_retry_at_ ? milliseconds(0) : std::min(patience, pacer_.patience(before, !staged_.empty()));
  WEIR_RETURN_IF_ERROR(ports_.input.poll(records_, options_.batch_records_max, wait));
  if (failure_) return *std::exchange(failure_, std::nullopt);
  ports_.output.poll();
  const bool backlog = records_.size() == options_.batch_records_max;
  drop_foreign_records();

  std::size_t count = 0;
  if (!records_.empty()) {
    at(metrics_.step_seconds, Step::kConsume).observe(seconds(before, ports_.clock.now()));
    const auto processed = process();
    if (!processed) return processed.error();
    count = *processed;
    pacer_.staged(ports_.clock.now(), count, backlog);
  }
  if (!staged_.empty() && pacer_.settled(ports_.clock.now())) {
    const auto sent = send_staged();
    if (sent.outcome != TxnOutcome::kCommitted) WEIR_RETURN_IF_ERROR(give_up(sent));
  }
  if (has_progress() && pacer_.due(ports_.clock.now(), staged_bytes())) WEIR_RETURN_IF_ERROR(commit());
  if (ports_.clock.now() - gauges_at_ >= kGaugeInterval) {
    update_gauges();
    tend_stores();
  }
  return count;
}

void Worker::drop_foreign_records() {
  // A rebalance inside poll() may have taken or renewed partitions whose records were already collected.
  std::erase_if(records_, [&](const RawRecord& record) {
    const auto found = partitions_.find(record.partition);
    return found == partitions_.end() || found->second.phase != Phase::kActive ||
           record.offset < found->second.next_offset;
  });
}

Result<std::size_t> Worker::process() {
  std::size_t done = 0;
  while (done < records_.size()) {
    std::span<const RawRecord> batch(records_.data() + done, records_.size() - done);
    std::function<bool(const RawRecord&)> is_poison;
    if (ports_.guard != nullptr) {
      batch = batch.first(ports_.guard->batch_limit(batch));
      is_poison = [this](const RawRecord& record) { return ports_.guard->is_poison(record); };
      ports_.guard->begin(batch);
    }
    const bool untouchable = ports_.guard != nullptr && ports_.guard->is_untouchable(batch.front());
    if (untouchable) {
      staged_.push_back(operators::make_dead_letter(batch.front(), telemetry::RejectReason::kPoison,
                                                    "stopped the process before it was understood",
                                                    options_.operators.input_topic));
      metrics_.dead_letters[static_cast<std::size_t>(telemetry::RejectReason::kPoison)].add();
    }
    const auto status = untouchable ? ok() : path_.process(batch, staged_, is_poison);
    if (ports_.guard != nullptr) ports_.guard->end();
    if (!status) {
      if (status.error().kind == ErrorKind::kFatal) {
        WEIR_RETURN_IF_ERROR(rebuild_stores(status.error().message));
      } else {
        WEIR_RETURN_IF_ERROR(give_up({TxnOutcome::kAborted, status.error().message, -1, Stream::kVerdicts}));
      }
      return std::size_t{0};
    }
    for (const auto& record : batch) {
      auto& partition = partitions_.at(record.partition);
      partition.next_offset = record.offset + 1;
      partition.last_timestamp_ms = record.timestamp_ms;
      timestamps_ms_.push_back(record.timestamp_ms);
    }
    done += batch.size();
  }
  metrics_.events_in.add(static_cast<double>(done));
  return done;
}

TxnResult Worker::send_staged() {
  const auto started = ports_.clock.now();
  if (!in_transaction_) {
    auto begun = ports_.output.begin();
    if (begun.outcome != TxnOutcome::kCommitted) return begun;
    in_transaction_ = true;
  }
  for (auto& record : staged_) {
    auto sent = ports_.output.send(std::move(record));
    if (sent.outcome != TxnOutcome::kCommitted) return sent;
  }
  staged_.clear();
  // In a transaction the changelog travels with the results. Without one it waits for the commit: what a crash leaves
  // behind uncommitted should be as little as possible.
  TxnResult result;
  if (options_.exactly_once) result = send_changes();
  at(metrics_.step_seconds, Step::kProduce).observe(seconds(started, ports_.clock.now()));
  return result;
}

TxnResult Worker::send_changes() {
  for (auto& [id, partition] : partitions_) {
    if (!partition.store) continue;
    for (auto& change : partition.store->take_changes()) {
      auto sent = ports_.output.send(
          {Stream::kChangelog, id, id, std::move(change.key), std::move(change.value), {}});
      if (sent.outcome != TxnOutcome::kCommitted) return sent;
    }
  }
  return {};
}

// --------------------------------------------------------------------------------------------- commit

Status Worker::commit() {
  const auto started = ports_.clock.now();
  const auto result = commit_steps();
  const auto ended = ports_.clock.now();
  at(metrics_.step_seconds, Step::kCommit).observe(seconds(started, ended));
  if (result.outcome != TxnOutcome::kCommitted) return give_up(result);
  metrics_.commits[static_cast<std::size_t>(TxnOutcome::kCommitted)].add();
  in_transaction_ = false;
  apply_commit();
  pacer_.committed(started, ended);
  metrics_.commit_interval_seconds.set(std::chrono::duration<double>(pacer_.interval()).count());
  aborts_in_a_row_ = 0;
  rebuilds_in_a_row_ = 0;
  committed_at_ = ended;
  write_back(static_cast<std::uint64_t>(options_.write_back_interval / std::max(pacer_.interval(), milliseconds(1))));
  return ok();
}

TxnResult Worker::commit_steps() {
  // Step 1: everything is written, the commit record of each partition last, and acknowledged.
  auto result = send_staged();
  if (result.outcome != TxnOutcome::kCommitted) return result;
  if (!options_.exactly_once) {
    // Results first: a commit record must never claim a payment whose verdict is not durable.
    result = ports_.output.flush();
    if (result.outcome != TxnOutcome::kCommitted) return result;
    result = send_changes();
    if (result.outcome != TxnOutcome::kCommitted) return result;
  }
  std::vector<PartitionOffset> offsets;
  for (auto& [id, partition] : partitions_) {
    if (!partition.store || !partition.has_progress()) continue;
    auto record = partition.store->make_commit_record(partition.next_offset);
    result = ports_.output.send({Stream::kChangelog, id, id, std::move(record.key), std::move(record.value), {}});
    if (result.outcome != TxnOutcome::kCommitted) return result;
    offsets.push_back({id, partition.next_offset});
  }
  result = ports_.output.flush();
  if (result.outcome != TxnOutcome::kCommitted) return result;
  // Step 2 and 3: offsets join the transaction, the transaction ends.
  for (const auto& offset : offsets) {
    auto& partition = partitions_.at(offset.partition);
    // A resent record may be acknowledged without its offset. A position too low only makes a restore read more.
    partition.staged_position =
        std::max(partition.store->restore_from(), ports_.output.changelog_position(offset.partition));
  }
  return ports_.output.commit(offsets);
}

void Worker::apply_commit() {
  // Step 4: durable in the log, so it may become committed state here. A crash before this line is repaired by restore.
  for (auto& [id, partition] : partitions_) {
    if (!partition.store || !partition.has_progress()) continue;
    partition.store->commit(partition.staged_position);
    partition.committed = partition.committed_next = partition.next_offset;
    partition.failures = 0;
    partition.rebuilds = 0;
  }
  const auto now_ms = ports_.clock.wall_ms();
  for (const auto timestamp_ms : timestamps_ms_) {
    if (timestamp_ms > 0) {
      metrics_.verdict_delay_seconds.observe(static_cast<double>(std::max<std::int64_t>(now_ms - timestamp_ms, 0)) / 1e3);
    }
  }
  timestamps_ms_.clear();
}

void Worker::tend_stores() {
  const auto now = ports_.clock.now();
  // Write-back is paced by commits; where none come, what is left is written out anyway.
  if (now - committed_at_ >= options_.write_back_interval) write_back(0);
  // A flush bounds the tail a restore reads, and lets `weir state get` see what was written back.
  if (now - flushed_at_ < kFlushInterval) return;
  flushed_at_ = now;
  for (auto& [id, partition] : partitions_) {
    if (!partition.store) continue;
    if (auto started = partition.store->start_flush(); !started) {
      failure_ = fatal(fmt::format("partition {}: {}", id, started.error().message));
    }
  }
}

void Worker::write_back(std::uint64_t min_age) {
  for (auto& [id, partition] : partitions_) {
    if (!partition.store) continue;
    const auto written = partition.store->write_back(kWriteBackBytes, min_age);
    if (!written) {
      // The log is ahead of a store that cannot be written: never go on with it.
      failure_ = fatal(fmt::format("partition {}: {}", id, written.error().message));
      return;
    }
  }
}

// ------------------------------------------------------------------------------------------- failures

Status Worker::give_up(const TxnResult& cause) {
  metrics_.commits[static_cast<std::size_t>(cause.outcome)].add();
  if (cause.outcome == TxnOutcome::kFenced) {
    return retry(fmt::format("another process runs with this instance.id and took over: {}", cause.message));
  }
  if (cause.outcome == TxnOutcome::kUnknown) {
    return retry(fmt::format("the outcome of a transaction is unknown ({}); stopping, a restart recovers from the log",
                             cause.message));
  }
  log_warn("transaction given up, its input runs again: {}", cause.message);
  if (++aborts_in_a_row_ > options_.aborts_in_a_row_max) {
    return retry(fmt::format("{} transactions in a row were given up, the last one because: {}", aborts_in_a_row_ - 1,
                             cause.message));
  }
  WEIR_RETURN_IF_ERROR(forget_transaction());
  blame(cause);

  const auto pause = std::min(kBackoffMax, kBackoffFirst * (1 << std::min(aborts_in_a_row_ - 1, 10)));
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
  timestamps_ms_.clear();
  in_transaction_ = false;
  pacer_.aborted();
  for (auto& [id, partition] : partitions_) {
    if (!partition.store) continue;
    partition.store->rollback();
    partition.next_offset = partition.committed_next;
  }
  metrics_.producer_renewals.add();
  return ports_.output.abort();
}

void Worker::blame(const TxnResult& cause) {
  const auto found = partitions_.find(cause.failed_input_partition);
  if (found == partitions_.end() || cause.failed_stream != Stream::kDeadLetters) return;
  auto& [id, partition] = *found;
  if (++partition.failures < options_.dead_letter_failures_max) return;
  // Nothing is dropped: the partition waits until its dead letters can be written; the others go on.
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
  log_error("a local store cannot be trusted, all of this worker's are rebuilt from the changelog: {}", why);
  WEIR_RETURN_IF_ERROR(forget_transaction());
  std::vector<std::int32_t> ids;
  for (auto& [id, partition] : partitions_) {
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
    partition.phase = Phase::kActive;
    partition.why_stopped.clear();
    resumed.push_back({id, partition.committed_next});
  }
  if (!resumed.empty()) WEIR_RETURN_IF_ERROR(ports_.input.resume_at(resumed));
  return restore_some(now);
}

Status Worker::restore_some(Clock::TimePoint now) {
  if (now < restore_retry_at_) return ok();
  const auto status = restorer_.step(partitions_);
  if (status) {
    restore_failing_since_.reset();
    return status;
  }
  // A broker that is away, or a store that its last owner is about to close: both pass by themselves.
  if (!restore_failing_since_) restore_failing_since_ = now;
  const bool patient = status.error().kind == ErrorKind::kRetry && now - *restore_failing_since_ < kRestorePatience;
  if (!patient) return status;
  log_warn("restore waits: {}", status.error().message);
  restore_retry_at_ = now + kRestoreRetry;
  return ok();
}

// ------------------------------------------------------------------------------------------ rebalance

void Worker::assigned(std::span<const PartitionOffset> partitions) {
  joined_ = true;
  metrics_.rebalances.add();
  for (const auto& offset : partitions) {
    auto& partition = partitions_[offset.partition];
    partition = {};
    partition.committed = offset.next_offset;
  }
  log_info("assigned {} partitions", partitions.size());
}

void Worker::revoked(std::span<const std::int32_t> partitions, bool lost) {
  log_info("{} partitions {}", partitions.size(), lost ? "lost" : "revoked");
  if (failed_) {
    partitions_.clear();
    return;
  }
  // Inside the callback, while the group still waits for us: offsets of a partition that somebody else owns would be
  // accepted by the broker, so nothing may be committed after this returns.
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
    // Only committed state is in the store by now; written out, the next owner on this machine has no tail to read.
    if (partition.store && (partition.phase == Phase::kActive || partition.phase == Phase::kRewinding)) {
      if (auto status = partition.store->checkpoint(); !status) {
        log_warn("partition {}: {}", id, status.error().message);
      }
    }
    partitions_.erase(found);
  }
  staged_.clear();
  timestamps_ms_.clear();
}

Status Worker::close() {
  Status status = ok();
  if (has_progress()) status = commit();
  ports_.input.close();
  if (failure_) return *std::exchange(failure_, std::nullopt);
  return status;
}

// -------------------------------------------------------------------------------------------- figures

bool Worker::has_progress() const {
  return std::ranges::any_of(partitions_, [](const auto& p) { return p.second.store && p.second.has_progress(); });
}

std::size_t Worker::staged_bytes() const {
  std::size_t bytes = 0;
  for (const auto& [id, partition] : partitions_) {
    if (partition.store) bytes += partition.store->staged_bytes();
  }
  return bytes;
}

bool Worker::ready() const {
  return joined_ && std::ranges::all_of(partitions_, [](const auto& p) {
           return p.second.phase == Phase::kActive || p.second.phase == Phase::kRewinding;
         });
}

bool Worker::has_stopped_partition() const {
  return std::ranges::any_of(partitions_, [](const auto& p) { return p.second.phase == Phase::kStopped; });
}

void Worker::update_gauges() {
  gauges_at_ = ports_.clock.now();
  double lag = 0;
  double lag_seconds = 0;
  double hot_bytes = 0;
  double hot_users = 0;
  double dirty = 0;
  double disk = 0;
  double hits = 0;
  double misses = 0;
  double restored = 0;
  double stopped = 0;
  for (auto& [id, partition] : partitions_) {
    if (partition.phase == Phase::kActive || partition.phase == Phase::kRewinding) ++restored;
    if (partition.phase == Phase::kStopped) ++stopped;
    if (!partition.store) continue;
    partition.store->set_hot_bytes(options_.hot_bytes / partitions_.size());
    hot_bytes += static_cast<double>(partition.store->hot_bytes());
    hot_users += static_cast<double>(partition.store->hot_users());
    dirty += static_cast<double>(partition.store->dirty_bytes());
    disk += static_cast<double>(partition.store->disk_bytes());
    hits += static_cast<double>(partition.store->hits());
    misses += static_cast<double>(partition.store->misses());
    const auto behind = ports_.input.known_end(id) - partition.committed_next;
    if (behind <= 0) continue;
    lag += static_cast<double>(behind);
    if (partition.last_timestamp_ms > 0) {
      lag_seconds = std::max(lag_seconds,
                             static_cast<double>(ports_.clock.wall_ms() - partition.last_timestamp_ms) / 1e3);
    }
  }
  metrics_.lag_records.set(lag);
  metrics_.lag_seconds.set(lag_seconds);
  metrics_.hot_bytes.set(hot_bytes);
  metrics_.hot_users.set(hot_users);
  metrics_.dirty_bytes.set(dirty);
  metrics_.state_disk_bytes.set(disk);
  metrics_.hot_hits.set(hits);
  metrics_.hot_misses.set(misses);
  metrics_.assigned_partitions.set(static_cast<double>(partitions_.size()));
  metrics_.restored_partitions.set(restored);
  metrics_.stopped_partitions.set(stopped);
}

}  // namespace weir
