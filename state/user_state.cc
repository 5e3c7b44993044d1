#include "state/user_state.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <utility>

#include "state/entry_codec.h"
#include "state/user_edit.h"
#include "state/user_layout.h"

namespace weir::state {
namespace {

Error damaged(std::string_view what) {
  return fatal("state: damaged user state: " + std::string(what) +
               "; the store is rebuilt from the changelog");
}

Status validate_rows(const UserLayout& user, std::array<std::int64_t, kSlots>& sequence_of_slot) {
  HistoryRow before;
  for (std::size_t i = 0; i < user.rows(); ++i) {
    if (!check_row({user.at(user.rows_at() + i * sizeof(HistoryRow)), sizeof(HistoryRow)})) {
      return damaged("row out of range");
    }
    const HistoryRow row = user.row(i);
    if (i > 0 && history_order(before) >= history_order(row)) {
      return damaged("rows out of order");
    }
    before = row;
    if (row.sequence >= user.head().next_sequence) return damaged("sequence of a row");
    const std::uint8_t slot = user.row_slot(i);
    if (slot >= kSlots || sequence_of_slot[slot] >= 0) return damaged("slot of a row");
    sequence_of_slot[slot] = row.sequence;
  }
  return ok();
}

Status validate_verdicts(const UserLayout& user, std::string_view bodies,
                         const std::array<std::int64_t, kSlots>& sequence_of_slot) {
  std::bitset<kSlots> taken;
  VerdictIndex before;
  for (std::size_t i = 0; i < user.verdicts(); ++i) {
    const VerdictIndex index = user.index(i);
    if (index.zero != 0) return damaged("unknown flags in the verdict index");
    if (i > 0 &&
        std::pair(before.seen_ms, before.sequence) >= std::pair(index.seen_ms, index.sequence)) {
      return damaged("verdicts out of order");
    }
    before = index;
    if (index.sequence >= user.head().next_sequence) return damaged("sequence of a verdict");
    if (index.seen_ms < 0 || index.seen_ms > user.head().newest_seen_ms) {
      return damaged("seen time of a verdict");
    }
    if (index.slot >= kSlots || taken.test(index.slot)) return damaged("slot of a verdict");
    taken.set(index.slot);
    const std::int64_t row_sequence = sequence_of_slot[index.slot];
    if (row_sequence >= 0 && row_sequence != index.sequence) {
      return damaged("row and verdict of a slot differ in sequence");
    }
    if (index.bytes > bodies.size()) return damaged("verdicts cut short");
    const std::string_view body = bodies.substr(0, index.bytes);
    bodies.remove_prefix(index.bytes);
    if (!check_verdict(body)) return damaged("verdict");
    if (transaction_hash(verdict_transaction_id(body)) != index.id_hash) {
      return damaged("hash of a transaction id");
    }
  }
  if (!bodies.empty()) return damaged("bytes left over");
  return ok();
}

}  // namespace

UserView::UserView(std::string_view encoded) : encoded_(encoded) {}

std::size_t UserView::history_size() const {
  return UserLayout(encoded_).rows();
}

HistoryRow UserView::history_row(std::size_t i) const {
  const UserLayout user(encoded_);
  WEIR_CHECK(i < user.rows());
  return user.row(i);
}

std::optional<std::int64_t> UserView::newest_event_time_ms() const {
  const UserLayout user(encoded_);
  if (user.rows() == 0) return std::nullopt;
  return history_order(user.row(user.rows() - 1)).first;
}

std::uint32_t UserView::next_sequence() const {
  return UserLayout(encoded_).head().next_sequence;
}

std::optional<RememberedVerdict> UserView::find_verdict(std::string_view transaction_id) const {
  const UserLayout user(encoded_);
  if (user.verdicts() == 0) return std::nullopt;
  const std::uint64_t hash = transaction_hash(transaction_id);
  for (std::size_t i = user.verdicts(); i-- > 0;) {  // newest first: that is what is resent
    if (user.index(i).id_hash != hash) continue;
    const std::string_view body = user.verdict(i);
    if (verdict_transaction_id(body) == transaction_id) return decode_verdict(body);
  }
  return std::nullopt;
}

std::vector<Entry> UserView::entries() const {
  const UserLayout user(encoded_);
  std::array<std::optional<Entry>, kSlots> by_slot;
  for (std::size_t i = 0; i < user.rows(); ++i) {
    Entry& entry = by_slot[user.row_slot(i)].emplace();
    entry.row = user.row(i);
  }
  for (std::size_t i = 0; i < user.verdicts(); ++i) {
    const VerdictIndex index = user.index(i);
    std::optional<Entry>& entry = by_slot[index.slot];
    if (!entry) {
      entry.emplace();
      entry->in_history = false;
      entry->row.sequence = index.sequence;
    }
    entry->seen_ms = index.seen_ms;
    entry->verdict = decode_verdict(user.verdict(i));
  }
  std::vector<Entry> all;
  for (std::size_t slot = 0; slot < kSlots; ++slot) {
    if (!by_slot[slot]) continue;
    by_slot[slot]->slot = static_cast<std::uint8_t>(slot);
    all.push_back(std::move(*by_slot[slot]));
  }
  return all;
}

Applied add_entry(std::string_view encoded, Entry entry, const RetentionPolicy& policy) {
  std::string trimmed;
  if (!keeps_policy(encoded, policy)) {
    trimmed = normalise(encoded, policy);
    encoded = trimmed;
  }
  entry.slot = lowest_free_slot(encoded);
  const std::string bytes = encode_entry(entry);
  const auto view = parse_entry(bytes);
  WEIR_CHECK(view);
  return {insert_entry(encoded, *view, policy), entry.slot};
}

std::string put_entry(std::string_view encoded, const Entry& entry) {
  const std::string bytes = encode_entry(entry);
  const auto view = parse_entry(bytes);
  WEIR_CHECK(view);
  return put_entry(encoded, *view, kKeepAll);
}

Status validate_user_state(std::string_view encoded) {
  if (encoded.size() < sizeof(UserHead)) return damaged("too short");
  const auto head = load<UserHead>(encoded.data());
  if (head.version != kUserVersion) {
    return fatal("state: user state has format version " + std::to_string(head.version) +
                 ", this program reads " + std::to_string(kUserVersion) +
                 "; the store is rebuilt from the changelog");
  }
  if (head.zero != 0) return damaged("unknown flags");
  if (head.next_sequence > kSequenceMax + 1) return damaged("next sequence out of range");
  if (head.newest_seen_ms < 0 || head.newest_seen_ms > kEventTimeMax.ms) {
    return damaged("newest seen time out of range");
  }
  const UserLayout user(encoded);
  if (user.bodies_at() > encoded.size()) return damaged("cut short");
  std::array<std::int64_t, kSlots> sequence_of_slot;
  sequence_of_slot.fill(-1);
  WEIR_RETURN_IF_ERROR(validate_rows(user, sequence_of_slot));
  return validate_verdicts(user, encoded.substr(user.bodies_at()), sequence_of_slot);
}

}  // namespace weir::state
