#pragma once
// The fields that Weir wants of a record, and what went wrong when it read them: the words that
// every format's reader speaks.

#include <cstdint>
#include <string>
#include <string_view>

#include "operators/rejection.h"

namespace weir::operators {

/// What a field may be written as. All readers leave text: what it is worth is validate's business.
enum class FieldKind : std::uint8_t {
  kString,
  kStringOrNumber,  // a number is kept as its text: nothing is lost to floating point
  kAmount,          // the same; where types are declared, a whole number is refused: of which unit?
  kTime,            // the same; where types are declared, a timestamp becomes milliseconds
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

}  // namespace weir::operators
