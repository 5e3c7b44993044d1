#pragma once
// What must be written to a changelog partition so that every store forgets a user (`weir state
// erase`), found by reading the partition once.
//
// Each key of the user gets a tombstone, so that compaction removes what is there. Stores read the
// mark behind them (changelog.h) and forget the user as they restore. The commit record at the end
// counts the erasure: a store that comes back when compaction has dropped the mark as well sees by
// the count that it must be rebuilt.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "pipeline/core/error.h"
#include "state/changelog.h"

namespace weir::state {

class ErasureScan {
 public:
  explicit ErasureScan(std::string user_id) : user_id_(std::move(user_id)) {}

  /// Every committed record of the partition, in order. kFatal for a commit record that cannot be
  /// read.
  Status take(std::string_view key, std::string_view value, bool tombstone);
  /// Of the user, entries and windows; 0: there is nothing to erase.
  [[nodiscard]] std::size_t found() const { return keys_.size(); }
  /// To be written in this order in one transaction, and nothing by anybody else since the scan.
  /// Requires found() > 0 and a commit record seen: entries without one belong to no state.
  [[nodiscard]] std::vector<KeyValue> records() const;
  [[nodiscard]] bool saw_commit() const { return last_.has_value(); }

 private:
  std::string user_id_;
  std::unordered_set<std::string> keys_;  // with a value
  std::optional<CommitRecord> last_;
};

}  // namespace weir::state
