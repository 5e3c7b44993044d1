#pragma once
// The function from rows to logits as the scorer sees it: LibTorch live, a fake in tests.

#include <cstddef>
#include <vector>

#include "pipeline/core/error.h"

namespace weir {

/// Row-major float32 in the caller's memory; see ScoreBatch for the meaning. Only read, and only
/// during the call.
struct NetworkInputs {
  std::size_t rows = 0;               // B
  std::size_t features = 0;           // F
  std::size_t window = 0;             // W
  std::size_t merchant_rows = 0;      // K
  std::size_t merchant_features = 0;  // G
  std::size_t declared_features = 0;  // D
  const float* current = nullptr;
  const float* history = nullptr;
  const float* log_gap = nullptr;
  const float* mask = nullptr;
  const float* merchant = nullptr;
  const float* merchant_mask = nullptr;
  const float* declared = nullptr;  // for the trees behind the network, which does not read it
};

class Network {
 public:
  virtual ~Network() = default;
  /// logits becomes [rows, heads]. An Error (kRetry) concerns the whole batch.
  virtual Status forward(const NetworkInputs& inputs, std::size_t heads,
                         std::vector<float>& logits) = 0;
};

}  // namespace weir
