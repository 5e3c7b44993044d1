#pragma once
// golden.jsonl: inputs with the bits the model must answer. A package that cannot repeat them here
// is refused.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "models/manifest.h"
#include "pipeline/core/error.h"
#include "pipeline/core/scorer.h"

namespace weir {

/// One payment. Its window may differ from the package's: the number of history rows is free up to
/// 128.
struct GoldenCase {
  std::size_t window = 0;            // W of this case
  std::vector<float> current;        // [F]
  std::vector<float> history;        // [W, F]
  std::vector<float> log_gap;        // [W]
  std::vector<float> mask;           // [W]
  std::vector<float> merchant;       // [K, G]
  std::vector<float> merchant_mask;  // [K]
  std::vector<float> declared;       // [D], NaN = missing
  std::vector<std::uint32_t> bits;   // [heads]: the float32 logits of the sequence part
  std::uint32_t margin_bits = 0;     // the float32 margin of the trees, where there are any
};

/// One case a line. The Error (kFatal) says line and key.
Result<std::vector<GoldenCase>> parse_golden(std::string_view bytes, const Manifest& manifest);

/// Adds the case as one payment more; its window must fit info.history_rows, and what it leaves of
/// that comes last and is masked.
void append_case(const GoldenCase& golden, const ModelInfo& info, ScoreBatch& batch);

}  // namespace weir
