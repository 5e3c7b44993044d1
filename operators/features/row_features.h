#pragma once
// The features a model may ask for by name: models/README.md has the table. Training computes the
// same ones; the two are compared case by case in tests/data/row_features.json.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/core/error.h"
#include "pipeline/core/history_row.h"

namespace weir::operators {

/// Every name the engine knows, in the order of the table.
std::span<const std::string_view> known_features();

/// ln(1 + minutes between the row and the current payment), never negative: a newer row counts as
/// now.
float log_gap(const HistoryRow& row, const HistoryRow& current);

/// The features of one model, in its order.
class RowFeatures {
 public:
  /// kFatal when a name is unknown (the message lists the known ones) or given twice.
  static Result<RowFeatures> make(std::span<const std::string> names);

  [[nodiscard]] std::size_t size() const { return kinds_.size(); }

  /// Writes size() floats: `row` as seen from `current`. For the current payment itself pass it as
  /// both. Computed in double and rounded once; same bits on every machine.
  void fill(const HistoryRow& row, const HistoryRow& current, float* out) const;

 private:
  enum class Kind : std::uint8_t;
  static float value(Kind kind, const HistoryRow& row, const HistoryRow& current);
  std::vector<Kind> kinds_;
};

}  // namespace weir::operators
