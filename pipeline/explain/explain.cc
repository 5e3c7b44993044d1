// weir explain: one decision in words, and made again to see whether it is what it says.

#include <algorithm>
#include <cmath>

#include <fmt/core.h>

#include "operators/card_number.h"
#include "pipeline/exit_code.h"
#include "pipeline/explain/comparison.h"
#include "pipeline/open_scorer.h"
#include "pipeline/terminal/style.h"

namespace weir {
namespace {

using Json = nlohmann::json;
using terminal::Tone;

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string amount_text(std::int64_t minor, const Currency& currency) {
  return fmt::format("{:.{}f} {}", static_cast<double>(minor) / std::pow(10, currency.exponent),
                     currency.exponent, currency.name());
}

class Page {
 public:
  Page(const Json& verdict, const Json& features) : verdict_(verdict), features_(features) {}

  void decision() const {
    const Currency* currency = find_currency(verdict_.value("currency", ""));
    fmt::print("{}\n", heading("Payment"));
    fmt::print("  transaction  {}, user {}, merchant {}\n", verdict_.value("transaction_id", ""),
               verdict_.value("user_id", ""), verdict_.value("merchant_id", ""));
    fmt::print("  amount       {}, {}\n",
               amount_text(verdict_.value("amount_minor", std::int64_t{0}),
                           currency != nullptr ? *currency : Currency{}),
               verdict_.value("event_time", ""));
    const Json& costs = verdict_.at("expected_cost");
    const Json& second = verdict_.at("runner_up");
    const std::string action = verdict_.value("action", "");
    const Tone tone = action == "approve"   ? Tone::kGood
                      : action == "decline" ? Tone::kBad
                                            : Tone::kWarning;
    fmt::print("{}\n", heading("Decision"));
    fmt::print("  action       {}; {} would cost {} more\n",
               terminal::toned(action, tone, coloured_), second.value("action", ""),
               text_of(second.at("cost_gap")));
    fmt::print("  probability  {}\n", text_of(verdict_.at("risk").at("fraud").at("p")));
    fmt::print("  costs        approve {}, review {}, decline {}\n", text_of(costs.at("approve")),
               text_of(costs.at("review")), text_of(costs.at("decline")));
    for (const char* flag : {"late", "out_of_order"}) {
      if (verdict_.value(flag, false)) fmt::print("  note         {}\n", flag);
    }
    for (const Json& cause : verdict_.value("degraded", Json::array()))
      fmt::print("  degraded     {}\n", text_of(cause));
  }

  void reasons() const {
    fmt::print("{}\n", heading("Reasons"));
    for (const Json& reason : verdict_.value("reasons", Json::array())) {
      fmt::print("  {:<16} {}\n", reason.value("code", ""), reason.value("text", ""));
    }
  }

  void past(const RederivedDecision& made) const {
    fmt::print("{}\n",
               heading(fmt::format("Past payments that the model saw: {}", made.history.size())));
    for (const HistoryRow& row : made.history) {
      const Currency* currency = find_currency(row.currency);
      fmt::print("  {:<24} {:>14}  {}{}{}\n", format_event_time({row.event_time_ms}),
                 amount_text(row.amount_minor, currency != nullptr ? *currency : Currency{}),
                 row.merchant == made.payment.merchant ? "same merchant" : "other merchant",
                 row.device != 0 && row.device == made.payment.device ? ", same device" : "",
                 row.card != 0 && row.card == made.payment.card ? ", same card" : "");
    }
  }

  void values(const Scorer* scorer) const {
    const Json current = features_.value("current", Json::array());
    fmt::print("{}\n", heading("Features"));
    for (std::size_t i = 0; i < current.size(); ++i) {
      const bool named = scorer != nullptr && i < scorer->info().features.size();
      fmt::print("  {:<32} {}\n",
                 named ? scorer->info().features[i] : fmt::format("current[{}]", i),
                 current[i].dump());
    }
    const Json windows = features_.value("windows", Json::object());  // outlives its items()
    for (const auto& [name, value] : windows.items()) {
      fmt::print("  {:<32} {}\n", name, value.is_null() ? "missing" : value.dump());
    }
  }

  void lineage() const {
    fmt::print("{}\n", heading("Lineage"));
    fmt::print("  verdict      {}\n", verdict_.value("verdict_id", ""));
    const Json& model = verdict_.at("model");
    if (model.is_object()) {
      fmt::print("  model        {} {}, {}\n", model.value("name", ""), model.value("version", ""),
                 model.value("digest", ""));
    } else {
      fmt::print("  model        none\n");
    }
    fmt::print("  prices       {}\n", verdict_.at("rules").value("digest", ""));
    const Json& input = verdict_.at("input");
    fmt::print("  record       {}/{}/{}\n", input.value("topic", ""),
               text_of(input.at("partition")), text_of(input.at("offset")));
  }

