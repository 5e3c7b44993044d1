#include "operators/features/real_functions.h"

#include <bit>
#include <cstdint>

#include "pipeline/core/error.h"

namespace weir::operators {
namespace {

// ln 2 in two parts: the first has zeros in its low bits, so that its product with an exponent is
// exact.
constexpr double kLn2High = 6.93147180369123816490e-01;
constexpr double kLn2Low = 1.90821492927058770002e-10;

double power_of_two(std::int64_t exponent) {
  return std::bit_cast<double>(static_cast<std::uint64_t>(exponent + 1023) << 52);
}

}  // namespace

// x = m * 2^e with m in [sqrt(1/2), sqrt(2)); ln m = 2 atanh(s), s = (m - 1) / (m + 1), |s| <=
// 0.172: ten terms of the series leave less than 3e-17.
double natural_log(double x) {
  WEIR_CHECK(x >= 2.3e-308 && x <= 1.7e308);
  const auto bits = std::bit_cast<std::uint64_t>(x);
  std::int64_t exponent = static_cast<std::int64_t>(bits >> 52) - 1023;
  double m = std::bit_cast<double>((bits & 0x000f'ffff'ffff'ffffULL) | 0x3ff0'0000'0000'0000ULL);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    ++exponent;
  }
  const double s = (m - 1) / (m + 1);
  const double z = s * s;
  double series = 1.0 / 21;
  for (int denominator = 19; denominator >= 3; denominator -= 2) {
    series = series * z + 1.0 / denominator;
  }
  const auto e = static_cast<double>(exponent);
  return e * kLn2High + (2 * s + (2 * s * z * series + e * kLn2Low));
}

// x = k ln 2 + r with |r| <= 0.35; fourteen terms of the series leave less than 1e-17.
double natural_exp(double x) {
  WEIR_CHECK(x >= -700 && x <= 700);
  const auto k = static_cast<std::int64_t>(x / kLn2High + (x < 0 ? -0.5 : 0.5));
  const double r = (x - static_cast<double>(k) * kLn2High) - static_cast<double>(k) * kLn2Low;
  double series = 1;
  for (int term = 14; term >= 1; --term) series = series * r / term + 1;
  return series * power_of_two(k);
}

}  // namespace weir::operators
