#pragma once
// score: the model's opinion of each payment; one model call for up to 128 payments.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "operators/features/merchant_rows.h"
#include "operators/features/row_features.h"
#include "operators/settings.h"
#include "operators/windows.h"
#include "pipeline/core/scorer.h"
#include "pipeline/core/verdict.h"

namespace weir::operators {

/// A payment with its score. No score means `degraded` says why.
struct ScoredTransaction : WindowedTransaction {
  std::optional<Score> score;
  std::span<const float>
      current;  // [F], as the model got them; lives in Scoring until its next process()
  std::span<const HistoryRow> model_rows;  // the end of `history` that the model read
  std::uint8_t degraded = 0;               // Degraded bits
};

/// Whether a model can be fed under these settings: its features are known, it reads no more rows
/// of users and merchants than are kept, and the declared features that it reads are declared, and
/// mean what it was trained on. The message says what to change: for a declaration the very line.
Status check_model(const ModelInfo& info, const Settings& settings);

/// Scores payments with a model, or marks them no_model.
///
/// A failing model never stops the stream: an Error of the scorer marks the rows of that call
/// score_invalid, a NaN marks its own row. Poisoned payments are not shown to the model.
class Scoring {
 public:
  /// `scorer` may be null and must outlive this; it must have passed check_model(). `declared` are
  /// the names of the values in WindowedTransaction::windows.
  explicit Scoring(Scorer* scorer, std::span<const std::string> declared = {});

  /// Appends one scored payment for each windowed one.
  void process(std::span<const WindowedTransaction> in, std::vector<ScoredTransaction>& out);

 private:
  void score_chunk(std::span<ScoredTransaction*> chunk);
  void fill_inputs(std::span<ScoredTransaction*> chunk);
  void fill_merchant(const PaymentPast& past, std::size_t b);

  Scorer* scorer_;
  RowFeatures features_;
  MerchantFeatures merchant_features_;
  std::vector<std::size_t> declared_;  // places of the model's inputs among all values
  // Scratch, reused from batch to batch.
  ScoreBatch batch_;
  std::vector<Score> scores_;
  std::vector<float> current_;
  std::vector<ScoredTransaction*> to_score_;
};

}  // namespace weir::operators
