#include "pipeline/console/page_json.h"

#include <fmt/core.h>

#include "pipeline/core/event_time.h"

namespace weir::console {
namespace {

Json text_or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

}  // namespace

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string wall_time(std::int64_t ms) {
  std::string text = format_event_time({ms - ms % 1'000});
  text.pop_back();
  return fmt::format("{}.{:03}Z", text, ms % 1'000);
}

Json to_json(const Disposition& d) {
  return {{"verdict_id", d.verdict_id},
          {"transaction_id", d.transaction_id},
          {"user_id", d.user_id},
          {"disposition", d.what},
          {"analyst", d.analyst},
          {"note", d.note},
          {"at", d.at},
          {"label_id", text_or_null(d.label_id)},
          {"revision", d.revision}};
}

Json to_json(const KeptVerdict& v, const std::optional<Disposition>& disposition) {
  Json json = {{"verdict_id", v.verdict_id},
               {"transaction_id", v.transaction_id},
               {"user_id", v.user_id},
               {"merchant_id", v.merchant_id},
               {"event_time", wall_time(v.event_ms)},
               {"amount_minor", v.amount_minor},
               {"currency", v.currency},
               {"exponent", v.exponent},
               {"action", v.action},
               {"runner_up", text_or_null(v.runner_up)},
               {"cost_gap", v.cost_gap}};
  json["p"] = v.p ? Json(*v.p) : Json(nullptr);
  json["reason"] = text_or_null(v.reason);
  json["degraded"] = v.degraded;
  json["duplicate"] = v.duplicate;
  json["late"] = v.late;
  json["seen_at"] = wall_time(v.seen_ms);
  json["disposition"] = disposition ? to_json(*disposition) : Json(nullptr);
  return json;
}

Json summaries(const std::vector<Verdict>& verdicts, const KeptVerdicts& kept) {
  Json all = Json::array();
  for (const Verdict& v : verdicts) all.push_back(to_json(*v, kept.disposition(v->verdict_id)));
  return all;
}

Json to_json(const Queue& queue, const KeptVerdicts& kept, std::int64_t now_ms,
             double minutes_per_case) {
  Json cases = Json::array();
  for (const QueueCase& one : queue.cases) {
    Json json = to_json(*one.verdict, kept.disposition(one.verdict->verdict_id));
    json["money_per_minute"] = one.money_per_minute;
    json["waiting_s"] = static_cast<double>(now_ms - one.verdict->seen_ms) / 1'000;
    json["minutes"] = minutes_per_case;
    cases.push_back(std::move(json));
  }
  Json money = Json::object();
  for (const auto& [currency, amount] : queue.money_waiting) money[currency] = amount;
  return {
      {"cases", std::move(cases)}, {"waiting", queue.waiting}, {"money_waiting", std::move(money)}};
}

}  // namespace weir::console
