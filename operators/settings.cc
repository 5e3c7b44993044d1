#include "operators/settings.h"

#include <cmath>

#include <fmt/core.h>

#include "operators/decide.h"
#include "pipeline/core/money.h"

namespace weir::operators {
namespace {

Error bad(std::string_view key, std::string_view rule, auto value) {
  return fatal(fmt::format("{} must be {}: {}", key, rule, value));
}

Status check_costs(const std::string& key, const Costs& costs) {
  // Written so that NaN fails: every comparison with it is false.
  if (!(costs.fraud_loss_share >= 0 && costs.fraud_loss_share <= 1)) {
    return bad(key + ".fraud_loss_share", "between 0 and 1", costs.fraud_loss_share);
  }
  if (!(costs.false_decline >= 0) || std::isinf(costs.false_decline)) {
    return bad(key + ".false_decline", "a finite number >= 0", costs.false_decline);
  }
  if (!(costs.review >= 0) || std::isinf(costs.review)) {
    return bad(key + ".review", "a finite number >= 0", costs.review);
  }
  return ok();
}

Status check_decide(const DecideSettings& decide) {
  WEIR_RETURN_IF_ERROR(check_costs("decide.costs", decide.costs));
  for (const auto& [code, costs] : decide.by_currency) {
    if (find_currency(code) == nullptr) {
      return bad("decide.costs_by_currency", "keyed by ISO 4217 codes", code);
    }
    WEIR_RETURN_IF_ERROR(check_costs("decide.costs_by_currency." + code, costs));
  }
  if (!parse_safe_action(decide.safe_action)) {
    return bad("decide.safe_action", "approve, review or decline", decide.safe_action);
  }
  if (!(decide.prior >= 0 && decide.prior <= 1)) {
    return bad("decide.prior", "between 0 and 1", decide.prior);
  }
  return ok();
}

}  // namespace

Status Settings::validate() const {
  if (input.record_bytes_max < 256 || input.record_bytes_max > (16U << 20)) {
    return bad("input.record_bytes_max", "between 256 and 16 MiB", input.record_bytes_max);
  }
  if (input.lateness.count() < 0) {
    return bad("input.lateness", "zero or more", input.lateness.count());
  }
  if (input.future_max.count() < 0) {
    return bad("input.future_max", "zero or more", input.future_max.count());
  }
  if (dedupe.horizon.count() <= 0) {
    return bad("dedupe.horizon", "positive", dedupe.horizon.count());
  }
  if (dedupe.ids_per_user_max < 1 || dedupe.ids_per_user_max > 120) {
    return bad("dedupe.ids_per_user_max", "between 1 and 120", dedupe.ids_per_user_max);
  }
  if (history.rows < 1 || history.rows > 128) {
    return bad("history.rows", "between 1 and 128", history.rows);
  }
  if (history.merchant_rows > state::kLabelledRowsMax) {
    return bad("history.merchant_rows", "between 0 and 64", history.merchant_rows);
  }
  if (input_topic.empty()) return bad("topics.transactions", "named", "(empty)");
  return check_decide(decide);
}

}  // namespace weir::operators
