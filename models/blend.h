#pragma once
// One number out of two: how the log odds of the parts of a package become those of the package.

namespace weir {

/// z = sequence * logit + trees * margin + bias, in double; every product and sum is rounded once
/// and in this order, as numpy does it in training.
struct Blend {
  double sequence = 1;  // weights, >= 0, not both 0
  double trees = 0;
  double bias = 0;

  [[nodiscard]] double z(double logit, double margin) const;
};

}  // namespace weir
