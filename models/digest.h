#pragma once
// SHA-256 as packages write it.

#include <string>
#include <string_view>

namespace weir {

/// 64 lower-case hexadecimal digits.
std::string sha256_hex(std::string_view bytes);

}  // namespace weir
