#include "operators/score.h"

#include <algorithm>

#include <fmt/core.h>

namespace weir::operators {
namespace {

/// Models are proven row-wise up to this size, and it bounds the buffers.
constexpr std::size_t kRowsMax = 128;

}  // namespace

Status check_model(const ModelInfo& info, const Settings& settings) {
  const auto features = RowFeatures::make(info.features);
  if (!features) return features.error();
  if (info.history_rows > settings.history.rows) {
    return fatal(fmt::format(
        "the model reads {} past payments but history.rows keeps {}: raise history.rows",
        info.history_rows, settings.history.rows));
  }
  if (info.merchant_rows != 0 || info.merchant_features != 0) {
    return fatal(
        "the model reads merchant rows, which this engine does not keep: use a package without "
        "them");
  }
  return ok();
}

Scoring::Scoring(Scorer* scorer) : scorer_(scorer) {
  if (scorer_ == nullptr) return;
  auto features = RowFeatures::make(scorer_->info().features);
  WEIR_CHECK(features.has_value());
  features_ = std::move(*features);
}

void Scoring::process(std::span<const WindowedTransaction> in,
                      std::vector<ScoredTransaction>& out) {
  const std::size_t first = out.size();
  to_score_.clear();
  for (const WindowedTransaction& payment : in) {
    out.push_back({payment, std::nullopt, {}, {}, 0});
    if (scorer_ == nullptr) out.back().degraded |= static_cast<std::uint8_t>(Degraded::kNoModel);
    if (payment.poison) out.back().degraded |= static_cast<std::uint8_t>(Degraded::kPoison);
  }
  if (scorer_ == nullptr) return;

  for (std::size_t i = first; i < out.size(); ++i) {
    if (!out[i].poison) to_score_.push_back(&out[i]);
  }
  current_.clear();
  current_.reserve(to_score_.size() *
                   features_.size());  // no reallocation below: the spans stay valid
  for (std::size_t i = 0; i < to_score_.size(); i += kRowsMax) {
    score_chunk(std::span(to_score_).subspan(i, std::min(kRowsMax, to_score_.size() - i)));
  }
}

void Scoring::score_chunk(std::span<ScoredTransaction*> chunk) {
  fill_inputs(chunk);
  const std::size_t from = current_.size();
  current_.insert(current_.end(), batch_.current.begin(), batch_.current.end());
  const Status scored = scorer_->score(batch_, scores_);
  const bool usable = scored.has_value() && scores_.size() == chunk.size();
  for (std::size_t i = 0; i < chunk.size(); ++i) {
    chunk[i]->current = std::span(current_).subspan(from + i * features_.size(), features_.size());
    if (usable && scores_[i].valid) {
      chunk[i]->score = scores_[i];
    } else {
      chunk[i]->degraded |= static_cast<std::uint8_t>(Degraded::kScoreInvalid);
    }
  }
}

void Scoring::fill_inputs(std::span<ScoredTransaction*> chunk) {
  const std::size_t width = features_.size();
  const std::size_t window = scorer_->info().history_rows;
  batch_.rows = chunk.size();
  batch_.current.assign(chunk.size() * width, 0);
  batch_.history.assign(chunk.size() * window * width, 0);
  batch_.log_gap.assign(chunk.size() * window, 0);
  batch_.mask.assign(chunk.size() * window, 0);
  for (std::size_t b = 0; b < chunk.size(); ++b) {
    ScoredTransaction& payment = *chunk[b];
    features_.fill(payment.row, payment.row, &batch_.current[b * width]);
    const auto rows = payment.history.last(std::min(window, payment.history.size()));
    payment.model_rows = rows;
    for (std::size_t w = 0; w < rows.size(); ++w) {
      const std::size_t at = b * window + w;
      features_.fill(rows[w], payment.row, &batch_.history[at * width]);
      batch_.log_gap[at] = log_gap(rows[w], payment.row);
      batch_.mask[at] = 1;
    }
  }
}

}  // namespace weir::operators
