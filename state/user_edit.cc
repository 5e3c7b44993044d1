#include "state/user_edit.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <utility>

#include "state/user_layout.h"

namespace weir::state {
namespace {

/// First row behind (event_time, sequence). Payments mostly come in order, so from the end.
std::size_t row_position(const UserLayout& user, const HistoryRow& row) {
  std::size_t i = user.rows();
  while (i > 0) {
    if (history_order(user.row(i - 1)) < history_order(row)) break;
    --i;
  }
  return i;
}

std::size_t verdict_position(const UserLayout& user, const EntryView& entry) {
  std::size_t i = user.verdicts();
  while (i > 0) {
    const VerdictIndex before = user.index(i - 1);
    if (std::pair(before.seen_ms, before.sequence) < std::pair(entry.seen_ms, entry.sequence)) {
      break;
    }
    --i;
  }
  return i;
}

/// Remembered while newest - seen < horizon. Times are 0..kEventTimeMax, so the difference cannot
/// overflow.
bool beyond_horizon(std::int64_t seen_ms, std::int64_t newest_ms, const RetentionPolicy& policy) {
  return newest_ms - seen_ms >= policy.verdict_horizon_ms;
}

void apply_to_rows(Cut& rows, const RetentionPolicy& policy) {
  if (rows.count() > policy.history_rows) rows.drop_front(rows.count() - policy.history_rows);
}

void apply_to_verdicts(Cut& verdicts, const UserLayout& user, const EntryView& entry,
                       std::int64_t newest_ms, const RetentionPolicy& policy) {
  if (verdicts.count() > policy.verdicts_max) {
    verdicts.drop_front(verdicts.count() - policy.verdicts_max);
  }
  while (verdicts.count() > 0) {
    std::int64_t oldest_ms = 0;
    if (verdicts.begin < verdicts.at) {
      oldest_ms = user.index(verdicts.begin).seen_ms;
    } else if (verdicts.insert) {
      oldest_ms = entry.seen_ms;
    } else {
      oldest_ms = user.index(verdicts.resume).seen_ms;
    }
    if (!beyond_horizon(oldest_ms, newest_ms, policy)) break;
    verdicts.drop_front(1);
  }
}

struct Holder {
  std::optional<std::size_t> row;
  std::optional<std::size_t> verdict;
  std::uint32_t sequence = 0;
};

/// What is in the slot; nullopt when it is free.
std::optional<Holder> holder_of(const UserLayout& user, std::uint8_t slot) {
  Holder holder;
  for (std::size_t i = 0; i < user.rows(); ++i) {
    if (user.row_slot(i) != slot) continue;
    holder.row = i;
    holder.sequence = user.row(i).sequence;
    break;
  }
  for (std::size_t i = 0; i < user.verdicts(); ++i) {
    const VerdictIndex index = user.index(i);
    if (index.slot != slot) continue;
    holder.verdict = i;
    holder.sequence = index.sequence;
    break;
  }
  if (!holder.row && !holder.verdict) return std::nullopt;
  return holder;
}

std::string without(const UserLayout& user, const Holder& holder) {
  const Cut rows = holder.row ? Cut::without(*holder.row, user.rows()) : Cut::all(user.rows());
  const Cut verdicts =
      holder.verdict ? Cut::without(*holder.verdict, user.verdicts()) : Cut::all(user.verdicts());
  return splice(user, rows, verdicts, {}, user.head());
}

}  // namespace

bool keeps_policy(std::string_view encoded, const RetentionPolicy& policy) {
  const UserLayout user(encoded);
  if (user.rows() > policy.history_rows || user.verdicts() > policy.verdicts_max) return false;
  return user.verdicts() == 0 ||
         !beyond_horizon(user.index(0).seen_ms, user.head().newest_seen_ms, policy);
}

std::uint8_t lowest_free_slot(std::string_view encoded) {
  const UserLayout user(encoded);
  // One pass for every 64 slots, in a register: nearly always the first one answers.
  for (std::size_t word = 0; word * 64 < kSlots; ++word) {
    std::uint64_t taken = 0;
    const auto take = [&taken, word](std::uint8_t slot) {
      if (slot / 64U == word) taken |= 1ULL << (slot % 64U);
    };
    for (std::size_t i = 0; i < user.rows(); ++i) take(user.row_slot(i));
    for (std::size_t i = 0; i < user.verdicts(); ++i) take(user.index(i).slot);
    const std::size_t slot = word * 64 + static_cast<std::size_t>(std::countr_one(taken));
    if (taken == ~0ULL) continue;
    WEIR_CHECK(slot < kSlots);
    return static_cast<std::uint8_t>(slot);
  }
  WEIR_CHECK(false);
  return 0;
}

std::string insert_entry(std::string_view encoded, const EntryView& entry,
                         const RetentionPolicy& policy) {
  const UserLayout user(encoded);
  UserHead head = user.head();
  head.next_sequence = std::max(head.next_sequence, entry.sequence + 1);
  head.newest_seen_ms = std::max(head.newest_seen_ms, entry.seen_ms);

  Cut rows = Cut::all(user.rows());
  if (!entry.row.empty()) {
    rows = Cut::with_new(row_position(user, load<HistoryRow>(entry.row.data())), user.rows());
  }
  apply_to_rows(rows, policy);
  Cut verdicts = Cut::all(user.verdicts());
  if (!entry.verdict.empty()) {
    verdicts = Cut::with_new(verdict_position(user, entry), user.verdicts());
  }
  apply_to_verdicts(verdicts, user, entry, head.newest_seen_ms, policy);
  return splice(user, rows, verdicts, entry, head);
}

std::string put_entry(std::string_view encoded, const EntryView& entry,
                      const RetentionPolicy& policy) {
  const UserLayout user(encoded);
  const auto holder = holder_of(user, entry.slot);
  if (!holder) return insert_entry(encoded, entry, policy);
  if (holder->sequence > entry.sequence) return normalise(encoded, policy);
  return insert_entry(without(user, *holder), entry, policy);
}

std::string normalise(std::string_view encoded, const RetentionPolicy& policy) {
  if (encoded.empty() || keeps_policy(encoded, policy)) return std::string(encoded);
  const UserLayout user(encoded);
  Cut rows = Cut::all(user.rows());
  apply_to_rows(rows, policy);
  Cut verdicts = Cut::all(user.verdicts());
  apply_to_verdicts(verdicts, user, {}, user.head().newest_seen_ms, policy);
  return splice(user, rows, verdicts, {}, user.head());
}

}  // namespace weir::state
