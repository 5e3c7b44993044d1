#pragma once
// Money is an integer count of minor units plus a currency: exact, never a floating-point number.
// The exponent (digits after the decimal point) is that of ISO 4217. Two differences: XXX ("no
// currency") and XTS (testing) have no exponent there; we give them 2, as amounts without a
// currency are written in cents.

#include <cstdint>
#include <string>
#include <string_view>

#include "pipeline/core/error.h"

namespace weir {

struct Currency {
  std::uint16_t numeric = 999;  // ISO 4217 numeric code; 999 = XXX
  std::uint8_t exponent = 2;    // minor units per major unit = 10^exponent
  char code[4] = {'X', 'X', 'X', 0};

  [[nodiscard]] std::string_view name() const { return {code, 3}; }
  friend bool operator==(const Currency& a, const Currency& b) { return a.numeric == b.numeric; }
};

/// The active ISO 4217 currency with this upper-case alphabetic code, or nullptr.
const Currency* find_currency(std::string_view code);
/// The same by numeric code, for values read back from state.
const Currency* find_currency(std::uint16_t numeric);

/// Largest amount accepted, in minor units: 10^15 leaves room for sums of thousands in 63 bits.
inline constexpr std::int64_t kAmountMinorMax = 1'000'000'000'000'000;

/// Exact conversion of a decimal literal ("12", "12.5", "1.25e1") to minor units. Refuses negative
/// numbers, NaN and infinity, more digits than the currency has (trailing zeros are fine) and
/// anything above kAmountMinorMax. The error is a static text without the value.
Result<std::int64_t> parse_amount(std::string_view decimal, const Currency& currency);

/// "12.50" for 1250 at exponent 2.
std::string format_amount(std::int64_t amount_minor, const Currency& currency);
void append_amount(std::string& out, std::int64_t amount_minor, const Currency& currency);

/// As a double in major units, for features and expected costs only.
double major_units(std::int64_t amount_minor, const Currency& currency);

}  // namespace weir
