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
  return {.rows = batch.rows,
          .features = features,
          .window = window,
          .merchant_rows = info.merchant_rows,
          .merchant_features = info.merchant_features,
          .current = batch.current.data(),
          .history = batch.history.data(),
          .log_gap = batch.log_gap.data(),
          .mask = batch.mask.data(),
          .merchant = batch.merchant.data(),
          .merchant_mask = batch.merchant_mask.data()};
}

PackageScorer::PackageScorer(ModelInfo info, Platt calibration, std::unique_ptr<Network> network)
    : info_(std::move(info)), calibration_(calibration), network_(std::move(network)) {}

Status PackageScorer::score(const ScoreBatch& batch, std::vector<Score>& out) {
  out.clear();
  if (batch.rows == 0) return ok();
  WEIR_RETURN_IF_ERROR(network_->forward(inputs_of(batch, info_), info_.heads.size(), logits_));
  out.reserve(batch.rows);
  for (std::size_t row = 0; row < batch.rows; ++row) {
    const float logit = logits_[row * info_.heads.size() + info_.fraud_head];
    const bool valid = std::isfinite(logit);
    out.push_back({logit, valid ? calibration_.probability(logit) : 0, valid});
  }
  return ok();
}

}  // namespace weir
