#pragma once
// Appends JSON to a string. Written by hand because the shape is fixed, the bytes must not depend
// on anything but the values, and two records a payment are written here: a general serializer
// costs several times as much.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir::operators {

/// With quotes; escapes what JSON requires and passes UTF-8 through. `text` must be valid UTF-8.
void append_json_string(std::string& out, std::string_view text);

void append_integer(std::string& out, std::int64_t value);

/// Shortest text that reads back to the same value. Finite values only; negative zero is written 0.
void append_double(std::string& out, double value);
void append_float(std::string& out, float value);

/// Always `decimals` places (0 to 9), ties away from zero in the binary value.
void append_fixed(std::string& out, double value, int decimals);

/// Standard alphabet with padding.
void append_base64(std::string& out, std::string_view bytes);

/// nullopt: the text is not that, whole and padded.
std::optional<std::string> decode_base64(std::string_view text);

/// Eight lower-case hex digits.
void append_hex32(std::string& out, std::uint32_t value);

}  // namespace weir::operators
