#pragma once
// The bytes of one entry and of one remembered verdict (state/format.md). A user's state and the
// changelog carry the same row and verdict bytes, so an entry is encoded once, when it is added,
// and copied from then on.

#include <cstdint>
#include <string>
#include <string_view>

#include "pipeline/core/error.h"
#include "pipeline/core/verdict.h"
#include "state/user_state.h"

namespace weir::state {

/// Slots are 0..249: 128 rows, 120 verdicts that are no longer history, one being added, one spare.
inline constexpr std::size_t kSlots = 250;

/// The last payment of a user that can be numbered: next_sequence and one spare value fit behind
/// it.
inline constexpr std::uint32_t kSequenceMax = UINT32_MAX - 2;

inline constexpr std::uint8_t kEntryVersion = 1;

/// An encoded entry taken apart without copying. Lives as long as the bytes.
struct EntryView {
  std::uint8_t slot = 0;
  std::uint32_t sequence = 0;
  std::int64_t seen_ms = 0;
  std::string_view row;      // sizeof(HistoryRow) bytes; empty when not in history
  std::string_view verdict;  // empty when none is remembered
};

/// Appends the entry. What could not be read back is a bug of the caller and stops the process
/// here.
void append_entry(std::string& out, const Entry& entry);

/// Full check of foreign bytes; the error is kFatal and carries none of them.
Result<EntryView> parse_entry(std::string_view bytes);

/// Fields of a verdict's bytes; `bytes` must have passed check_verdict().
std::string_view verdict_transaction_id(std::string_view bytes);
RememberedVerdict decode_verdict(std::string_view bytes);
[[nodiscard]] bool check_verdict(std::string_view bytes);
[[nodiscard]] bool check_row(std::string_view bytes);

/// What a transaction id is looked up by: XXH3-64. Part of the format.
std::uint64_t transaction_hash(std::string_view transaction_id);

}  // namespace weir::state
