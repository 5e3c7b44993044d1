#pragma once
// Why a wanted field cannot be taken from the type its writer gave it.

#include <cstdint>
#include <string_view>

namespace weir::operators {

enum class AvroRefusal : std::uint8_t {
  kRecord,
  kList,
  kBytes,
  kNumber,
  kBool,
  kNotBool,
  kFraction,
  kUnit,
  kNoInstant,
};
inline constexpr std::string_view kAvroRefusals[] = {
    "a record where a value is wanted",
    "an array or map where a value is wanted",
    "binary bytes where text is wanted",
    "a number where text is wanted",
    "a boolean where text or a number is wanted",
    "a boolean is wanted",
    "a fraction where a time is wanted",
    "a whole number says not of which unit: use decimal, double or string, or a field amount_minor",
    "a number that is no instant: use timestamp-millis, -micros or -nanos, or milliseconds",
};

}  // namespace weir::operators
