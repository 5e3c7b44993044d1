#include "operators/score.h"

#include <algorithm>
#include <limits>

#include <fmt/core.h>

namespace weir::operators {
namespace {

/// Models are proven row-wise up to this size, and it bounds the buffers.
constexpr std::size_t kRowsMax = 128;

Status check_declared(const DeclaredInput& input, const Settings& settings) {
  const auto found = std::ranges::find(settings.features, input.name, &DeclaredFeature::name);
  if (found == settings.features.end()) {
    return fatal(
        fmt::format("the model reads the declared feature {}, which the configuration lacks; add "
                    "this line to features:\n  - {}",
                    input.name, yaml_entry(input.name, input.definition)));
  }
  const std::string ours = definition_text(*found);
  if (ours != input.definition) {
    return fatal(fmt::format(
        "the model was trained on the declared feature {} as '{}' but the configuration declares "
        "'{}'; replace its line in features by\n  - {}",
        input.name, input.definition, ours, yaml_entry(input.name, input.definition)));
  }
  return ok();
}

}  // namespace

Status check_model(const ModelInfo& info, const Settings& settings) {
  const auto features = RowFeatures::make(info.features);
  if (!features) return features.error();
  if (info.history_rows > settings.history.rows) {
    return fatal(fmt::format(
        "the model reads {} past payments but history.rows keeps {}; raise history.rows",
        info.history_rows, settings.history.rows));
  }
  const auto of_merchants = MerchantFeatures::make(info.merchant_feature_names);
  if (!of_merchants) return of_merchants.error();
  if (of_merchants->size() != info.merchant_features) {
    return fatal(fmt::format("the model reads {} features of merchant rows but names {}",
                             info.merchant_features, of_merchants->size()));
  }
  if (info.merchant_rows > settings.history.merchant_rows) {
    return fatal(
        fmt::format("the model reads {} labelled payments of the merchant but "
                    "history.merchant_rows keeps {}; raise history.merchant_rows",
                    info.merchant_rows, settings.history.merchant_rows));
  }
  for (const DeclaredInput& input : info.declared) {
    WEIR_RETURN_IF_ERROR(check_declared(input, settings));
  }
  return ok();
}

Scoring::Scoring(Scorer* scorer, std::span<const std::string> declared) : scorer_(scorer) {
  if (scorer_ == nullptr) return;
  const ModelInfo& info = scorer_->info();
  auto features = RowFeatures::make(info.features);
  WEIR_CHECK(features.has_value());
  features_ = std::move(*features);
  auto of_merchants = MerchantFeatures::make(info.merchant_feature_names);
  WEIR_CHECK(of_merchants.has_value());
  merchant_features_ = std::move(*of_merchants);
  for (const DeclaredInput& input : info.declared) {
    const auto found = std::ranges::find(declared, input.name);
    WEIR_CHECK(found != declared.end());
    declared_.push_back(static_cast<std::size_t>(found - declared.begin()));
  }
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
  const std::size_t merchant_rows = scorer_->info().merchant_rows;
  batch_.merchant.assign(chunk.size() * merchant_rows * merchant_features_.size(), 0);
  batch_.merchant_mask.assign(chunk.size() * merchant_rows, 0);
  batch_.declared.assign(chunk.size() * declared_.size(), std::numeric_limits<float>::quiet_NaN());
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
    if (payment.past != nullptr) fill_merchant(*payment.past, b);
    for (std::size_t d = 0; d < declared_.size() && !payment.windows.empty(); ++d) {
      batch_.declared[b * declared_.size() + d] = static_cast<float>(payment.windows[declared_[d]]);
    }
  }
}

void Scoring::fill_merchant(const PaymentPast& past, std::size_t b) {
  const std::size_t rows_max = scorer_->info().merchant_rows;
  const std::size_t rows = std::min(rows_max, past.merchant_values.size());
  for (std::size_t k = 0; k < rows; ++k) {
    const std::size_t at = b * rows_max + k;
    merchant_features_.pick(past.merchant_values[k],
                            batch_.merchant.data() + at * merchant_features_.size());
    batch_.merchant_mask[at] = 1;
  }
}

}  // namespace weir::operators
