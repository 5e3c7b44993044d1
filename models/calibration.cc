#include "models/calibration.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

namespace weir {
namespace {

/// e^x for x in [-700, 0], within 2 units in the last place. Not std::exp: the C library picks
/// between versions with and without FMA by CPU, whose last bits differ, and a probability is part
/// of a verdict.
double exponential(double x) {
  constexpr double kShift = 6755399441055744.0;  // 1.5 * 2^52: adding it rounds to a whole number
  const double n = std::fma(x, 1.4426950408889634, kShift) - kShift;
  double r = std::fma(n, -6.93147180369123816490e-01, x);
  r = std::fma(n, -1.90821492927058770002e-10, r);
  constexpr std::array<double, 14> kInverseFactorial = {1.0 / 6227020800.0,
                                                        1.0 / 479001600.0,
                                                        1.0 / 39916800.0,
                                                        1.0 / 3628800.0,
                                                        1.0 / 362880.0,
                                                        1.0 / 40320.0,
                                                        1.0 / 5040.0,
                                                        1.0 / 720.0,
                                                        1.0 / 120.0,
                                                        1.0 / 24.0,
                                                        1.0 / 6.0,
                                                        0.5,
                                                        1.0,
                                                        1.0};
  double sum = 0;
  for (const double coefficient : kInverseFactorial) sum = std::fma(sum, r, coefficient);
  const auto exponent = static_cast<std::uint64_t>(static_cast<std::int64_t>(n) + 1023);
  return sum * std::bit_cast<double>(exponent << 52U);
}

}  // namespace

double Platt::probability(float logit) const {
  const double z = std::fma(slope, static_cast<double>(logit), intercept);
  const double e = exponential(std::fmax(-std::fabs(z), -700.0));  // in (0, 1]: never overflows
  return z >= 0 ? 1 / (1 + e) : e / (1 + e);
}

}  // namespace weir
