#pragma once
// One user's state as bytes, and a view over it. The bytes are the value in the hot set, in RocksDB
// and, entry by entry, in the changelog: one format (state/format.md), versioned, little-endian,
// with a golden-file test.
//
// A user is a set of numbered slots. A slot holds an Entry: the raw row of a past payment (if it
// still counts as history), and the verdict given then (if it is still inside the dedupe horizon).
// Slots make changelog records idempotent: a record is "slot s of user u now holds this entry", so
// replaying a tail onto a store that is already ahead of it converges, and topic compaction by
// (user, slot) keeps exactly what is needed.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/core/error.h"
#include "pipeline/core/history_row.h"
#include "pipeline/core/verdict.h"

namespace weir::state {

struct RetentionPolicy {
  std::size_t history_rows = 16;  // W: newest rows kept, by (event_time, sequence); 1..128
  std::size_t verdicts_max =
      64;  // verdicts remembered per user for dedupe, newest by (seen, sequence); 1..120
  std::int64_t verdict_horizon_ms =
      86'400'000;  // and only while newest seen time - seen time < horizon; > 0
};

/// The first verdict of a transaction, kept to answer a duplicate with the same content.
struct RememberedVerdict {
  std::string transaction_id;
  std::string merchant_id;
  std::int64_t event_time_ms = 0;  // of the first payment: its row ages earlier than its verdict
  std::int64_t amount_minor = 0;
  std::uint16_t currency = 999;  // ISO 4217 numeric
  Decision decision;
  Origin origin;              // where the first one came from
  std::uint64_t lineage = 0;  // key into UserStore::lineage()
};

/// What one payment leaves in the state of its user.
struct Entry {
  std::uint8_t slot = 0;
  std::int64_t seen_ms =
      0;  // max(event time, newest event time of the user so far): a late event is remembered
          // from when it came, in event time; kept as long as the verdict
  HistoryRow
      row;  // row.sequence orders arrivals and is always there; the rest only while in_history
  bool in_history = true;  // false for late events: remembered for dedupe, not part of the history
  std::optional<RememberedVerdict> verdict;
};

/// Read-only view over a user's encoded state. Cheap to make; valid as long as the bytes.
class UserView {
 public:
  UserView() = default;                         // a user never seen
  explicit UserView(std::string_view encoded);  // encoded must be valid (see validate_user_state)

  /// Rows in history order (event_time, sequence), oldest first: at most W.
  [[nodiscard]] std::size_t history_size() const;
  [[nodiscard]] HistoryRow history_row(std::size_t i) const;
  /// Newest event time over everything seen in time; nullopt for a new user.
  [[nodiscard]] std::optional<std::int64_t> newest_event_time_ms() const;
  [[nodiscard]] std::uint32_t next_sequence() const;
  /// The remembered verdict of this transaction id, if inside the horizon.
  [[nodiscard]] std::optional<RememberedVerdict> find_verdict(
      std::string_view transaction_id) const;
  [[nodiscard]] std::vector<Entry> entries() const;  // all, decoded, in slot order: tools and tests
  [[nodiscard]] bool empty() const { return encoded_.empty(); }

 private:
  std::string_view encoded_;
};

/// Adds one entry (its slot is chosen here: the lowest free one), then applies the policy. Returns
/// the new bytes and the entry's slot. Pure: the same input gives the same bytes.
struct Applied {
  std::string encoded;
  std::uint8_t slot;
};
Applied add_entry(std::string_view encoded, Entry entry, const RetentionPolicy& policy);

/// Puts an entry into its given slot (restore), without applying the policy; `normalise` does that
/// afterwards. Of two entries for one slot the one with the higher sequence stays, whichever comes
/// first: so the order of putting does not matter, and putting a tail again onto a state that is
/// ahead of it changes nothing.
std::string put_entry(std::string_view encoded, const Entry& entry);
std::string normalise(std::string_view encoded, const RetentionPolicy& policy);

/// Full check of foreign bytes: version, lengths, order, slots. Never crashes (fuzzed).
Status validate_user_state(std::string_view encoded);

/// One entry alone, as the changelog carries it.
std::string encode_entry(const Entry& entry);
Result<Entry> decode_entry(std::string_view bytes);

}  // namespace weir::state
