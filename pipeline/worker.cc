#include "pipeline/worker.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "operators/dead_letter.h"
#include "pipeline/telemetry/log.h"

namespace weir {
namespace {

using Phase = Partition::Phase;
using std::chrono::milliseconds;
using telemetry::Step;

constexpr milliseconds kGaugeInterval{500};
constexpr milliseconds kFlushInterval{10'000};
/// Written back with one commit: some 100 users, about a millisecond.
constexpr std::size_t kWriteBackBytes = 256U << 10;

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
      restorer_(ports.input, ports.changelog, ports.stores, options_.exactly_once, ports.clock,
                metrics),
      path_(
          options_.operators, ports.scorer,
          [this](std::int32_t partition) -> state::UserStore& {
            return *partitions_.at(partition).store;
          },
          metrics, ports.engine, ports.schemas),
      label_path_(
          options_.operators, ports.engine,
          [this](std::int32_t id) -> LabelPath::Place {
            Partition& partition = partitions_.at(id);
            return {*partition.store, partition.next.events};
          },
          metrics, ports.schemas),
      pacer_(options_.pacing) {
  metrics_.forget_staged();  // of a worker that ended in the middle
  traced_.reserve(tracing::Recorder::kRecordsMax);
  if (options_.entities) {
    entity_path_.emplace(
        *options_.entities,
        [this](std::int32_t id) -> state::UserStore& { return *partitions_.at(id).store; },
        metrics_);
  }
}

Worker::~Worker() {
  // The input may still hold an assignment, and leaving the group calls back into this object.
  // After an error nothing may be committed any more, least of all a transaction whose outcome is
  // unknown.
  failed_ = true;
  ports_.input.close();
}

Status Worker::open() {
  // Fencing first, committed offsets second: an older process of this identity can no longer move
  // them.
  WEIR_RETURN_IF_ERROR(ports_.output.open());
  return ports_.input.open(*this);
}

// -- one turn

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
  const auto wait = restoring && before >= restore_retry_at_
                        ? milliseconds(0)
                        : std::min(patience, pacer_.patience(before, !staged_.empty()));
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
  if (entity_path_) WEIR_RETURN_IF_ERROR(tend_entities());
  if (!staged_.empty() && pacer_.settled(ports_.clock.now())) {
    const auto sent = send_staged();
    if (sent.outcome != TxnOutcome::kCommitted) WEIR_RETURN_IF_ERROR(give_up(sent));
  }
  if (has_progress() && pacer_.due(ports_.clock.now(), staged_bytes()))
    WEIR_RETURN_IF_ERROR(commit());
  if (ports_.clock.now() - gauges_at_ >= kGaugeInterval) {
    update_gauges();
    tend_stores();
  }
  return count;
}

void Worker::drop_foreign_records() {
  // A rebalance inside poll() may have taken or renewed partitions whose records were already
  // collected.
  std::erase_if(records_, [&](const RawRecord& record) {
    const auto found = partitions_.find(record.partition);
    return found == partitions_.end() || found->second.phase != Phase::kActive ||
           record.offset < found->second.next[record.lane];
  });
}

Result<std::size_t> Worker::process() {
  // Payments first: a label that was polled with its payment finds it.
  const auto is_event = [](const RawRecord& record) { return record.lane == Lane::kEvents; };
  if (!std::ranges::all_of(records_, is_event)) {
    std::stable_partition(records_.begin(), records_.end(), is_event);
  }
  const auto events = static_cast<std::size_t>(std::ranges::count_if(records_, is_event));
  const auto processed = process(std::span(records_).first(events));
  if (!processed || *processed < events) return processed;
  const auto labels = process(std::span(records_).subspan(events));
  if (!labels) return labels;
  return *processed + *labels;
}

Status Worker::run_path(std::span<const RawRecord> batch,
                        const std::function<bool(const RawRecord&)>& is_poison) {
  if (entity_path_) return entity_path_->process(batch, staged_);
  if (batch.front().lane == Lane::kLabels) return label_path_.process(batch, staged_);
  return path_.process(batch, staged_, is_poison);
}

Status Worker::tend_entities() {
  for (auto& [id, partition] : partitions_) {
    if (partition.phase != Phase::kActive) continue;
    const auto done =
        entity_path_->tend({id, partition.next.events, ports_.input.at_end(id, Lane::kEvents),
                            partition.last_timestamp_ms, partition.has_progress(),
                            ports_.clock.now(), ports_.clock.wall_ms()},
                           staged_);
    if (!done) {
      if (done.error().kind == ErrorKind::kFatal) return rebuild_stores(done.error().message);
      return give_up({TxnOutcome::kAborted, done.error().message, -1, Stream::kProfiles});
    }
    if (!*done) continue;
    partition.touched = true;
    if (pacer_.records() == 0) pacer_.staged(ports_.clock.now(), 1, false);
  }
  return ok();
}

/// Of one lane. Less than there are: the transaction was given up.
Result<std::size_t> Worker::process(std::span<const RawRecord> records) {
  std::size_t done = 0;
  while (done < records.size()) {
    std::span<const RawRecord> batch = records.subspan(done);
    const bool labels = batch.front().lane == Lane::kLabels;
    std::function<bool(const RawRecord&)> is_poison;
    if (ports_.guard != nullptr) {
      batch = batch.first(ports_.guard->batch_limit(batch));
      is_poison = [this](const RawRecord& record) { return ports_.guard->is_poison(record); };
      ports_.guard->begin(batch);
    }
    const bool untouchable = ports_.guard != nullptr &&
                             (ports_.guard->is_untouchable(batch.front()) ||
                              ((labels || entity_path_) && ports_.guard->is_poison(batch.front())));
    if (untouchable) {
      staged_.push_back(operators::make_dead_letter(
          batch.front(), telemetry::RejectReason::kPoison,
          "stopped the process before it was understood",
          labels ? options_.operators.label_topic : options_.operators.input_topic));
      const auto input = entity_path_ ? telemetry::InputTopic::kEntities
                         : labels     ? telemetry::InputTopic::kLabels
                                      : telemetry::InputTopic::kTransactions;
      metrics_.dead_letters.of(input, telemetry::RejectReason::kPoison).add();
    }
    const auto status = untouchable ? ok() : run_path(batch, is_poison);
    if (ports_.guard != nullptr) ports_.guard->end();
    if (!status) {
      if (status.error().kind == ErrorKind::kFatal) {
        WEIR_RETURN_IF_ERROR(rebuild_stores(status.error().message));
      } else {
        WEIR_RETURN_IF_ERROR(
            give_up({TxnOutcome::kAborted, status.error().message, -1, Stream::kVerdicts}));
      }
      return std::size_t{0};
    }
    if (!labels && !entity_path_ && !untouchable) note_traced(batch.size());
    for (const auto& record : batch) {
      auto& partition = partitions_.at(record.partition);
      partition.next[record.lane] = record.offset + 1;
      if (labels) continue;
      partition.last_timestamp_ms = record.timestamp_ms;
      if (!entity_path_) timestamps_ms_.push_back(record.timestamp_ms);
    }
    done += batch.size();
    if (!labels) metrics_.events_in.add(static_cast<double>(batch.size()));
  }
  return done;
}

void Worker::note_traced(std::size_t records) {
  const auto traced = path_.traced();
  const std::size_t room = traced_.capacity() - traced_.size();
  const auto kept = traced.first(std::min(room, traced.size()));
  traced_.insert(traced_.end(), kept.begin(), kept.end());
  if (ports_.recorder != nullptr) ports_.recorder->add(traced, path_.step_times(), records);
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
  // In a transaction the changelog travels with the results. Without one it waits for the commit:
  // what a crash leaves behind uncommitted should be as little as possible.
  TxnResult result;
  if (options_.exactly_once) result = send_changes();
  const auto ended = ports_.clock.now();
  at(metrics_.step_seconds, Step::kProduce).observe(seconds(started, ended));
  if (ports_.recorder != nullptr) ports_.recorder->sent(started, ended);
  return result;
}

TxnResult Worker::send_changes() {
  for (auto& [id, partition] : partitions_) {
    if (!partition.store) continue;
    for (auto& change : partition.store->take_changes()) {
      auto sent = ports_.output.send({Stream::kChangelog,
                                      id,
                                      id,
                                      std::move(change.key),
                                      std::move(change.value),
                                      {},
                                      change.tombstone});
      if (sent.outcome != TxnOutcome::kCommitted) return sent;
    }
  }
  return {};
}

// -- commit

Status Worker::commit() {
  const auto started = ports_.clock.now();
  const auto result = commit_steps();
  const auto ended = ports_.clock.now();
  at(metrics_.step_seconds, Step::kCommit).observe(seconds(started, ended));
  if (result.outcome != TxnOutcome::kCommitted) return give_up(result);
  metrics_.commits[static_cast<std::size_t>(TxnOutcome::kCommitted)].add();
  metrics_.commit_staged();
  in_transaction_ = false;
  if (ports_.recorder != nullptr) {
    ports_.recorder->committed(started, ended, ports_.clock.wall_ms(), pacer_.records());
  }
  apply_commit();
  pacer_.committed(started, ended);
  metrics_.commit_interval_seconds.set(std::chrono::duration<double>(pacer_.interval()).count());
  aborts_in_a_row_ = 0;
  rebuilds_in_a_row_ = 0;
  committed_at_ = ended;
  write_back(static_cast<std::uint64_t>(options_.write_back_interval /
                                        std::max(pacer_.interval(), milliseconds(1))));
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
    for (auto& [id, partition] : partitions_) partition.log_in_doubt = partition.has_progress();
    result = send_changes();
    if (result.outcome != TxnOutcome::kCommitted) return result;
  }
  std::vector<PartitionOffset> offsets;
  for (auto& [id, partition] : partitions_) {
    if (!partition.store || !partition.has_progress()) continue;
    auto record = partition.store->make_commit_record(partition.next.events, partition.next.labels);
    result = ports_.output.send(
        {Stream::kChangelog, id, id, std::move(record.key), std::move(record.value), {}});
    if (result.outcome != TxnOutcome::kCommitted) return result;
    partition.append_offsets(id, partition.next, offsets);
  }
  result = ports_.output.flush();
  if (result.outcome != TxnOutcome::kCommitted) return result;
  // Step 2 and 3: offsets join the transaction, the transaction ends.
  for (const auto& offset : offsets) {
    auto& partition = partitions_.at(offset.partition);
    // A resent record may be acknowledged without its offset. A position too low only makes a
    // restore read more.
    partition.staged_position = std::max(partition.store->restore_from(),
                                         ports_.output.changelog_position(offset.partition));
  }
  return ports_.output.commit(offsets);
}

void Worker::apply_commit() {
  // Step 4: durable in the log, so it may become committed state here. A crash before this line is
  // repaired by restore.
  for (auto& [id, partition] : partitions_) {
    if (!partition.store || !partition.has_progress()) continue;
    partition.store->commit(partition.staged_position);
    partition.committed = partition.committed_next = partition.next;
    partition.touched = false;
    partition.failures = 0;
    partition.rebuilds = 0;
    partition.log_in_doubt = false;
  }
  const auto now_ms = ports_.clock.wall_ms();
  for (const auto timestamp_ms : timestamps_ms_) {
    if (timestamp_ms > 0) {
      metrics_.verdict_delay_seconds.observe(
          static_cast<double>(std::max<std::int64_t>(now_ms - timestamp_ms, 0)) / 1e3);
    }
  }
  timestamps_ms_.clear();
  for (const tracing::TracedRecord& traced : traced_) {
    if (traced.timestamp_ms <= 0) continue;
    const double delay =
        static_cast<double>(std::max<std::int64_t>(now_ms - traced.timestamp_ms, 0)) / 1e3;
    metrics_.delay_exemplars[metrics_.verdict_delay_seconds.bucket_of(delay)].set(
        {traced.own, delay, now_ms});
  }
  traced_.clear();
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

}  // namespace weir
