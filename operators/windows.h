#pragma once
// windows: the declared features of each payment, from the past of everybody it involves.

#include <span>
#include <vector>

#include "operators/features/feature_engine.h"
#include "operators/history.h"
#include "pipeline/core/error.h"

namespace weir::operators {

/// A payment with its declared features. NaN is "missing"; the span is empty when none are
/// computed.
struct WindowedTransaction : RecalledTransaction {
  std::span<const double> windows;  // lives in Windows until its next process()
};

/// Asks the engine for the features of each payment, in input order, so that a payment sees those
/// of the same batch that came before it.
///
/// The engine's stores follow at once: whoever drops a batch rolls them back too.
class Windows {
 public:
  /// `engine` may be null, and must outlive this.
  explicit Windows(FeatureEngine* engine) : engine_(engine) {}

  /// Appends one windowed payment for each recalled one.
  Status process(std::span<const RecalledTransaction> in, std::vector<WindowedTransaction>& out);

 private:
  FeatureEngine* engine_;
  std::vector<double> values_;  // of this batch, one payment after the other: scratch
};

}  // namespace weir::operators
