#pragma once
// A gradient-boosted forest of XGBoost, binary fraud or not, as a function from rows to margins.
// All of libxgboost is behind this header: its types, its error codes, its settings.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/core/error.h"

namespace weir {

/// Invariant: a row's bits depend on that row alone, never on batch size, place or neighbours: the
/// library walks every row down one tree after the other and adds the leaves in that order.
class Trees {
 public:
  /// From the bytes of a model as XGBoost 1.7 writes it in UBJSON. Refused (kFatal): anything but
  /// boosted trees with objective binary:logistic and one output, another number of inputs or
  /// rounds than expected, a prior that is no probability.
  static Result<std::unique_ptr<Trees>> load(std::string_view bytes, std::size_t inputs,
                                             std::size_t rounds);
  ~Trees();
  Trees(const Trees&) = delete;
  Trees& operator=(const Trees&) = delete;

  [[nodiscard]] std::size_t inputs() const { return inputs_; }

  /// `rows` is [count, inputs], row-major, NaN = missing, and only read during the call; margins
  /// becomes [count], log odds with the prior in them. An Error (kRetry) concerns the whole batch.
  Status margins(const float* rows, std::size_t count, std::vector<float>& margins);

 private:
  Trees() = default;

  void* booster_ = nullptr;  // BoosterHandle
  void* proxy_ = nullptr;    // DMatrixHandle: describes rows in place, so that none is copied
  std::size_t inputs_ = 0;
  std::string description_;  // of the last batch, as the library wants it; kept for its memory
};

}  // namespace weir
