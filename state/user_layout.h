#pragma once
// Where things are in a user's bytes, and the one way they are changed: splice() copies what stays
// and puts at most one row and one verdict in between. The layout (state/format.md) keeps the two
// parts of an entry apart, each in the order it is read and aged in, so that reading is indexing,
// ageing is cutting a front off, and a change is a handful of memcpy.
//
//   header | rows, by (event_time, sequence) | their slots | verdict index, by (seen, sequence) |
//   verdicts

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "pipeline/core/history_row.h"
#include "state/bytes.h"
#include "state/entry_codec.h"

namespace weir::state {

inline constexpr std::uint8_t kUserVersion = 1;

struct UserHead {
  std::uint8_t version = kUserVersion;
  std::uint8_t rows = 0;
  std::uint8_t verdicts = 0;
  std::uint8_t zero = 0;
  std::uint32_t next_sequence = 0;
  std::int64_t newest_seen_ms = 0;
};
struct VerdictIndex {
  std::uint64_t id_hash = 0;
  std::int64_t seen_ms = 0;
  std::uint32_t sequence = 0;
  std::uint16_t bytes = 0;
  std::uint8_t slot = 0;
  std::uint8_t zero = 0;
};
static_assert(sizeof(UserHead) == 16);
static_assert(sizeof(VerdictIndex) == 24);

/// (event_time, sequence): the order of history. By value, as the fields of a packed row are not
/// aligned.
inline std::pair<std::int64_t, std::uint32_t> history_order(const HistoryRow& row) {
  const std::int64_t event_time_ms = row.event_time_ms;
  const std::uint32_t sequence = row.sequence;
  return {event_time_ms, sequence};
}

/// Sections of valid bytes (validate_user_state) or of none: a user never seen.
class UserLayout {
 public:
  explicit UserLayout(std::string_view encoded)
      : encoded_(encoded.empty() ? kNeverSeen : encoded), head_(load<UserHead>(encoded_.data())) {}

  [[nodiscard]] const UserHead& head() const { return head_; }
  [[nodiscard]] std::size_t rows() const { return head_.rows; }
  [[nodiscard]] std::size_t verdicts() const { return head_.verdicts; }

  [[nodiscard]] std::size_t rows_at() const { return sizeof(UserHead); }
  [[nodiscard]] std::size_t slots_at() const { return rows_at() + rows() * sizeof(HistoryRow); }
  [[nodiscard]] std::size_t index_at() const { return slots_at() + rows(); }
  [[nodiscard]] std::size_t bodies_at() const {
    return index_at() + verdicts() * sizeof(VerdictIndex);
  }
  [[nodiscard]] const char* at(std::size_t offset) const { return encoded_.data() + offset; }

  [[nodiscard]] HistoryRow row(std::size_t i) const {
    return load<HistoryRow>(at(rows_at() + i * sizeof(HistoryRow)));
  }
  [[nodiscard]] std::uint8_t row_slot(std::size_t i) const {
    return load<std::uint8_t>(at(slots_at() + i));
  }
  [[nodiscard]] VerdictIndex index(std::size_t i) const {
    return load<VerdictIndex>(at(index_at() + i * sizeof(VerdictIndex)));
  }
  /// Bytes of the first `count` verdicts.
  [[nodiscard]] std::size_t bodies_bytes(std::size_t count) const;
  [[nodiscard]] std::string_view verdict(std::size_t i) const {
    return encoded_.substr(bodies_at() + bodies_bytes(i), index(i).bytes);
  }

 private:
  static constexpr char kEmptyHead[sizeof(UserHead)] = {kUserVersion};
  static constexpr std::string_view kNeverSeen{kEmptyHead, sizeof kEmptyHead};

  std::string_view encoded_;
  UserHead head_;
};

/// What stays of a sequence: [begin, at), then the new element if `insert`, then [resume, end).
struct Cut {
  std::size_t begin = 0;
  std::size_t at = 0;
  std::size_t resume = 0;
  std::size_t end = 0;
  bool insert = false;

  static Cut all(std::size_t size) { return {0, size, size, size, false}; }
  static Cut without(std::size_t i, std::size_t size) { return {0, i, i + 1, size, false}; }
  static Cut with_new(std::size_t position, std::size_t size) {
    return {0, position, position, size, true};
  }
  [[nodiscard]] std::size_t count() const {
    return (at - begin) + (insert ? 1U : 0U) + (end - resume);
  }
  /// Takes elements away from the front, the new one included when its turn comes.
  void drop_front(std::size_t drop);
};

/// The bytes after both cuts; `entry` is where a new row or verdict comes from.
std::string splice(const UserLayout& from, const Cut& rows, const Cut& verdicts,
                   const EntryView& entry, const UserHead& head);

}  // namespace weir::state
