#pragma once
// windows: the declared features of each payment, from the past of everybody it involves.

#include <span>
#include <vector>

#include "operators/features/feature_engine.h"
#include "operators/history.h"
#include "pipeline/core/error.h"

namespace weir::operators {

/// A payment with its declared features. NaN is "missing"; the span is empty when none are
/// declared. Without an engine there is no `past` either.
struct WindowedTransaction : RecalledTransaction {
  std::span<const double> windows;    // lives in Windows until its next process()
  const PaymentPast* past = nullptr;  // what they were made from; there as well
  /// What it changed in its user's windows, to be logged with it; there as well, taken by remember.
  std::vector<state::WindowChange>* window_changes = nullptr;
};

/// Asks the engine for the features of each payment, in input order, so that a payment sees those
/// of the same batch that came before it.
///
/// The windows follow at once, staged in the store of the payment's partition: whoever drops a
/// batch rolls it back.
class Windows {
 public:
  /// `engine` may be null, and must outlive this.
  explicit Windows(FeatureEngine* engine) : engine_(engine) {}

  /// Appends one windowed payment for each recalled one.
  Status process(std::span<const RecalledTransaction> in, RecalledUsers& users,
                 std::vector<WindowedTransaction>& out);

 private:
  FeatureEngine* engine_;
  // Of this batch, one payment after the other: scratch.
  std::vector<double> values_;
  std::vector<PaymentPast> pasts_;
  std::vector<std::vector<state::WindowChange>> changes_;
};

}  // namespace weir::operators
