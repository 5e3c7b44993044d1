#pragma once
// The engine's only view of a model. Nothing above models/ knows what runs behind it.

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "pipeline/core/error.h"

namespace weir {

/// A declared feature that a package reads: the name and what it means, so that a configuration
/// which computes something else under that name is refused. `definition` is the canonical text of
/// operators/features/declared_feature.h.
struct DeclaredInput {
  std::string name;
  std::string definition;
  friend bool operator==(const DeclaredInput&, const DeclaredInput&) = default;
};

/// What the engine must know of a loaded package to feed it.
struct ModelInfo {
  std::string name;
  std::string version;
  std::string digest;  // "sha256:<64 hex>" of manifest.json, which holds the digests of the rest
  std::vector<std::string>
      features;                   // F names in input order; see operators/features/row_features.h
  std::size_t history_rows = 0;   // W
  std::size_t merchant_rows = 0;  // K
  std::size_t merchant_features = 0;                // G
  std::vector<std::string> merchant_feature_names;  // G names in input order
  std::vector<DeclaredInput> declared;              // D inputs in order; often none
  std::vector<std::string> heads;  // outputs of the sequence part, "fraud" among them; else none
  std::size_t fraud_head = 0;
};

/// Inputs of a batch, row-major float32. Buffers are reused from batch to batch; sizes as noted.
struct ScoreBatch {
  std::size_t rows = 0;         // B
  std::vector<float> current;   // [B, F]     the payment itself
  std::vector<float> history;   // [B, W, F]  past payments, oldest first, unused rows zero
  std::vector<float> log_gap;   // [B, W]     log1p(minutes between the past payment and this one)
  std::vector<float> mask;      // [B, W]     1 = row is there, 0 = not
  std::vector<float> merchant;  // [B, K, G]  newest labelled payments of the merchant first
  std::vector<float> merchant_mask;  // [B, K]
  std::vector<float> declared;       // [B, D]     NaN = missing
};

/// One row's outcome. `valid` is false when the model returned NaN or infinity for that row.
struct Score {
  float logit = 0;  // of the whole package, before calibration
  double p = 0;     // calibrated probability of fraud, in [0, 1]
  bool valid = false;
  // What the parts said; NaN where the package has no such part.
  float sequence_logit = std::numeric_limits<float>::quiet_NaN();
  float trees_margin = std::numeric_limits<float>::quiet_NaN();
};

/// A loaded, warmed-up model. One instance per worker thread; not shared.
/// Contract: row-wise. A row's bits depend on that row alone, never on batch size, place or
/// neighbours.
class Scorer {
 public:
  virtual ~Scorer() = default;
  [[nodiscard]] virtual const ModelInfo& info() const = 0;
  /// Scores all rows; out.size() == batch.rows. An Error concerns the whole batch (the model
  /// failed).
  virtual Status score(const ScoreBatch& batch, std::vector<Score>& out) = 0;
};

}  // namespace weir
