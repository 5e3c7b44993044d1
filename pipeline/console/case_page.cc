#include "pipeline/console/case_page.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/core.h>

#include "operators/history.h"
#include "pipeline/config/features.h"
#include "pipeline/console/page_json.h"
#include "pipeline/core/money.h"

namespace weir::console {
namespace {

constexpr std::size_t kTimelineMax = 128;
constexpr std::size_t kRecentMax = 10;
constexpr std::size_t kLinkedMax = 5'000;  // payments of an entity that are looked through

Json reasons(const Json& verdict) {
  // Their unit is in the text; amounts are in the payment's currency.
  Json all = Json::array();
  for (Json reason : verdict.at("reasons")) {
    const std::string code = reason.value("code", "");
    reason["unit"] = code.starts_with("amount")  ? verdict.at("currency")
                     : code == "soon_after_last" ? Json("min")
                     : code == "unusual_hour"    ? Json("h UTC")
                                                 : Json("payments");
    all.push_back(std::move(reason));
  }
  return all;
}

Json actions(const KeptVerdict& v) {
  std::vector<std::pair<double, std::string>> costs = {
      {v.cost_approve, "approve"}, {v.cost_review, "review"}, {v.cost_decline, "decline"}};
  std::ranges::stable_sort(costs, {}, &std::pair<double, std::string>::first);
  Json all = Json::array();
  for (const auto& [cost, action] : costs) {
    all.push_back({{"action", action}, {"expected_cost", cost}});
  }
  return all;
}

Json label_of(const std::vector<KnownLabel>& labels) {
  const auto last = std::ranges::max_element(labels, {}, &KnownLabel::label_time);
  if (last == labels.end()) return nullptr;
  return last->is_fraud ? "fraud" : "good";
}

struct Moment {
  std::int64_t ms = 0;
  Verdict verdict;                  // may be null: only the row is known
  const HistoryRow* row = nullptr;  // may be null: the model did not read it
  std::optional<double> attention;
};

/// The rows that the model read, each with its verdict where that is kept, and the user's other
/// payments up to this one.
std::vector<Moment> moments_of(const KeptVerdict& v, const KeptVerdicts& kept,
                               const CaseSources& sources) {
  std::vector<Moment> moments;
  for (const Verdict& other : kept.of_user(v.user_id, kLinkedMax)) {  // newest first
    if (other->verdict_id == v.verdict_id || other->event_ms > v.event_ms) continue;
    moments.push_back({other->event_ms, other, nullptr, std::nullopt});
    if (moments.size() == kTimelineMax) break;
  }
  if (sources.features) {
    const auto& rows = sources.features->history;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const HistoryRow& row = rows[i];
      const auto same = std::ranges::find_if(moments, [&](const Moment& m) {
        return m.row == nullptr && m.ms == row.event_time_ms &&
               m.verdict->amount_minor == row.amount_minor &&
               operators::hash_id(m.verdict->merchant_id) == row.merchant;
      });
      Moment& moment = same != moments.end()
                           ? *same
                           : moments.emplace_back(Moment{row.event_time_ms, nullptr, nullptr, {}});
      moment.row = &row;
      if (i < sources.attended.shares.size()) moment.attention = sources.attended.shares[i];
    }
  }
  std::ranges::stable_sort(moments, {}, &Moment::ms);
  return moments;
}

Json timeline(const KeptVerdict& v, const KeptVerdicts& kept, const CaseSources& sources) {
  auto moments = moments_of(v, kept, sources);
  const auto self = kept.find(v.verdict_id);
  if (self) moments.push_back({v.event_ms, self, nullptr, std::nullopt});
  Json all = Json::array();
  const Moment* before = nullptr;
  for (const Moment& m : moments) {
    Json json = {{"event_time", wall_time(m.ms)}};
    const auto* known = m.verdict.get();
    json["transaction_id"] = known ? Json(known->transaction_id) : Json(nullptr);
    json["verdict_id"] = known ? Json(known->verdict_id) : Json(nullptr);
    json["amount_minor"] = known ? known->amount_minor : m.row->amount_minor;
    const Currency* currency =
        known ? find_currency(std::string_view(known->currency)) : find_currency(m.row->currency);
    json["currency"] = currency ? Json(std::string(currency->name())) : Json(nullptr);
    json["exponent"] = known ? known->exponent : m.row->currency_exponent;
    json["merchant_id"] = known ? Json(known->merchant_id) : Json(nullptr);
    json["action"] = known ? Json(known->action) : Json(nullptr);
    json["p"] = known && known->p ? Json(*known->p) : Json(nullptr);
    json["gap_s"] = before ? Json(static_cast<double>(m.ms - before->ms) / 1'000) : Json(nullptr);
    json["label"] = known ? label_of(kept.said(*known).labels) : Json(nullptr);
    json["attention"] = m.attention ? Json(*m.attention) : Json(nullptr);
    all.push_back(std::move(json));
    before = &m;
  }
  return all;
}

Json range(std::string_view name, std::string_view text, std::vector<double> values,
           const Json& here, const std::string& unit) {
  std::ranges::sort(values);
  const auto at = [&](double q) {
    return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1) + 0.5)];
  };
  return {{"name", name},      {"text", text}, {"low", at(0.1)}, {"high", at(0.9)},
          {"median", at(0.5)}, {"this", here}, {"unit", unit}};
}

