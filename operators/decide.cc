#include "operators/decide.h"

#include <array>

#include "operators/digest.h"
#include "operators/json_text.h"
#include "pipeline/core/error.h"

namespace weir::operators {
namespace {

struct PricedAction {
  Action action;
  double cost;
};

/// Mildest first, so that a strict comparison keeps the milder one in a tie.
std::array<PricedAction, 3> priced(const ExpectedCosts& costs) {
  return {{{Action::kApprove, costs.approve},
           {Action::kReview, costs.review},
           {Action::kDecline, costs.decline}}};
}

ExpectedCosts expected_costs(double p, const Costs& prices, double amount) {
  return {.approve = p * prices.fraud_loss_share * amount,
          .review = prices.review,
          .decline = (1 - p) * prices.false_decline};
}

Action cheapest(const ExpectedCosts& costs) {
  const auto actions = priced(costs);
  const PricedAction* best = &actions[0];
  for (const PricedAction& candidate : actions) {
    if (candidate.cost < best->cost) best = &candidate;
  }
  return best->action;
}

void append_costs(std::string& text, std::string_view name, const Costs& costs) {
  text += name;
  text += " fraud_loss_share=";
  append_double(text, costs.fraud_loss_share);
  text += " false_decline=";
  append_double(text, costs.false_decline);
  text += " review=";
  append_double(text, costs.review);
  text += '\n';
}

}  // namespace

std::optional<Action> parse_safe_action(std::string_view name) {
  for (const Action action : {Action::kApprove, Action::kReview, Action::kDecline}) {
    if (name == to_string(action)) return action;
  }
  return std::nullopt;
}

std::string rules_digest(const DecideSettings& settings) {
  std::string text = "weir decide 1\n";
  append_costs(text, "costs", settings.costs);
  for (const auto& [code, costs] : settings.by_currency) append_costs(text, code, costs);
  text += "safe_action " + settings.safe_action + "\nprior ";
  append_double(text, settings.prior);
  text += '\n';
  return "sha256:" + sha256_hex(text);
}

RunnerUp runner_up(const Decision& decision) {
  const auto actions = priced(decision.costs);
  const PricedAction* taken = &actions[1];
  const PricedAction* best = nullptr;
  for (const PricedAction& candidate : actions) {
    if (candidate.action == decision.action) {
      taken = &candidate;
    } else if (best == nullptr || candidate.cost < best->cost) {
      best = &candidate;
    }
  }
  WEIR_CHECK(best != nullptr);  // more than one action has a price
  return {best->action, best->cost - taken->cost};
}

Decide::Decide(const DecideSettings& settings) : costs_(settings.costs), prior_(settings.prior) {
  for (const auto& [code, costs] : settings.by_currency) {
    const Currency* currency = find_currency(code);
    WEIR_CHECK(currency != nullptr);
    by_currency_.emplace_back(currency->numeric, costs);
  }
  const auto safe = parse_safe_action(settings.safe_action);
  WEIR_CHECK(safe.has_value());
  safe_action_ = *safe;
}

const Costs& Decide::costs_of(const Currency& currency) const {
  for (const auto& [numeric, costs] : by_currency_) {
    if (numeric == currency.numeric) return costs;
  }
  return costs_;
}

Decision Decide::decide(const ScoredTransaction& payment) const {
  Decision decision;
  decision.late = payment.late;
  decision.out_of_order = payment.out_of_order;
  decision.degraded = payment.degraded;
  if (payment.past != nullptr) {
    decision.degraded |= payment.past->degraded;
    decision.profiles = payment.past->profiles;
    decision.profile_count = payment.past->profile_count;
  }
  if (payment.score) decision.p = payment.score->p;
  decision.costs = expected_costs(decision.p.value_or(prior_), costs_of(payment.currency),
                                  major_units(payment.amount_minor, payment.currency));
  const bool decidable =
      decision.p.has_value() || payment.degraded == static_cast<std::uint8_t>(Degraded::kNoModel);
  decision.action = decidable ? cheapest(decision.costs) : safe_action_;
  return decision;
}

void Decide::process(std::span<const ScoredTransaction> in,
                     std::vector<DecidedTransaction>& out) const {
  for (const ScoredTransaction& payment : in) out.push_back({payment, decide(payment)});
}

}  // namespace weir::operators
