#pragma once
// The loaded parts of a package, run in their order: the network over rows, then the trees over
// declared features and what the network said.

#include <cstddef>
#include <memory>
#include <vector>

#include "models/manifest.h"
#include "models/network.h"
#include "models/trees.h"
#include "pipeline/core/error.h"

namespace weir {

/// What the parts say of a batch. A part that the package lacks leaves its list empty.
struct Answers {
  std::vector<float> outputs;  // [rows, heads] of the sequence part
  std::vector<float> margins;  // [rows] of the trees; NaN where an output they read was not finite
};

class Parts {
 public:
  /// `network` and `trees` are there exactly where `manifest` has the part.
  Parts(const Manifest& manifest, std::unique_ptr<Network> network, std::unique_ptr<Trees> trees);

  /// Keeps the memory of `answers`. An Error (kRetry) concerns the whole batch.
  Status run(const NetworkInputs& inputs, Answers& answers);

 private:
  void gather(const NetworkInputs& inputs, const std::vector<float>& outputs);

  std::size_t heads_;
  std::vector<TreesInput> trees_inputs_;
  std::unique_ptr<Network> network_;
  std::unique_ptr<Trees> trees_;
  std::vector<float> trees_rows_;  // [rows, trees inputs] of the last batch; kept for its memory
};

}  // namespace weir