/// From the rows that the model read: what lies between the lowest and the highest tenth.
Json usual(const KeptVerdict& v, const CaseSources& sources) {
  Json all = Json::array();
  if (!sources.features || sources.features->history.size() < 3) return all;
  const HistoryRow& payment = sources.features->payment;
  const double scale = std::pow(10.0, v.exponent);
  std::vector<double> amounts, gaps;
  const HistoryRow* before = nullptr;
  for (const HistoryRow& row : sources.features->history) {
    if (row.currency == payment.currency) {
      amounts.push_back(static_cast<double>(row.amount_minor) / scale);
    }
    if (before)
      gaps.push_back(static_cast<double>(row.event_time_ms - before->event_time_ms) / 6e4);
    before = &row;
  }
  if (amounts.size() >= 3) {
    all.push_back(range("amount", "Amount", amounts, static_cast<double>(v.amount_minor) / scale,
                        v.currency));
  }
  if (gaps.size() >= 3) {
    all.push_back(range("gap", "Time since the payment before", gaps,
                        static_cast<double>(payment.event_time_ms - before->event_time_ms) / 6e4,
                        "min"));
  }
  return all;
}

Json number_or_null(const std::optional<double>& value) {
  return value && std::isfinite(*value) ? Json(*value) : Json(nullptr);
}

Json features(const CaseSources& sources) {
  Json all = Json::array();
  if (!sources.features) return all;
  for (const auto& [name, value] : sources.features->windows) {
    all.push_back({{"name", name}, {"value", number_or_null(value)}});
  }
  const auto& current = sources.features->current;
  if (sources.model_features.size() == current.size()) {
    for (std::size_t i = 0; i < current.size(); ++i) {
      all.push_back({{"name", sources.model_features[i]},
                     {"value", number_or_null(static_cast<double>(current[i]))}});
    }
  }
  return all;
}

Json features_of_kind(std::string_view kind, const CaseSources& sources,
                      const config::Config& config) {
  Json all = Json::array();
  if (!sources.features) return all;
  for (const auto& [name, value] : sources.features->windows) {
    const auto declared = std::ranges::find(config.features, name, &config::FeatureConfig::name);
    if (declared == config.features.end()) continue;
    if (config::kFeatureEntities[declared->entity] != kind) continue;
    all.push_back({{"name", name}, {"value", number_or_null(value)}});
  }
  return all;
}

/// Something that the payment names, and whose kept payments named the same, newest first.
struct Entity {
  std::string_view kind;
  std::string id;
  std::vector<Verdict> payments;
};

std::vector<Verdict> that_named(std::size_t kind, const std::string& id, const KeptVerdicts& kept,
                                const NamedPayments& named) {
  std::vector<Verdict> payments;
  for (const Spot& spot : named.that_named(kind, id, kLinkedMax)) {
    if (auto verdict = kept.of_record(spot)) payments.push_back(std::move(verdict));
  }
  return payments;
}

/// The user first, whose payments are the timeline.
std::vector<Entity> entities_of(const KeptVerdict& v, const NamedIds& ids, const KeptVerdicts& kept,
                                const NamedPayments& named) {
  std::vector<Entity> all = {
      {"user", v.user_id, {}},
      {"merchant", v.merchant_id, kept.of_merchant(v.merchant_id, kLinkedMax)}};
  for (std::size_t kind = 0; kind < kNamedKinds.size(); ++kind) {
    const std::string id(ids.all()[kind]);
    if (!id.empty()) all.push_back({kNamedKinds[kind], id, that_named(kind, id, kept, named)});
  }
  return all;
}

