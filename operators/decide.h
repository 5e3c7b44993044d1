#pragma once
// decide: expected cost of every action; the smallest wins, ties go to the milder one.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operators/score.h"
#include "operators/settings.h"
#include "pipeline/core/verdict.h"

namespace weir::operators {

/// A payment with its decision. `explain` adds the reasons.
struct DecidedTransaction : ScoredTransaction {
  Decision decision;
};

/// approve | review | decline; nullopt for anything else.
std::optional<Action> parse_safe_action(std::string_view name);

/// "sha256:<64 hex>" of the decide settings in a canonical text: equal settings, equal digest, on
/// any machine.
std::string rules_digest(const DecideSettings& settings);

/// The second-best action of a decision and how much more it would cost (negative when the safe
/// action was taken against the costs). Challenge and block have no price yet and are never
/// runner-up.
struct RunnerUp {
  Action action;
  double cost_gap;  // major units
};
RunnerUp runner_up(const Decision& decision);

/// Chooses the action of each payment.
///
///     approve = p * fraud_loss_share * amount     review = review     decline = (1 - p) *
///     false_decline
///
/// in major units of the payment's currency. Without a model p is the configured prior, and the
/// verdict says no_model. Without a usable score (poison, failed model, NaN) the safe action is
/// taken; the costs shown are those of the prior.
class Decide {
 public:
  /// `settings` must be valid (Settings::validate).
  explicit Decide(const DecideSettings& settings);

  /// Appends one decided payment for each scored one.
  void process(std::span<const ScoredTransaction> in, std::vector<DecidedTransaction>& out) const;

  [[nodiscard]] Decision decide(const ScoredTransaction& payment) const;

 private:
  [[nodiscard]] const Costs& costs_of(const Currency& currency) const;

  Costs costs_;
  std::vector<std::pair<std::uint16_t, Costs>> by_currency_;  // ISO numeric code
  Action safe_action_;
  double prior_;
};

}  // namespace weir::operators
