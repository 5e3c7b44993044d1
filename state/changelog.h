#pragma once
// Changelog records: the write-ahead log of the state. Topic compacted by key; partition = input
// partition.
//   key "u" user_id 0x00 slot       value: version, input offset, commit       "slot now holds
//   this"
//                                          sequence, entry
//   key "l" lineage id (8 bytes)    value: version, lineage                     model and rules a
//   verdict was made with key "c"                         value: version, commit record last record
//   of every commit
// Formats are versioned, little-endian and fixed by golden files under tests/data.

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "pipeline/core/error.h"
#include "pipeline/core/verdict.h"
#include "state/entry_codec.h"
#include "state/user_state.h"

namespace weir::state {

/// Last changelog record of each partition in every commit: ties the state to the input position.
struct CommitRecord {
  std::int64_t next_offset = 0;  // input: first not yet processed
  std::uint64_t sequence = 0;    // commits of this partition so far, this one included
  std::uint32_t writes = 0;      // entry records in this commit
  std::uint64_t hash = 0;        // chain_hash() over those records, in order, from 0
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
};

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
