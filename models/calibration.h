#pragma once
// From a logit to a probability, in double, with the same bits on every machine.

namespace weir {

/// p = 1 / (1 + exp(-(slope * logit + intercept))), fitted after training.
struct Platt {
  double slope = 1;  // > 0, so that order by logit is order by probability
  double intercept = 0;

  /// In [0, 1]; `logit` must be finite.
  [[nodiscard]] double probability(float logit) const;
};

}  // namespace weir
