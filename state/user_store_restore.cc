#include <algorithm>
#include <utility>
#include <variant>

#include "state/user_store_impl.h"

namespace weir::state {

std::int64_t UserStore::restore_from() const {
  return impl_->point.position;
}

Status UserStore::restore(std::string_view key, std::string_view value, std::int64_t offset) {
  Impl& store = *impl_;
  WEIR_CHECK(!has_staged());
  store.waiting.saw(offset);
  // A tombstone is a mark of erasure, or a row that no window sees any more: the rows behind it let
  // go of it as they did when it was written.
  const bool known_kind =
      !key.empty() && std::string_view("uwlc").find(key.front()) != std::string_view::npos;
  if (value.empty() && known_kind) {
    if (const auto user_id = erased_user(key)) {
      store.waiting.forget(*user_id);
      if (offset >= store.point.erasures.behind) store.waiting.hold_erasure(*user_id, offset);
    }
    return ok();
  }
  if (!key.empty() && key.front() == 'u') return store.restore_entry(key, value, offset);
  if (!key.empty() && key.front() == 'w') return store.restore_window(key, value, offset);
  auto record = decode_changelog(key, value);
  if (!record) return record.error();
  if (auto* lineage = std::get_if<LineageRecord>(&*record)) {
    store.lineages.insert_or_assign(lineage->id, std::move(lineage->lineage));
    return ok();
  }
  return store.restore_commit(std::get<CommitRecord>(*record), offset);
}

Status UserStore::Impl::restore_entry(std::string_view key, std::string_view value,
                                      std::int64_t offset) {
  const auto record = parse_entry_record(key, value);
  if (!record) return record.error();
  return hold_record(key, value,
                     {record->user_id, record->entry_bytes, RestoreBuffer::Held::Kind::kEntry,
                      WindowCause::kEntry, record->input_offset},
                     record->commit_sequence, offset);
}

Status UserStore::Impl::restore_window(std::string_view key, std::string_view value,
                                       std::int64_t offset) {
  const auto record = parse_window_record(key, value);
  if (!record) return record.error();
  using Kind = RestoreBuffer::Held::Kind;
  return hold_record(
      key, value,
      {record->user_id, record->body, record->is_row ? Kind::kRow : Kind::kWaitingLabel,
       record->cause, record->input_offset},
      record->commit_sequence, offset);
}

Status UserStore::Impl::hold_record(std::string_view key, std::string_view value,
                                    const RestoreBuffer::Held& record,
                                    std::uint64_t commit_sequence, std::int64_t offset) {
  const std::uint64_t held = waiting.waiting_sequence();
  const std::int64_t next_offset = point.last ? point.last->next_offset : 0;
  // In at_least_once a commit may be written twice: its first try reached the log but was not
  // acknowledged, or its writer was stopped and woke up after its successor had begun. What counts
  // already is repeated then, byte for byte.
  if (record.cause == WindowCause::kLabel) {
    waiting.hold_label(record, commit_sequence, offset);
    return ok();
  }
  const bool repeated = commit_sequence == point.sequence && record.input_offset >= next_offset;
  const bool counted = commit_sequence <= point.sequence || record.input_offset < next_offset;
  if ((counted && !repeated) || commit_sequence < held) return ok();
  if (held != 0 && commit_sequence > held) {
    // Only a committed transaction is followed by the next: its commit record was compacted away.
    // What the next one writes again was not part of it.
    waiting.give_up_from(record.input_offset);
    if (waiting.waiting_sequence() != 0) {
      WEIR_RETURN_IF_ERROR(
          release_waiting({offset, held, point.last, point.erasures}, record.input_offset));
    }
    waiting.saw(offset);
  }
  waiting.hold(key, value, record, commit_sequence);
  if (repeated) waiting.skip_check();
  return ok();
}

Status UserStore::Impl::restore_commit(const CommitRecord& record, std::int64_t offset) {
  const std::int64_t next_offset = point.last ? point.last->next_offset : 0;
  // Known: the store is ahead of its position, or a commit was written twice (see restore_entry)
  // and the other one reached further. Whether the group's offset fits is for the caller to see.
  const std::int64_t next_label = point.last ? point.last->next_label : -1;
  if (record.sequence < point.sequence || record.next_offset < next_offset) return ok();
  const bool known = record.next_offset == next_offset && record.next_label <= next_label;
  if (record.sequence == point.sequence && known) return ok();
  WEIR_RETURN_IF_ERROR(waiting.close(record));
  // Of two writers each may have read further in one of the topics: what both did is in the log.
  CommitRecord furthest = record;
  furthest.next_label = std::max(record.next_label, next_label);
  WEIR_RETURN_IF_ERROR(
      release_waiting({offset + 1, record.sequence, furthest, point.erasures}, record.next_offset));
  if (from_nothing) point.erasures.count = record.erasures;  // of whom is gone nothing came back
  if (point.erasures.count == record.erasures) return ok();
  return fatal("state: " + std::to_string(record.erasures) +
               " users were erased in this partition, this store knows of " +
               std::to_string(point.erasures.count) +
               ": it was away for too long; it is rebuilt from the changelog");
}

Status UserStore::Impl::release_waiting(CommitPoint next, std::int64_t next_payment) {
  bool any_dirty = false;
  next.erasures = waiting.with_held(next.erasures);
  WEIR_RETURN_IF_ERROR(waiting.release(next, next_payment, [&](const RestoreBuffer::Held& record) {
    any_dirty = true;
    switch (record.kind) {
      case RestoreBuffer::Held::Kind::kErasure:
        return apply_erasure(record.user_id);
      case RestoreBuffer::Held::Kind::kEntry:
        return apply_entry(record);
      default:
        return apply_window(record);
    }
  }));
  next.position = waiting.position_before_labels(next.position);
  end_commit(next, any_dirty);
  return make_room();
}

Status UserStore::Impl::apply_entry(const RestoreBuffer::Held& record) {
  const auto entry = parse_entry(record.body);
  if (!entry) return entry.error();
  auto user = load(record.user_id);
  if (!user) return user.error();
  (*user)->state = put_entry((*user)->state, *entry, options.retention);
  hot.make_dirty(**user, ordinal + 1);
  hot.recharge(**user);
  return ok();
}

Status UserStore::Impl::apply_window(const RestoreBuffer::Held& record) {
  EntityWindows* of_owner = windows_of(record.user_id);
  if (of_owner == nullptr) return ok();  // none are declared any more
  pages.begin_restore(ordinal + 1);
  const Status put = record.kind == RestoreBuffer::Held::Kind::kRow
                         ? of_owner->put(record.user_id, row_of(record.body))
                         : of_owner->put_waiting(record.user_id, waiting_label_of(record.body));
  pages.end_restore();
  return put;
}

Status UserStore::Impl::apply_erasure(std::string_view user_id) {
  auto user = load(user_id);
  if (!user) return user.error();
  (*user)->state.clear();
  (*user)->erased = true;
  WEIR_RETURN_IF_ERROR(pages.forget(**user));
  hot.make_dirty(**user, ordinal + 1);
  hot.recharge_pages(**user);
  return ok();
}

/// A restore may be larger than memory: writes and evicts what is over the budget.
Status UserStore::Impl::make_room() {
  hot.evict_to_budget(nullptr);
  while (hot.over_budget() && !hot.dirty().empty()) {
    const auto written = write_dirty(kWriteBackChunkBytes, UINT64_MAX);
    if (!written) return written.error();
  }
  return ok();
}

Status UserStore::finish_restore(std::int64_t position) {
  Impl& store = *impl_;
  if (position < store.point.position) {
    return fatal("changelog: ends at " + std::to_string(position) + ", the store is at " +
                 std::to_string(store.point.position) +
                 ": the topic was created again or cut; the store is rebuilt from the changelog");
  }
  store.waiting.drop();
  store.point.position = position;
  return ok();
}

}  // namespace weir::state
