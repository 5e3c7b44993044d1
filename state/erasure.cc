#include "state/erasure.h"

#include <algorithm>
#include <variant>

namespace weir::state {

Status ErasureScan::take(std::string_view key, std::string_view value, bool tombstone) {
  if (owner_of_record(key) == user_id_) {
    if (tombstone) {
      keys_.erase(std::string(key));
    } else {
      keys_.emplace(key);
    }
    return ok();
  }
  if (key != encode(CommitRecord{}).key) return ok();
  const auto record = decode_changelog(key, value);
  if (!record) return record.error();
  const auto& commit = std::get<CommitRecord>(*record);
  // As a restore has it: of two writers the one that came further.
  if (!last_ || commit.sequence >= last_->sequence) last_ = commit;
  return ok();
}

std::vector<KeyValue> ErasureScan::records() const {
  WEIR_CHECK(last_.has_value() && !keys_.empty());
  std::vector<KeyValue> records;
  records.reserve(keys_.size() + 2);
  for (const std::string& key : keys_) records.push_back({key, {}, true});
  std::ranges::sort(records, {}, &KeyValue::key);
  records.push_back(erasure_mark(user_id_));
  CommitRecord commit = *last_;
  ++commit.sequence;
  commit.writes = 0;
  commit.label_writes = 0;
  commit.hash = 0;
  ++commit.erasures;
  records.push_back(encode(commit));
  return records;
}

}  // namespace weir::state
