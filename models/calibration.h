#pragma once
// From log odds to a probability, in double, with the same bits on every machine.

#include <cstddef>
#include <variant>
#include <vector>

namespace weir {

/// p = 1 / (1 + exp(-(slope * z + intercept))), fitted after training.
struct Platt {
  double slope = 1;  // > 0, so that order by log odds is order by probability
  double intercept = 0;

  /// In [0, 1]; `z` must be finite.
  [[nodiscard]] double probability(double z) const;
};

/// Straight lines between knots, and the end values outside: what isotonic regression fits.
/// Invariant, checked at load: 2 to kKnotsMax knots, `z` strictly increasing, `p` as long, never
/// falling and in [0, 1].
struct Isotonic {
  static constexpr std::size_t kKnotsMax = 1024;

  std::vector<double> z;
  std::vector<double> p;

  /// In [0, 1], never lower for a higher `z`, which must be finite.
  [[nodiscard]] double probability(double z) const;
};

using Calibration = std::variant<Platt, Isotonic>;

inline double probability(const Calibration& calibration, double z) {
  return std::visit([z](const auto& method) { return method.probability(z); }, calibration);
}

}  // namespace weir
