#pragma once
// Entry records of the changelog on their way back into state: held until it is known that they
// were committed.
//
// In exactly_once every record that a read_committed reader sees was committed. In at_least_once a
// crash leaves records behind that no commit record covers; the writer that comes after starts
// again at the committed input offset, so an input offset that does not grow means: from here on
// this replaces what is waiting. At most one commit's records wait.
//
// What a label did stands behind the payments that were processed by then, and counts as soon as
// those are known to be committed - even where its own commit is not: the label is then read again,
// perhaps behind other payments (topic labels is read beside them, in no fixed order), changes
// nothing, and leaves no record in place of one that compaction has already taken away for the
// first. Putting it early or again does no harm (EntityWindows::put()).
//
// Where nothing was compacted away, the count and the hash in the commit record must fit: a torn
// transaction is found here.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/core/error.h"
#include "state/changelog.h"
#include "state/store_meta.h"

namespace weir::state {

class RestoreBuffer {
 public:
  /// A record that waits: an entry, or a change of the user's windows.
  struct Held {
    std::string_view user_id;
    std::string_view body;  // entry, row or waiting label
    enum class Kind : std::uint8_t {
      kEntry,
      kRow,
      kWaitingLabel,
      kErasure  // no body: the user is forgotten
    } kind = Kind::kEntry;
    WindowCause cause = WindowCause::kEntry;  // of windows
    std::int64_t input_offset = 0;            // see WindowCause
    /// First record of its input: what waits from there on is replaced. (An event leaves one record
    /// besides tombstones; a payment its entry and one behind it.)
    [[nodiscard]] bool begins_input() const {
      return kind == Kind::kEntry || cause == WindowCause::kEvent;
    }
  };
  using Apply = std::function<Status(const Held& record)>;

  /// Nothing up to and including `from.sequence` is wanted.
  explicit RestoreBuffer(const CommitPoint& from);

  /// The commit whose records wait; 0 when none do.
  [[nodiscard]] std::uint64_t waiting_sequence() const { return waiting_.empty() ? 0 : sequence_; }

  /// Any record at all passed by at this changelog offset; to be told first, about each.
  void saw(std::int64_t offset);
  /// Holds the record. The caller has released what waits from an earlier commit. The changes of
  /// windows follow the entry of their payment.
  void hold(std::string_view key, std::string_view value, const Held& record,
            std::uint64_t commit_sequence);
  /// The same for what a label did, read at this changelog offset.
  void hold_label(const Held& record, std::uint64_t commit_sequence, std::int64_t offset);
  /// What waits of the user no longer does.
  void forget(std::string_view user_id);
  /// A mark of erasure at this changelog offset: the user is forgotten with the next release,
  /// before what waits is applied.
  void hold_erasure(std::string_view user_id, std::int64_t offset);
  /// What a release makes of this.
  [[nodiscard]] Erasures with_held(Erasures before) const;
  /// Where a restore that is cut short must start again, so that no label that waits is missed.
  [[nodiscard]] std::int64_t position_before_labels(std::int64_t position) const;
  /// Checks the commit record against what waits for it, and drops what it does not cover.
  Status close(const CommitRecord& record);
  /// Forgets what waits from this input offset on: it was written again by a later commit.
  void give_up_from(std::int64_t input_offset);
  /// The commit that follows repeats part of one that counts already: its record cannot be checked.
  void skip_check() { replaced_ = true; }
  /// Applies erasures, then what waits, in order, then what labels did behind payments before
  /// `next_payment`, and starts over at `point`.
  Status release(const CommitPoint& point, std::int64_t next_payment, const Apply& apply);
  void drop();

 private:
  struct Waiting {
    std::int64_t input_offset;
    std::size_t user_at, user_bytes;
    std::size_t body_at, body_bytes;
    Held::Kind kind;
  };
  struct OfLabel {
    std::int64_t next_payment;
    std::uint64_t sequence;
    std::int64_t offset;
    std::string user_id, body;
    Held::Kind kind;
  };
  void start_over(const CommitPoint& point);

  std::string bytes_;             // of all that wait: one allocation, reused
  std::vector<Waiting> waiting_;  // by input offset
  std::vector<OfLabel> labels_;   // few: what one commit holds, and leftovers
  std::vector<std::string> erased_;
  std::int64_t behind_erasures_ = 0;
  std::uint64_t sequence_ = 0;
  std::uint64_t hash_ = 0;
  bool replaced_ = false;  // not everything written for this commit counts: no check

  std::uint64_t sequence_before_ = 0;
  std::int64_t log_offset_latest_ = 0;  // a record seen later than here leaves a gap
  std::int64_t next_log_offset_ = 0;
  bool gapless_ = true;  // every record since the commit before was seen
};

}  // namespace weir::state
