#pragma once
// The strict reading of one JSON object, the same for payments and labels: the fields of a table as
// text, everything else checked to be JSON and then ignored.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "operators/rejection.h"
#include "pipeline/core/record.h"

namespace weir::operators {

enum class FieldKind : std::uint8_t {
  kString,
  kStringOrNumber,  // a number is kept as its text: nothing is lost to floating point
  kBool,            // kept as "true" or "false"
  kFlatMap,         // checked, not kept
};

struct FieldSpec {
  std::string_view name;
  FieldKind kind;
};

/// What is wrong with a record: a reason and a static text, optionally about one field.
struct RecordFlaw {
  RejectReason reason = RejectReason::kDecode;
  std::string_view field;
  std::string_view what;
};
/// "amount: number or string expected"
std::string detail_of(const RecordFlaw& flaw);

/// Reasons not to read a record at all: oversize (key and value together), then pan (a raw card
/// number anywhere in key or value).
std::optional<RecordFlaw> refuse_unread(const RawRecord& record, std::size_t record_bytes_max);

/// Reads one JSON object a call, in valid UTF-8.
///
/// null means absent. Unknown fields may nest, but not deeper than 32. A known field given twice is
/// refused, as "last one wins" would let two readers of the same bytes see two records.
///
/// Threading: one worker thread. Owns a parser and a padded copy of one record; both are scratch.
class RecordFields {
 public:
  /// At most 32 fields; the table must outlive this.
  explicit RecordFields(std::span<const FieldSpec> fields);
  ~RecordFields();

  /// Frees what earlier reads had to keep: their views end here.
  void forget();

  /// Fills `values`, one a field of the table. A view without data is an absent field; an empty one
  /// is "". Views point into `bytes`, or, where a string had escapes, into this.
  std::optional<RecordFlaw> read(std::string_view bytes, std::span<std::string_view> values);

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace weir::operators
