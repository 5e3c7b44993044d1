#pragma once
// What a backing store says about itself, written in the same atomic batch as the users it speaks
// of.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "pipeline/core/error.h"
#include "state/changelog.h"
#include "state/user_store.h"

namespace weir::state {

/// Whom a store was told to forget so far.
struct Erasures {
  std::uint32_t count = 0;
  std::int64_t behind = 0;  // changelog: marks before it are applied
  friend bool operator==(const Erasures&, const Erasures&) = default;
};

/// A point in the changelog between two commits.
struct CommitPoint {
  std::int64_t position = 0;   // changelog: first record not yet applied
  std::uint64_t sequence = 0;  // last commit applied; 0 = none
  std::optional<CommitRecord>
      last;  // its record, or that of an earlier one where compaction took it
  Erasures erasures = {};
  friend bool operator==(const CommitPoint&, const CommitPoint&) = default;
};

struct StoreMeta {
  StoreIdentity identity;
  CommitPoint point;  // everything before it is in the store; of what is behind it, some may be
  std::map<std::uint64_t, Lineage> lineages;
};

inline constexpr std::string_view kMetaKey = "m";
/// Users lie behind this prefix, in the order of their ids.
inline constexpr char kUserPrefix = 'u';
std::string user_key(std::string_view user_id);

std::string encode_meta(const StoreMeta& meta);
/// kFatal for another version or damage, with what and what to do.
Result<StoreMeta> decode_meta(std::string_view bytes);

}  // namespace weir::state
