#pragma once
// validate: transaction -> valid transaction. After this nobody checks a field again.

#include <span>
#include <vector>

#include "operators/decode.h"
#include "operators/rejection.h"
#include "operators/settings.h"
#include "pipeline/core/record.h"
#include "pipeline/core/transaction.h"

namespace weir::operators {

/// A payment whose every field is in range. Views live as long as those of DecodedTransaction.
struct ValidTransaction : Transaction {
  std::size_t record = 0;  // index into the batch
  bool poison = false;     // crashed the process before: gets the safe action, is not scored
};

/// Checks presence, then the key, then ranges; a record is refused for the first thing found, in
/// the order of the fields in Transaction, so that the same bytes always give the same reason.
///
/// The record key must be the user id: it decides the partition, and the partition owns the user's
/// state. A payment too far ahead of its record's timestamp would make all later ones of its user
/// look late, so it is refused (or clamped, see InputSettings); a record without timestamp cannot
/// be judged and passes.
class Validate {
 public:
  explicit Validate(const InputSettings& settings) : settings_(settings) {}

  /// Appends to `out` and `rejected` in input order. `records` is the batch that `in` was decoded
  /// from.
  void process(std::span<const RawRecord> records, std::span<const DecodedTransaction> in,
               std::vector<ValidTransaction>& out, std::vector<Rejection>& rejected) const;

 private:
  InputSettings settings_;
};

}  // namespace weir::operators