  void outcome(const Comparison& comparison) const {
    if (comparison.differences.empty()) {
      fmt::print("{}: p bits equal, action equal, {} of {} reasons\n",
                 terminal::toned("identical", Tone::kGood, coloured_), comparison.reasons_equal,
                 comparison.reasons);
      return;
    }
    fmt::print("{}:\n", terminal::toned("differs", Tone::kBad, coloured_));
    for (const auto& difference : comparison.differences) {
      fmt::print("  {:<24} then {}, now {}\n", difference.field, difference.then.dump(),
                 difference.now.dump());
    }
    for (const auto& cause : comparison.causes) fmt::print("  because {}\n", cause);
  }

 private:
  [[nodiscard]] std::string heading(std::string_view text) const {
    return terminal::toned(text, Tone::kBold, coloured_);
  }

  const Json& verdict_;
  const Json& features_;
  bool coloured_ = terminal::takes_colour(stdout);
};

void print_json(const Json& verdict, const Json& features, const RederivedDecision& made,
                const Comparison& comparison) {
  nlohmann::ordered_json out;
  out["identical"] = comparison.differences.empty();
  out["reasons_equal"] = comparison.reasons_equal;
  out["differences"] = nlohmann::ordered_json::array();
  for (const auto& difference : comparison.differences) {
    out["differences"].push_back(
        {{"field", difference.field}, {"then", difference.then}, {"now", difference.now}});
  }
  out["causes"] = comparison.causes;
  out["verdict"] = verdict;
  out["features"] = features;
  out["verdict_now"] = made.verdict;
  out["outputs_now"] = made.features.at("outputs");
  out["past_payments"] = nlohmann::ordered_json::array();
  for (const HistoryRow& row : made.history) {
    out["past_payments"].push_back({{"event_time", format_event_time({row.event_time_ms})},
                                    {"amount_minor", row.amount_minor},
                                    {"currency", row.currency}});
  }
  fmt::print("{}\n", out.dump());
}

int not_found(const ExplainArguments& arguments) {
  fmt::print(stderr,
             "weir: no verdict of '{}' {}; give a verdict_id or a transaction_id, and an older "
             "verdict as files: --verdicts FILE --features FILE\n",
             operators::mask_card_numbers(arguments.id),
             arguments.verdicts.empty() ? "in the topic of verdicts" : "in " + arguments.verdicts);
  return kExitData;
}

/// A verdict that cannot be made again is shown all the same.
int show_only(const ExplainArguments& arguments, const Json& verdict, const Json& features) {
  if (!arguments.json) {
    const Page page(verdict, features);
    page.decision();
    page.reasons();
    page.lineage();
  }
  fmt::print(
      stderr,
      "weir: there is no features record of this verdict, so it cannot be made again: it was "
      "not scored (poison), or the record is not kept any more; older records as files: "
      "--features FILE\n");
  return kExitData;
}

int explain(const config::Config& config, const ExplainArguments& arguments,
            const RecordedDecision& recorded) {
  const Json verdict = Json::parse(recorded.verdict, nullptr, false);
  const Json features = Json::parse(recorded.features, nullptr, false);
  if (recorded.features.empty()) return show_only(arguments, verdict, features);
  auto scorer = open_scorer(config);
  if (!scorer) return report(scorer.error(), kExitConfig);
  const auto made = rederive(recorded, config.operators, scorer->get());
  if (!made) return report(made.error(), kExitData);
  const Comparison comparison = compare(verdict, features, *made);
  if (arguments.json) {
    print_json(verdict, features, *made, comparison);
  } else {
    const Page page(verdict, features);
    page.decision();
    page.reasons();
    page.past(*made);
    page.values(scorer->get());
    page.lineage();
    page.outcome(comparison);
  }
  return comparison.differences.empty() ? kExitOk : kExitData;
}

}  // namespace

int explain_command(const ExplainArguments& arguments) {
  const auto loaded = load_or_complain(arguments.config);
  if (!loaded) return kExitConfig;
  const auto recorded = find_decision(loaded->config, arguments);
  if (!recorded) return report(recorded.error(), kExitData, kAskBroker);
  if (!*recorded) return not_found(arguments);
  try {
    return explain(loaded->config, arguments, **recorded);
  } catch (const Json::exception&) {  // a field is missing or of another type
    return report(fatal("the verdict or features record is not one of Weir's, or of another "
                        "version of it; explain it with the version that wrote it"),
                  kExitData);
  }
}

}  // namespace weir
