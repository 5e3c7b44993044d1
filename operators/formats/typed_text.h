#pragma once
// Binary values as the text that JSON would have: what the readers of typed formats leave.

#include <cstdint>
#include <string_view>

#include "operators/formats/text_arena.h"

namespace weir::operators {

std::string_view integer_text(TextArena& arena, std::int64_t value);
std::string_view unsigned_text(TextArena& arena, std::uint64_t value);
/// The shortest text that reads back to the same number; "nan" and "inf" are left to be refused.
std::string_view number_text(TextArena& arena, double value);
std::string_view number_text(TextArena& arena, float value);
inline std::string_view bool_text(bool value) {
  return value ? "true" : "false";
}

/// Digits after the decimal point that a decimal may have.
inline constexpr std::int32_t kScaleMax = 38;
/// A two's complement number, most significant byte first, with `scale` decimals (0 to kScaleMax).
/// No data: more than 16 bytes, which no amount needs.
std::string_view decimal_text(TextArena& arena, std::string_view bytes, std::int32_t scale);

/// Rounded down, also before 1970.
std::int64_t floor_divide(std::int64_t value, std::int64_t by);

}  // namespace weir::operators
