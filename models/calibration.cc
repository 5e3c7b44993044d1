#include "models/calibration.h"

#include <algorithm>
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

double Platt::probability(double z) const {
  const double odds = std::fma(slope, z, intercept);
  const double e = exponential(std::fmax(-std::fabs(odds), -700.0));  // in (0, 1]: never overflows
  return odds >= 0 ? 1 / (1 + e) : e / (1 + e);
}

double Isotonic::probability(double at) const {
  const auto above = std::upper_bound(z.begin(), z.end(), at);
  if (above == z.begin()) return p.front();
  if (above == z.end()) return p.back();
  const auto right = static_cast<std::size_t>(above - z.begin());
  const std::size_t left = right - 1;
  const double share = (at - z[left]) / (z[right] - z[left]);
  // Rounding may step over the right knot by a last bit.
  return std::min(p[left] + (p[right] - p[left]) * share, p[right]);
}

}  // namespace weir
