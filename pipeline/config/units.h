#pragma once
// Durations and sizes as people write them: a whole number and a unit, nothing implied.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "pipeline/config/diagnostic.h"

namespace weir::config {

/// "20ms", "5s", "10m", "24h", "7d". A bare number is refused; the remedy names it in `usual`'s
/// unit.
Reading<std::chrono::milliseconds> read_duration(std::string_view text,
                                                 std::chrono::milliseconds usual);
/// "512B", "64KiB", "128MiB", "2GiB". Decimal units (MB) are refused: they are read in two ways.
Reading<std::uint64_t> read_bytes(std::string_view text, std::uint64_t usual);

/// In the largest unit that divides it: 90'000 ms is "90s".
std::string format_duration(std::chrono::milliseconds value);
std::string format_bytes(std::uint64_t value);

}  // namespace weir::config
