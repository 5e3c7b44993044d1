#include "models/parts.h"

#include <cmath>
#include <limits>
#include <utility>

namespace weir {

Parts::Parts(const Manifest& manifest, std::unique_ptr<Network> network,
             std::unique_ptr<Trees> trees)
    : heads_(manifest.info.heads.size()), network_(std::move(network)), trees_(std::move(trees)) {
  if (manifest.trees) trees_inputs_ = manifest.trees->inputs;
  WEIR_CHECK((network_ != nullptr) == manifest.sequence.has_value());
  WEIR_CHECK((trees_ != nullptr) == manifest.trees.has_value());
}

Status Parts::run(const NetworkInputs& inputs, Answers& answers) {
  answers.outputs.clear();
  answers.margins.clear();
  if (network_) WEIR_RETURN_IF_ERROR(network_->forward(inputs, heads_, answers.outputs));
  if (!trees_) return ok();
  gather(inputs, answers.outputs);
  WEIR_RETURN_IF_ERROR(trees_->margins(trees_rows_.data(), inputs.rows, answers.margins));
  // Trees take NaN for "missing" and infinity for "large"; from a network both mean that it broke.
  for (std::size_t i = 0; i < trees_inputs_.size(); ++i) {
    if (trees_inputs_[i].source != TreesInput::Source::kSequence) continue;
    for (std::size_t row = 0; row < inputs.rows; ++row) {
      if (std::isfinite(trees_rows_[row * trees_inputs_.size() + i])) continue;
      answers.margins[row] = std::numeric_limits<float>::quiet_NaN();
    }
  }
  return ok();
}

void Parts::gather(const NetworkInputs& inputs, const std::vector<float>& outputs) {
  trees_rows_.resize(inputs.rows * trees_inputs_.size());
  float* to = trees_rows_.data();
  for (std::size_t row = 0; row < inputs.rows; ++row) {
    const float* declared = inputs.declared + row * inputs.declared_features;
    const float* said = outputs.data() + row * heads_;
    for (const TreesInput input : trees_inputs_) {
      const bool is_declared = input.source == TreesInput::Source::kDeclared;
      *to++ = is_declared ? declared[input.column] : said[input.column];
    }
  }
}

}  // namespace weir
