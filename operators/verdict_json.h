#pragma once
// The bytes of a verdict and of a features record: one line of JSON, fields in a fixed order, every
// number in one form.

#include <span>
#include <string>
#include <string_view>

#include "operators/score.h"
#include "pipeline/core/transaction.h"
#include "pipeline/core/verdict.h"

namespace weir::operators {

struct DecidedTransaction;

/// All a verdict says. The same for a first payment and for its duplicates, but for `duplicate`.
struct VerdictContent {
  std::string_view transaction_id;
  std::string_view user_id;
  std::string_view merchant_id;
  EventTime event_time;
  std::int64_t amount_minor = 0;
  Currency currency;
  const Decision* decision = nullptr;
  const Lineage* lineage = nullptr;
  Origin origin;  // of the first record with this transaction id
  bool duplicate = false;
};

/// What the verdict of a first payment says; `payment` and `lineage` must outlive it.
VerdictContent content_of(const DecidedTransaction& payment, const Lineage& lineage);

/// Fields in order: verdict_id, transaction_id, user_id, merchant_id, event_time, amount_minor,
/// currency, action, runner_up, risk, expected_cost, reasons, model, rules, duplicate, late,
/// out_of_order, degraded, profiles, input. Costs have four decimals; p is the shortest text that
/// reads back to the same double, null without a model. `profiles` is there when any was seen: by
/// kind of entity, the event time its values are of and the offset in topic entities behind the
/// last record it was made from.
void append_verdict_json(std::string& out, const VerdictContent& verdict,
                         std::string_view input_topic);

/// Format of `history` in a features record: HistoryRow as in pipeline/core/history_row.h,
/// little-endian.
inline constexpr int kHistoryFormat = 1;

/// Everything the model was given and returned: enough to score the payment again without the
/// state. Feature names and their order are in the manifest that `model.digest` names. `history` is
/// base64 of `rows` rows of 52 bytes, oldest first: what the model read; its features and log gaps
/// follow from them and `payment`, the payment's own row in the same format. `windows` is there
/// when features are declared: an object of them in the order of declaration, null for missing;
/// every number reads back to the same double. `merchant` is there when history.merchant_rows is
/// above 0: the merchant's newest labelled payments, newest first, each as all features of
/// features/merchant_rows.h in their order; a model reads the first of them. `outputs` has
/// `sequence_logit` and `trees_margin` where the model has such parts. Without a model `model` is
/// null and what it was given is empty.
void append_features_json(std::string& out, const ScoredTransaction& payment,
                          std::span<const std::string> window_names, const Lineage& lineage,
                          std::string_view input_topic);

}  // namespace weir::operators
