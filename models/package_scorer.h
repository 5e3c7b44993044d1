#pragma once
// The Scorer over a checked package: batch in, log odds through its parts and their blend,
// calibrated probability per row out.

#include <optional>
#include <vector>

#include "models/blend.h"
#include "models/calibration.h"
#include "models/manifest.h"
#include "models/network.h"
#include "models/parts.h"
#include "pipeline/core/scorer.h"

namespace weir {

/// A batch as the network reads it. The vectors of `batch` must hold at least the rows they promise
/// (checked: anything else would read foreign memory) and outlive the inputs.
NetworkInputs inputs_of(const ScoreBatch& batch, const ModelInfo& info);

class PackageScorer final : public Scorer {
 public:
  PackageScorer(Manifest manifest, Parts parts);

  [[nodiscard]] const ModelInfo& info() const override { return info_; }
  Status score(const ScoreBatch& batch, std::vector<Score>& out) override;

 private:
  [[nodiscard]] Score score_of(std::size_t row) const;

  ModelInfo info_;
  std::optional<Blend> blend_;
  Calibration calibration_;
  Parts parts_;
  Answers answers_;  // of the last batch; kept for its memory
};

}  // namespace weir
