#pragma once
// decode: bytes -> transaction. The first step: says what a record holds, not yet whether it makes
// sense.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "operators/formats/record_reader.h"
#include "operators/rejection.h"
#include "operators/settings.h"
#include "pipeline/core/record.h"

namespace weir::operators {

/// The fields of a payment as text. A view without data is an absent field (missing or null); an
/// empty one is "". Views point into the record's bytes, or into Decode where a string had escapes:
/// they live until the next Decode::process().
struct DecodedTransaction {
  std::size_t record = 0;  // index into the batch
  std::string_view transaction_id;
  std::string_view user_id;
  std::string_view event_time;    // RFC 3339 or digits
  std::string_view amount;        // the number's text as written, or the string's
  std::string_view amount_minor;  // whole minor units; counts where there is no amount
  std::string_view currency;
  std::string_view merchant_id;
  std::string_view mcc;
  std::string_view country;
  std::string_view merchant_country;
  std::string_view channel;
  std::string_view device_id;
  std::string_view ip;
  std::string_view card_token;
  enum class Flag : std::uint8_t { kAbsent, kNo, kYes } is_card_present = Flag::kAbsent;
};

/// Every field a payment may have, by name.
std::span<const FieldSpec> payment_fields();

/// Decodes payments, in JSON or behind the id of a registered schema (formats/record_reader.h: what
/// is refused, and in which order).
///
/// Of JSON one object a record is accepted, in valid UTF-8. Ids are strings; event_time, amount and
/// mcc are numbers or strings (a number is kept as its text, so that nothing is lost to floating
/// point). Unknown fields are checked to be JSON and then ignored; `attributes` must be a flat
/// object. null means absent. A known field given twice is refused, as "last one wins" would let
/// two readers of the same bytes see two payments. A tombstone leaves nothing and is counted.
///
/// Threading: one worker thread.
class Decode {
 public:
  /// `schemas`: where the ids in front of records lead to; may be null, and must outlive this.
  explicit Decode(const InputSettings& settings, const RecordFormat& format = {},
                  SchemaSource* schemas = nullptr);

  /// Appends to `out` and `rejected` in input order; returns the number of tombstones. An Error
  /// (kRetry) is the schema source's: the batch is to be run again.
  Result<std::size_t> process(std::span<const RawRecord> in, std::vector<DecodedTransaction>& out,
                              std::vector<Rejection>& rejected);

 private:
  InputSettings settings_;
  RecordReader reader_;
};

}  // namespace weir::operators
