#include "models/package_scorer.h"

#include <cmath>
#include <utility>

namespace weir {

NetworkInputs inputs_of(const ScoreBatch& batch, const ModelInfo& info) {
  const std::size_t features = info.features.size();
  const std::size_t window = info.history_rows;
  WEIR_CHECK(batch.current.size() >= batch.rows * features);
  WEIR_CHECK(batch.history.size() >= batch.rows * window * features);
  WEIR_CHECK(batch.log_gap.size() >= batch.rows * window);
  WEIR_CHECK(batch.mask.size() >= batch.rows * window);
  WEIR_CHECK(batch.merchant.size() >= batch.rows * info.merchant_rows * info.merchant_features);
  WEIR_CHECK(batch.merchant_mask.size() >= batch.rows * info.merchant_rows);
  WEIR_CHECK(batch.declared.size() >= batch.rows * info.declared.size());
  return {.rows = batch.rows,
          .features = features,
          .window = window,
          .merchant_rows = info.merchant_rows,
          .merchant_features = info.merchant_features,
          .declared_features = info.declared.size(),
          .current = batch.current.data(),
          .history = batch.history.data(),
          .log_gap = batch.log_gap.data(),
          .mask = batch.mask.data(),
          .merchant = batch.merchant.data(),
          .merchant_mask = batch.merchant_mask.data(),
          .declared = batch.declared.data()};
}

PackageScorer::PackageScorer(Manifest manifest, Parts parts)
    : info_(std::move(manifest.info)),
      blend_(manifest.blend),
      calibration_(std::move(manifest.calibration)),
      parts_(std::move(parts)) {}

Status PackageScorer::score(const ScoreBatch& batch, std::vector<Score>& out) {
  out.clear();
  if (batch.rows == 0) return ok();
  WEIR_RETURN_IF_ERROR(parts_.run(inputs_of(batch, info_), answers_));
  out.reserve(batch.rows);
  for (std::size_t row = 0; row < batch.rows; ++row) out.push_back(score_of(row));
  return ok();
}

/// A part that is there and not finite makes the whole row invalid, whatever its weight.
Score PackageScorer::score_of(std::size_t row) const {
  Score score;
  if (!answers_.outputs.empty()) {
    score.sequence_logit = answers_.outputs[row * info_.heads.size() + info_.fraud_head];
  }
  if (!answers_.margins.empty()) score.trees_margin = answers_.margins[row];
  double z = answers_.outputs.empty() ? score.trees_margin : score.sequence_logit;
  if (blend_) z = blend_->z(score.sequence_logit, score.trees_margin);
  score.logit = static_cast<float>(z);
  score.valid = std::isfinite(score.logit);
  if (score.valid) score.p = probability(calibration_, z);
  return score;
}

}  // namespace weir
