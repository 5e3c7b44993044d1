#pragma once
// The Scorer over a checked package: batch in, logits through the network, calibrated probability
// per row out.

#include <memory>
#include <vector>

#include "models/calibration.h"
#include "models/network.h"
#include "pipeline/core/scorer.h"

namespace weir {

/// A batch as the network reads it. The vectors of `batch` must hold at least the rows they promise
/// (checked: anything else would read foreign memory) and outlive the inputs.
NetworkInputs inputs_of(const ScoreBatch& batch, const ModelInfo& info);

class PackageScorer final : public Scorer {
 public:
  PackageScorer(ModelInfo info, Platt calibration, std::unique_ptr<Network> network);

  [[nodiscard]] const ModelInfo& info() const override { return info_; }
  Status score(const ScoreBatch& batch, std::vector<Score>& out) override;

 private:
  ModelInfo info_;
  Platt calibration_;
  std::unique_ptr<Network> network_;
  std::vector<float> logits_;  // [rows, heads] of the last batch; kept for its memory
};

}  // namespace weir
