#pragma once
// decode_label: bytes -> label whose every field is in range. The one reader of labels, for the
// topic, for files and for the demo.

#include <span>
#include <string_view>
#include <vector>

#include "operators/formats/record_reader.h"
#include "operators/rejection.h"
#include "operators/settings.h"
#include "pipeline/core/error.h"
#include "pipeline/core/label.h"
#include "pipeline/core/record.h"

namespace weir::operators {

struct ValidLabel : FraudLabel {
  std::size_t record = 0;  // index into the batch
};

/// Every field a label may have, by name.
std::span<const FieldSpec> label_fields();

/// Decodes and checks labels as decode and validate do payments: the same strictness, limits,
/// reasons and order (oversize, pan, decode; missing_field, key_mismatch, range, future), the first
/// thing found in the order of the fields in FraudLabel.
///
/// Times: a label_time ahead of the record's timestamp by more than input.future_max is refused or
/// clamped, as an event time is. The event_time names the payment's place, so it is never clamped:
/// too far ahead it is refused. A label older than its payment passes; clocks differ.
///
/// Threading: one worker thread.
class DecodeLabels {
 public:
  /// `schemas`: where the ids in front of records lead to; may be null, and must outlive this.
  explicit DecodeLabels(const InputSettings& settings, const RecordFormat& format = {},
                        SchemaSource* schemas = nullptr);

  /// Appends to `out` and `rejected` in input order; returns the number of tombstones. Views live
  /// until the next call. An Error (kRetry) is the schema source's.
  Result<std::size_t> process(std::span<const RawRecord> in, std::vector<ValidLabel>& out,
                              std::vector<Rejection>& rejected);

  /// One line of a file: it has neither key nor timestamp. The error's text is static words and the
  /// name of a field. Views live until the next call and no longer than `line`.
  Result<FraudLabel> parse(std::string_view line);

 private:
  Result<std::optional<Rejection>> decode(const RawRecord& record, bool keyed, FraudLabel& out);

  InputSettings settings_;
  RecordReader reader_;
};

}  // namespace weir::operators
