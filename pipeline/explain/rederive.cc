#include "pipeline/explain/rederive.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>

#include "operators/decide.h"
#include "operators/explain.h"
#include "operators/json_text.h"
#include "operators/verdict_json.h"

namespace weir {
namespace {

using Json = nlohmann::json;

/// Everything a payment's views point into.
struct Recalled {
  Json verdict;
  Json features;
  std::vector<HistoryRow> payment;
  std::vector<HistoryRow> history;
  std::vector<double> windows;
  std::vector<std::string> window_names;
  operators::PaymentPast past;
  std::string transaction_id;
  std::string user_id;
  std::string merchant_id;
};

Error damaged(const char* what) {
  return fatal(std::string("the record is damaged, or of another version of Weir: ") + what +
               "; explain it with the version that wrote it");
}

bool read_rows(const Json& field, std::vector<HistoryRow>& rows) {
  const auto bytes =
      field.is_string() ? operators::decode_base64(field.get<std::string>()) : std::nullopt;
  if (!bytes || bytes->size() % sizeof(HistoryRow) != 0) return false;
  rows.resize(bytes->size() / sizeof(HistoryRow));
  if (!rows.empty()) std::memcpy(rows.data(), bytes->data(), bytes->size());
  return true;
}

std::uint8_t degraded_of(const Json& verdict) {
  std::uint8_t bits = 0;
  for (const Json& name : verdict.value("degraded", Json::array())) {
    if (name == "profile_stale") bits |= static_cast<std::uint8_t>(Degraded::kProfileStale);
    if (name == "profile_down") bits |= static_cast<std::uint8_t>(Degraded::kProfileDown);
  }
  return bits;
}

bool read_profiles(const Json& verdict, operators::PaymentPast& past) {
  const Json profiles = verdict.value("profiles", Json::object());  // outlives its items()
  for (const auto& [name, seen] : profiles.items()) {
    const auto as_of = parse_event_time(seen.value("as_of", ""));
    for (std::uint8_t kind = 0; kind < state::kEntityKinds; ++kind) {
      if (state::kEntityKindNames[kind] != name) continue;
      if (!as_of || past.profile_count == kSeenProfilesMax) return false;
      past.profiles[past.profile_count++] = {kind, as_of->ms,
                                             seen.value("sequence", std::uint64_t{0})};
    }
  }
  // JSON objects come back by name, profiles stand by kind.
  std::sort(past.profiles.begin(), past.profiles.begin() + past.profile_count,
            [](const auto& a, const auto& b) { return a.kind < b.kind; });
  return true;
}

bool read_past(Recalled& recalled) {
  recalled.past.degraded = degraded_of(recalled.verdict);
  const auto merchant = recalled.features.find("merchant");
  recalled.past.knows_merchants = merchant != recalled.features.end();
  if (recalled.past.knows_merchants) {
    for (const Json& row : *merchant) {
      if (!row.is_array() || row.size() != operators::kMerchantFeatureCount) return false;
      auto& values = recalled.past.merchant_values.emplace_back();
      for (std::size_t i = 0; i < row.size(); ++i) values[i] = row[i].get<float>();
    }
  }
  return read_profiles(recalled.verdict, recalled.past);
}

void read_windows(const operators::Settings& settings, Recalled& recalled) {
  const auto windows = recalled.features.find("windows");
  if (windows == recalled.features.end()) return;
  // By the configuration's names: what it does not declare any more is not read, what it declares
  // since is missing.
  for (const auto& declared : settings.features) {
    const auto found = windows->find(declared.name);
    const bool is_number = found != windows->end() && found->is_number();
    recalled.window_names.push_back(declared.name);
    recalled.windows.push_back(is_number ? found->get<double>()
                                         : std::numeric_limits<double>::quiet_NaN());
  }
}

Status recall(const RecordedDecision& recorded, const operators::Settings& settings,
              Recalled& recalled) {
  recalled.verdict = Json::parse(recorded.verdict, nullptr, false);
  recalled.features = Json::parse(recorded.features, nullptr, false);
  if (!recalled.verdict.is_object() || !recalled.features.is_object()) return damaged("no JSON");
  if (recalled.features.value("history_format", 0) != operators::kHistoryFormat)
    return damaged("history_format");
  if (!read_rows(recalled.features.value("payment", Json()), recalled.payment) ||
      recalled.payment.size() != 1 ||
      !read_rows(recalled.features.value("history", Json()), recalled.history))
    return damaged("payment and history");
  if (!read_past(recalled)) return damaged("merchant and profiles");
  read_windows(settings, recalled);
  recalled.transaction_id = recalled.verdict.value("transaction_id", "");
  recalled.user_id = recalled.verdict.value("user_id", "");
  recalled.merchant_id = recalled.verdict.value("merchant_id", "");
  return ok();
}

/// The payment as the step windows left it.
Result<operators::WindowedTransaction> payment_of(const Recalled& recalled) {
  operators::WindowedTransaction payment;
  const HistoryRow& row = recalled.payment.front();
  const Currency* currency = find_currency(row.currency);
  if (currency == nullptr) return damaged("currency");
  payment.transaction_id = recalled.transaction_id;
  payment.user_id = recalled.user_id;
  payment.merchant_id = recalled.merchant_id;
  payment.event_time = {row.event_time_ms};
  payment.amount_minor = row.amount_minor;
  payment.currency = *currency;
  payment.row = row;
  payment.history = recalled.history;
  payment.windows = recalled.windows;
  payment.past = &recalled.past;
  payment.late = recalled.verdict.value("late", false);
  payment.out_of_order = recalled.verdict.value("out_of_order", false);
  const Json input = recalled.verdict.value("input", Json::object());
  payment.origin = {input.value("partition", 0), input.value("offset", std::int64_t{0})};
  return payment;
}

Lineage lineage_of(const operators::Settings& settings, const Scorer* scorer) {
  Lineage lineage;
  if (scorer != nullptr) {
    lineage.model_name = scorer->info().name;
    lineage.model_version = scorer->info().version;
    lineage.model_digest = scorer->info().digest;
  }
  lineage.rules_digest = operators::rules_digest(settings.decide);
  return lineage;
}

}  // namespace

Result<RederivedDecision> rederive(const RecordedDecision& recorded,
                                   const operators::Settings& settings, Scorer* scorer) {
  Recalled recalled;
  WEIR_RETURN_IF_ERROR(recall(recorded, settings, recalled));
  const auto payment = payment_of(recalled);
  if (!payment) return payment.error();

  operators::Scoring score(scorer, recalled.window_names);
  std::vector<operators::ScoredTransaction> scored;
  score.process({&*payment, 1}, scored);
  std::vector<operators::DecidedTransaction> decided;
  operators::Decide(settings.decide).process(scored, decided);
  operators::Explain().process(decided);

  const operators::DecidedTransaction& made = decided.front();
  const Lineage lineage = lineage_of(settings, scorer);
  const Json input = recalled.verdict.value("input", Json::object());
  const std::string topic = input.value("topic", "");
  std::string verdict;
  operators::append_verdict_json(verdict, operators::content_of(made, lineage), topic);
  std::string features;
  operators::append_features_json(features, made, recalled.window_names, lineage, topic);
  return RederivedDecision{Json::parse(verdict), Json::parse(features), made.row, recalled.history};
}

}  // namespace weir
