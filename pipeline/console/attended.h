#pragma once
// Which past payments a score hangs on. A features record holds all that a model was given, so the
// payment can be scored again, without the state.
//
// Method: exact leave-one-out. The payment is scored once as it was and once without each row, in
// one batch; a row's share is |change of the logit| over the sum of all. It speaks for any package
// (trees, too), where attention weights are not exported; and scoring is row-wise and
// deterministic, so the first score must have the bits of the recorded one, or this is another
// model.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operators/features/merchant_rows.h"
#include "pipeline/core/history_row.h"
#include "pipeline/core/scorer.h"

namespace weir::console {

/// What a features record says, as far as a case shows it.
struct FeaturesRecord {
  std::string verdict_id, model_digest;  // digest empty: no model
  std::vector<float> current;            // in the order of the package's features
  HistoryRow payment;
  std::vector<HistoryRow> history;  // rows that the model read, oldest first
  std::vector<std::pair<std::string, std::optional<double>>> windows;  // declared; null missing
  std::vector<operators::MerchantRowValues> merchant;
  std::string logit_bits;  // 8 hex digits, empty: no score
};
std::optional<FeaturesRecord> parse_features_record(std::string_view json);

struct Attended {
  std::vector<double> shares;  // by row of `history`; empty: not known, and `why` says why
  std::string why;
};
inline constexpr std::string_view kAttentionMethod =
    "Share of the change in the score's logit when the payment is scored again without this row.";

/// The console's own scorer, never a worker's.
Attended attend(Scorer* scorer, const FeaturesRecord& record);

}  // namespace weir::console
