#pragma once
// Changelog records: the write-ahead log of the state. Topic compacted by key; partition = input partition.
//   key "u" user_id 0x00 slot       value: version, input offset, entry        "slot now holds this"
//   key "l" lineage id (8 bytes)    value: version, lineage                     model and rules a verdict was made with
//   key "c"                         value: version, commit record               last record of every commit
// Formats are versioned, little-endian and fixed by golden files under tests/data.

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "pipeline/core/error.h"
#include "pipeline/core/verdict.h"
#include "state/user_state.h"

namespace weir::state {

/// Last changelog record of each partition in every commit: ties the state to the input position.
struct CommitRecord {
  std::int64_t next_offset = 0;   // input: first not yet processed
  std::uint64_t sequence = 0;     // commits of this partition so far, this one included
  std::uint32_t writes = 0;       // entry records in this commit
  std::uint64_t hash = 0;         // XXH3-64 over keys and values of those records, in order
  friend bool operator==(const CommitRecord&, const CommitRecord&) = default;
};

struct EntryRecord {
  std::string user_id;
  std::int64_t input_offset = 0;
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

using ChangelogRecord = std::variant<EntryRecord, LineageRecord, CommitRecord>;
/// Refuses (kFatal) unknown versions and damaged bytes with a message that says which and what to do.
Result<ChangelogRecord> decode_changelog(std::string_view key, std::string_view value);

std::uint64_t lineage_id(const Lineage& lineage);

}  // namespace weir::state
