// Decisions: expected costs, ties, safe actions, and the settings behind them.
#include "operators/decide.h"

#include <gtest/gtest.h>

namespace weir::operators {
namespace {

/// 100.00 EUR with this probability of fraud.
ScoredTransaction scored(double p, std::int64_t amount_minor = 10'000) {
  ScoredTransaction payment{};
  payment.amount_minor = amount_minor;
  payment.currency = *find_currency("EUR");
  payment.score = Score{.logit = 0, .p = p, .valid = true};
  return payment;
}

DecideSettings prices(double loss_share, double false_decline, double review) {
  DecideSettings settings;
  settings.costs = {loss_share, false_decline, review};
  return settings;
}

TEST(Decide, TakesTheActionThatCostsLeast) {
  const Decide decide(prices(1, 15, 3));
  EXPECT_EQ(decide.decide(scored(0.01)).action, Action::kApprove);  // 1.00 against 3
  EXPECT_EQ(decide.decide(scored(0.10)).action, Action::kReview);   // 10 and 13.50 against 3
  EXPECT_EQ(decide.decide(scored(0.90)).action, Action::kDecline);  // 1.50 against 3
}

TEST(Decide, ShowsAllThreeCosts) {
  const Decision decision = Decide(prices(0.5, 20, 3)).decide(scored(0.25));
  EXPECT_DOUBLE_EQ(decision.costs.approve, 12.5);
  EXPECT_DOUBLE_EQ(decision.costs.review, 3);
  EXPECT_DOUBLE_EQ(decision.costs.decline, 15);
}

TEST(Decide, GivesATieToTheMilderAction) {
  EXPECT_EQ(Decide(prices(1, 100, 50)).decide(scored(0.5)).action, Action::kApprove);
  EXPECT_EQ(Decide(prices(1, 100, 25)).decide(scored(0.75)).action, Action::kReview);
  EXPECT_EQ(Decide(prices(0, 0, 0)).decide(scored(1)).action, Action::kApprove);
}

TEST(Decide, UsesThePricesOfTheCurrency) {
  DecideSettings settings = prices(1, 15, 3);
  settings.by_currency["JPY"] = {1, 2000, 400};
  const Decide decide(settings);
  ScoredTransaction yen = scored(0.5, 100);  // 100 yen
  yen.currency = *find_currency("JPY");
  EXPECT_EQ(decide.decide(yen).action, Action::kApprove);
  EXPECT_DOUBLE_EQ(decide.decide(yen).costs.review, 400);
  EXPECT_DOUBLE_EQ(decide.decide(scored(0.5)).costs.review, 3);
}

TEST(Decide, JudgesByThePriorWithoutAModel) {
  DecideSettings settings = prices(1, 15, 3);
  settings.prior = 0.9;
  ScoredTransaction payment = scored(0);
  payment.score.reset();
  payment.degraded = static_cast<std::uint8_t>(Degraded::kNoModel);
  const Decision decision = Decide(settings).decide(payment);
  EXPECT_EQ(decision.action, Action::kDecline);
  EXPECT_FALSE(decision.p.has_value());
  EXPECT_DOUBLE_EQ(decision.costs.approve, 90);
}

TEST(Decide, TakesTheSafeActionWithoutAUsableScore) {
  for (const Degraded why : {Degraded::kScoreInvalid, Degraded::kPoison}) {
    for (const std::string safe : {"approve", "review", "decline"}) {
      DecideSettings settings = prices(1, 15, 3);
      settings.safe_action = safe;
      ScoredTransaction payment = scored(0);
      payment.score.reset();
      payment.degraded = static_cast<std::uint8_t>(why);
      EXPECT_EQ(to_string(Decide(settings).decide(payment).action), safe);
    }
  }
}

TEST(Decide, TakesTheSafeActionForPoisonEvenWithoutAModel) {
  DecideSettings settings = prices(1, 15, 3);
  settings.safe_action = "decline";
  ScoredTransaction payment = scored(0);
  payment.score.reset();
  payment.degraded =
      static_cast<std::uint8_t>(Degraded::kPoison) | static_cast<std::uint8_t>(Degraded::kNoModel);
  EXPECT_EQ(Decide(settings).decide(payment).action, Action::kDecline);
}

TEST(RunnerUp, IsTheSecondCheapestWithItsDistance) {
  const RunnerUp second = runner_up(Decide(prices(1, 15, 3)).decide(scored(0.01)));
  EXPECT_EQ(second.action, Action::kReview);
  EXPECT_DOUBLE_EQ(second.cost_gap, 2);
}

TEST(RunnerUp, IsCheaperThanASafeActionTakenAgainstTheCosts) {
  Decision decision;
  decision.action = Action::kDecline;
  decision.costs = {1, 3, 10};
  EXPECT_EQ(runner_up(decision).action, Action::kApprove);
  EXPECT_DOUBLE_EQ(runner_up(decision).cost_gap, -9);
}

TEST(RulesDigest, ChangesWithEverySetting) {
  const DecideSettings base;
  std::vector<DecideSettings> others(6, base);
  others[0].costs.fraud_loss_share = 0.9;
  others[1].costs.false_decline = 16;
  others[2].costs.review = 4;
  others[3].safe_action = "decline";
  others[4].prior = 0.02;
  others[5].by_currency["EUR"] = base.costs;
  for (const auto& other : others) EXPECT_NE(rules_digest(other), rules_digest(base));
  EXPECT_EQ(rules_digest(base), rules_digest(DecideSettings{}));
  // Verdicts carry it: the canonical text must not change by accident.
  EXPECT_EQ(rules_digest(base),
            "sha256:025aa96f7edc9b73c2d53363a938653aeae83aa7c214ac29d43174b2fe783ba9");
}

// -- settings

std::string refusal(const Settings& settings) {
  const Status status = settings.validate();
  return status ? "" : status.error().message;
}

TEST(Settings, AreValidByDefault) {
  EXPECT_EQ(refusal({}), "");
}

TEST(Settings, NameTheKeyAndTheValue) {
  Settings settings;
  settings.dedupe.horizon = std::chrono::milliseconds(0);
  EXPECT_EQ(refusal(settings), "dedupe.horizon must be positive: 0");
  settings = {};
  settings.decide.by_currency["EURO"] = {};
  EXPECT_EQ(refusal(settings), "decide.costs_by_currency must be keyed by ISO 4217 codes: EURO");
  settings = {};
  settings.decide.safe_action = "block";
  EXPECT_EQ(refusal(settings), "decide.safe_action must be approve, review or decline: block");
}

TEST(Settings, AreCheckedAtBothSidesOfEveryBorder) {
  const auto rows = [](std::size_t n) {
    Settings settings;
    settings.history.rows = n;
    return refusal(settings).empty();
  };
  EXPECT_FALSE(rows(0));
  EXPECT_TRUE(rows(1));
  EXPECT_TRUE(rows(128));
  EXPECT_FALSE(rows(129));
  const auto ids = [](std::size_t n) {
    Settings settings;
    settings.dedupe.ids_per_user_max = n;
    return refusal(settings).empty();
  };
  EXPECT_FALSE(ids(0));
  EXPECT_TRUE(ids(1));
  EXPECT_TRUE(ids(120));
  EXPECT_FALSE(ids(121));
  const auto bytes = [](std::size_t n) {
    Settings settings;
    settings.input.record_bytes_max = n;
    return refusal(settings).empty();
  };
  EXPECT_FALSE(bytes(255));
  EXPECT_TRUE(bytes(256));
  const auto prior = [](double p) {
    Settings settings;
    settings.decide.prior = p;
    return refusal(settings).empty();
  };
  EXPECT_TRUE(prior(0));
  EXPECT_TRUE(prior(1));
  EXPECT_FALSE(prior(1.0001));
  EXPECT_FALSE(prior(-0.0001));
  EXPECT_FALSE(prior(std::numeric_limits<double>::quiet_NaN()));
}

}  // namespace
}  // namespace weir::operators
