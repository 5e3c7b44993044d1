#include "state/restore_buffer.h"

#include <algorithm>

namespace weir::state {

RestoreBuffer::RestoreBuffer(const CommitPoint& from) {
  start_over(from);
}

void RestoreBuffer::start_over(const CommitPoint& point) {
  bytes_.clear();
  waiting_.clear();
  hash_ = 0;
  replaced_ = false;
  sequence_before_ = point.sequence;
  // Between a commit record and the next record lies the marker of the transaction, which a
  // consumer never sees. Where the commit record itself was compacted away, the first records of
  // the next commit may be gone as well.
  const bool behind_record = point.last && point.last->sequence == point.sequence;
  const bool at_start = point.position == 0 && point.sequence == 0;
  gapless_ = behind_record || at_start;
  log_offset_latest_ = point.position + (behind_record ? 1 : 0);
  next_log_offset_ = std::max(next_log_offset_, point.position);
}

void RestoreBuffer::saw(std::int64_t offset) {
  if (offset > log_offset_latest_) gapless_ = false;
  log_offset_latest_ = offset + 1;
  next_log_offset_ = offset + 1;
}

void RestoreBuffer::give_up_from(std::int64_t input_offset) {
  while (!waiting_.empty() && waiting_.back().input_offset >= input_offset) {
    waiting_.pop_back();
    replaced_ = true;
  }
}

void RestoreBuffer::hold(std::string_view key, std::string_view value, const Held& record,
                         std::uint64_t commit_sequence) {
  if (waiting_.empty()) sequence_ = commit_sequence;
  WEIR_CHECK(sequence_ == commit_sequence);
  give_up_from(record.begins_input() ? record.input_offset : record.input_offset + 1);
  Waiting waiting{record.input_offset, bytes_.size(), record.user_id.size(), 0,
                  record.body.size(),  record.kind};
  bytes_.append(record.user_id);
  waiting.body_at = bytes_.size();
  bytes_.append(record.body);
  waiting_.push_back(waiting);
  hash_ = chain_hash(hash_, key, value);
}

void RestoreBuffer::hold_label(const Held& record, std::uint64_t commit_sequence,
                               std::int64_t offset) {
  labels_.push_back({record.input_offset, commit_sequence, offset, std::string(record.user_id),
                     std::string(record.body), record.kind});
}

void RestoreBuffer::forget(std::string_view user_id) {
  const std::string_view bytes(bytes_);
  const std::size_t gone = std::erase_if(waiting_, [&](const Waiting& waiting) {
    return bytes.substr(waiting.user_at, waiting.user_bytes) == user_id;
  });
  if (gone != 0) replaced_ = true;
  std::erase_if(labels_, [&](const OfLabel& label) { return label.user_id == user_id; });
}

void RestoreBuffer::hold_erasure(std::string_view user_id, std::int64_t offset) {
  erased_.emplace_back(user_id);
  behind_erasures_ = offset + 1;
}

Erasures RestoreBuffer::with_held(Erasures before) const {
  if (erased_.empty()) return before;
  return {before.count + static_cast<std::uint32_t>(erased_.size()), behind_erasures_};
}

std::int64_t RestoreBuffer::position_before_labels(std::int64_t position) const {
  return labels_.empty() ? position : std::min(position, labels_.front().offset);
}

Status RestoreBuffer::close(const CommitRecord& record) {
  if (!waiting_.empty() && sequence_ == record.sequence) give_up_from(record.next_offset);
  if (replaced_) return ok();
  const std::size_t seen = waiting_sequence() == record.sequence ? waiting_.size() : 0;
  const auto seen_of_labels = std::ranges::count(labels_, record.sequence, &OfLabel::sequence);
  const bool all_seen = gapless_ && sequence_before_ + 1 == record.sequence;
  if (seen_of_labels < record.label_writes && all_seen) {
    return fatal("changelog: torn commit " + std::to_string(record.sequence) + ": " +
                 std::to_string(record.label_writes) + " writes of labels announced, " +
                 std::to_string(seen_of_labels) + " found");
  }
  if (seen > record.writes || (seen < record.writes && all_seen)) {
    return fatal("changelog: torn commit " + std::to_string(record.sequence) + ": " +
                 std::to_string(record.writes) + " writes announced, " + std::to_string(seen) +
                 " found");
  }
  if (seen == record.writes && seen > 0 && hash_ != record.hash) {
    return fatal("changelog: torn commit " + std::to_string(record.sequence) +
                 ": its writes are not those announced (hash differs)");
  }
  return ok();
}

Status RestoreBuffer::release(const CommitPoint& point, std::int64_t next_payment,
                              const Apply& apply) {
  for (const std::string& user_id : erased_) {
    WEIR_RETURN_IF_ERROR(apply({user_id, {}, Held::Kind::kErasure}));
  }
  erased_.clear();
  const std::string_view bytes(bytes_);
  for (const Waiting& waiting : waiting_) {
    WEIR_RETURN_IF_ERROR(apply({bytes.substr(waiting.user_at, waiting.user_bytes),
                                bytes.substr(waiting.body_at, waiting.body_bytes), waiting.kind}));
  }
  for (const OfLabel& label : labels_) {
    if (label.next_payment > next_payment) continue;
    WEIR_RETURN_IF_ERROR(
        apply({label.user_id, label.body, label.kind, WindowCause::kLabel, label.next_payment}));
  }
  std::erase_if(labels_, [&](const OfLabel& l) { return l.next_payment <= next_payment; });
  start_over(point);
  return ok();
}

void RestoreBuffer::drop() {
  labels_.clear();
  erased_.clear();
  start_over({next_log_offset_, sequence_before_, std::nullopt, {}});
}

}  // namespace weir::state
