#pragma once
// Changelog records: the write-ahead log of the state. Topic compacted by key; partition = input
// partition.
//   key "u" user_id 0x00 slot       value: version, input offset, commit       "slot now holds
//   this"
//                                          sequence, entry
//   key "w" user_id 0x00 kind rest  value: version, cause, input offset,       a row of the user's
//                                          commit sequence, row or waiting     windows; without
//                                          label                               value: gone
//   key "u" user_id 0x00 0xff       no value                           nothing before this counts
//   of
//                                                                      the user (`weir state
//                                                                      erase`)
//   key "l" lineage id (8 bytes)    value: version, lineage                     model and rules a
//   verdict was made with key "c"                         value: version, commit record last record
//   of every commit
// Formats are versioned, little-endian and fixed by golden files under tests/data.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "pipeline/core/error.h"
#include "pipeline/core/verdict.h"
#include "state/entry_codec.h"
#include "state/user_state.h"
#include "state/windows/entity_windows.h"

namespace weir::state {

/// Last changelog record of each partition in every commit: ties the state to the input position.
struct CommitRecord {
  std::int64_t next_offset = 0;    // input: first not yet processed
  std::uint64_t sequence = 0;      // commits of this partition so far, this one included
  std::uint32_t writes = 0;        // entry and window records in this commit, but those of labels
  std::uint64_t hash = 0;          // chain_hash() over those records, in order, from 0
  std::int64_t next_label = -1;    // topic labels: first not yet processed; -1 = never read
  std::uint32_t label_writes = 0;  // window records that labels caused
  /// Users erased in this partition so far. A store that knows of fewer, and does not find them all
  /// in the changelog, holds somebody who must be forgotten: compaction drops the marks in time.
  std::uint32_t erasures = 0;
  friend bool operator==(const CommitRecord&, const CommitRecord&) = default;
};

struct EntryRecord {
  std::string user_id;
  std::int64_t input_offset = 0;
  /// Sequence of the commit that this record belongs to. A record of a later commit proves this one
  /// committed, even where compaction has taken its commit record away: so a restore holds back one
  /// commit's records at most.
  std::uint64_t commit_sequence = 0;
  Entry entry;
};

struct LineageRecord {
  std::uint64_t id = 0;
  Lineage lineage;
};

struct KeyValue {
  std::string key;
  std::string value;
  bool tombstone = false;  // no value: compaction forgets the key
};

/// What windows change, as the changelog will say it; its place in the input is added when the
/// payment that caused it is.
struct WindowChange {
  std::string key;
  std::string body;        // row or waiting label, as it lies in memory
  bool tombstone = false;  // the row or label is gone
};
/// What caused a window record, which decides what it stands behind in the order of a restore.
enum class WindowCause : std::uint8_t {
  kEntry,  // the payment whose entry record precedes it; input_offset is the payment's
  kEvent,  // an event without an entry record (stage entities); input_offset is the event's
  kLabel,  // a label; input_offset is that of the next payment: all before it were known
};
/// From here on nothing before it counts of this user. Its key is no slot's, so that no later
/// payment takes the place of the mark.
KeyValue erasure_mark(std::string_view user_id);
/// Whom this mark erases; nullopt for any other key.
std::optional<std::string_view> erased_user(std::string_view key);
/// Whose record this is, whatever kind of it: nullopt for those of no user (lineages, commits).
std::optional<std::string_view> owner_of_record(std::string_view key);
WindowChange row_put(std::string_view user_id, const EventRow& row);
WindowChange row_dropped(std::string_view user_id, std::uint32_t sequence);
WindowChange label_waits(std::string_view user_id, const LabelOpinion& opinion);
WindowChange label_taken(std::string_view user_id, std::uint64_t transaction);
KeyValue encode_window_record(WindowChange change, WindowCause cause, std::int64_t input_offset,
                              std::uint64_t commit_sequence);

/// A window record taken apart without copying. `row` or `waiting` is what it puts.
struct WindowRecordView {
  std::string_view user_id;
  WindowCause cause = WindowCause::kEntry;
  std::int64_t input_offset = 0;
  std::uint64_t commit_sequence = 0;
  std::string_view body;
  bool is_row = true;
};
/// Tombstones are not records: do not pass them.
Result<WindowRecordView> parse_window_record(std::string_view key, std::string_view value);
EventRow row_of(std::string_view body);
LabelOpinion waiting_label_of(std::string_view body);

KeyValue encode(const EntryRecord& record);
KeyValue encode(const LineageRecord& record);
KeyValue encode(const CommitRecord& record);

/// encode(EntryRecord) without a record to be filled first.
KeyValue encode_entry_record(std::string_view user_id, std::int64_t input_offset,
                             std::uint64_t commit_sequence, const Entry& entry);

using ChangelogRecord = std::variant<EntryRecord, LineageRecord, CommitRecord>;
/// Refuses (kFatal) unknown versions and damaged bytes with a message that says which and what to
/// do.
Result<ChangelogRecord> decode_changelog(std::string_view key, std::string_view value);

/// An entry record taken apart without copying: what restore reads by the million. Same checks as
/// decode_changelog.
struct EntryRecordView {
  std::string_view user_id;
  std::int64_t input_offset = 0;
  std::uint64_t commit_sequence = 0;
  std::string_view entry_bytes;
  EntryView entry;
};
Result<EntryRecordView> parse_entry_record(std::string_view key, std::string_view value);

std::uint64_t lineage_id(const Lineage& lineage);

/// Hash of a sequence of records: XXH3-64 of the key seeded with the hash so far, then of the value
/// seeded with that.
std::uint64_t chain_hash(std::uint64_t hash, std::string_view key, std::string_view value);

}  // namespace weir::state