/// Other users' payments with it, newest first.
std::vector<Verdict> recent_of_others(const KeptVerdict& v, const Entity& entity) {
  std::vector<Verdict> others;
  for (const Verdict& other : entity.payments) {
    if (other->user_id != v.user_id) others.push_back(other);
    if (others.size() == kRecentMax) break;
  }
  return others;
}

Json entities(const KeptVerdict& v, const Json& verdict, const std::vector<Entity>& named,
              const KeptVerdicts& kept, const CaseSources& sources, const config::Config& config) {
  Json all = Json::array();
  for (const Entity& entity : named) {
    Json profile = nullptr;
    if (const auto profiles = verdict.find("profiles");
        profiles != verdict.end() && profiles->contains(entity.kind)) {
      profile = profiles->at(std::string(entity.kind));
    }
    all.push_back({{"kind", entity.kind},
                   {"id", entity.id},
                   {"features", features_of_kind(entity.kind, sources, config)},
                   {"profile", std::move(profile)},
                   {"recent", summaries(recent_of_others(v, entity), kept)}});
  }
  return all;
}

/// Counted over what is kept.
Json links(const std::vector<Entity>& named, const KeptVerdicts& kept) {
  Json all = Json::array();
  for (const Entity& entity : named) {
    if (entity.kind == "user") continue;
    std::set<std::string> users;
    std::size_t frauds = 0;
    for (const Verdict& payment : entity.payments) {
      users.insert(payment->user_id);
      frauds += label_of(kept.said(*payment).labels) == "fraud" ? 1U : 0U;
    }
    all.push_back({{"kind", entity.kind},
                   {"id", entity.id},
                   {"users", users.size()},
                   {"payments", entity.payments.size()},
                   {"frauds", frauds}});
  }
  return all;
}

std::string why_degraded(std::string_view cause) {
  if (cause == "no_model") return "no model is configured: decided by the prior";
  if (cause == "score_invalid") return "the model failed: the safe action was taken";
  if (cause == "poison")
    return "the record had stopped the process before: the safe action was taken";
  if (cause == "profile_stale") return "profiles of who is involved were too old to be used";
  if (cause == "profile_down") return "profiles of who is involved were not to be had";
  return "a cause that this version does not know";
}

Json missing(const KeptVerdict& v, const CaseSources& sources) {
  Json all = Json::array();
  for (const std::string& cause : v.degraded) {
    all.push_back({{"what", cause}, {"why", why_degraded(cause)}});
  }
  if (!sources.features) {
    all.push_back({{"what", "features record"}, {"why", sources.no_features}});
    return all;
  }
  std::string names;
  for (const auto& [name, value] : sources.features->windows) {
    if (!value) names += (names.empty() ? "" : ", ") + name;
  }
  if (!names.empty()) {
    all.push_back({{"what", names}, {"why", "nothing to compute them from at that moment"}});
  }
  if (sources.attended.shares.empty()) {
    all.push_back({{"what", "attended payments"}, {"why", sources.attended.why}});
  }
  return all;
}

Json labels(const Said& said) {
  Json all = Json::array();
  for (const KnownLabel& label : said.labels) {
    all.push_back({{"label_id", label.label_id},
                   {"is_fraud", label.is_fraud},
                   {"type", label.type},
                   {"label_time", label.label_time}});
  }
  return all;
}

}  // namespace

std::string render_case(const KeptVerdict& v, const KeptVerdicts& kept, const NamedPayments& named,
                        const CaseSources& sources, const config::Config& config) {
  const Json verdict = Json::parse(v.json);
  const Said said = kept.said(v);
  const auto involved = entities_of(v, sources.ids, kept, named);
  Json dispositions = Json::array();
  for (const Disposition& d : said.dispositions) dispositions.push_back(to_json(d));
  Json page = {{"verdict", verdict},
               {"summary", to_json(v, kept.disposition(v.verdict_id))},
               {"reasons", reasons(verdict)},
               {"actions", actions(v)},
               {"timeline", timeline(v, kept, sources)},
               {"attention_method", kAttentionMethod},
               {"usual", usual(v, sources)},
               {"features", features(sources)},
               {"entities", entities(v, verdict, involved, kept, sources, config)},
               {"links", links(involved, kept)},
               {"kept", {{"verdicts", kept.size()}, {"from", kept.from()}}},
               {"missing", missing(v, sources)},
               {"rules", Json::array()},
               {"dispositions", std::move(dispositions)},
               {"labels", labels(said)}};
  page["derive"] = fmt::format("weir explain {} --config weir.yaml", v.verdict_id);
  return dump(page);
}

}  // namespace weir::console
