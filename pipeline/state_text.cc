#include "pipeline/state_text.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace weir {
namespace {

std::string letters(std::uint16_t packed) {
  if (packed == 0) return {};
  return {static_cast<char>(packed >> 8U), static_cast<char>(packed & 0xffU)};
}

nlohmann::ordered_json row_json(const HistoryRow& row) {
  const Currency* currency = find_currency(row.currency);
  return {{"event_time", format_event_time({row.event_time_ms})},
          {"sequence", row.sequence},
          {"amount_minor", row.amount_minor},
          {"currency",
           currency != nullptr ? std::string(currency->name()) : std::to_string(row.currency)},
          {"merchant", fmt::format("{:016x}", row.merchant)},
          {"device", fmt::format("{:08x}", row.device)},
          {"ip", fmt::format("{:08x}", row.ip)},
          {"card", fmt::format("{:08x}", row.card)},
          {"mcc", row.mcc},
          {"country", letters(row.country)},
          {"merchant_country", letters(row.merchant_country)},
          {"channel", fmt::format("{:04x}", row.channel)},
          {"card_present", row.card_present}};
}

nlohmann::ordered_json verdict_json(const state::RememberedVerdict& verdict,
                                    const state::UserStore& store) {
  nlohmann::ordered_json out{
      {"transaction_id", verdict.transaction_id},
      {"merchant_id", verdict.merchant_id},
      {"event_time", format_event_time({verdict.event_time_ms})},
      {"amount_minor", verdict.amount_minor},
      {"action", std::string(to_string(verdict.decision.action))},
      {"p", nullptr},
      {"input", {{"partition", verdict.origin.partition}, {"offset", verdict.origin.offset}}},
      {"model", nullptr}};
  if (verdict.decision.p) out["p"] = *verdict.decision.p;
  if (const auto* lineage = store.lineage(verdict.lineage);
      lineage != nullptr && !lineage->model_name.empty()) {
    out["model"] = {{"name", lineage->model_name},
                    {"version", lineage->model_version},
                    {"digest", lineage->model_digest}};
  }
  return out;
}

nlohmann::ordered_json window_row_json(const state::EventRow& row) {
  constexpr std::string_view kLabels[] = {"unknown", "genuine", "fraud"};
  nlohmann::ordered_json out{
      {"event_time", format_event_time({row.time_ms})},
      {"sequence", std::uint32_t{row.sequence}},
      {"transaction", fmt::format("{:016x}", std::uint64_t{row.transaction})},
      {"amount_e4", std::int64_t{row.amount}},
      {"ratio_milli", std::uint32_t{row.ratio_milli}},
      {"label", std::string(kLabels[static_cast<std::size_t>(row.label)])}};
  if (row.label != state::Label::kUnknown)
    out["label_time"] = format_event_time({row.label_time_ms});
  return out;
}

}  // namespace

Result<std::string> user_state_json(std::int32_t partition, std::string_view user_id,
                                    const state::UserView& user, state::UserStore& store) {
  nlohmann::ordered_json entries = nlohmann::ordered_json::array();
  for (const auto& entry : user.entries()) {
    nlohmann::ordered_json out{{"slot", entry.slot},
                               {"seen", format_event_time({entry.seen_ms})},
                               {"in_history", entry.in_history},
                               {"row", row_json(entry.row)},
                               {"verdict", nullptr}};
    if (entry.verdict) out["verdict"] = verdict_json(*entry.verdict, store);
    entries.push_back(std::move(out));
  }
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  WEIR_RETURN_IF_ERROR(store.window_rows(
      user_id, [&](const state::EventRow& row) { rows.push_back(window_row_json(row)); }));
  const nlohmann::ordered_json out{{"user_id", std::string(user_id)},
                                   {"partition", partition},
                                   {"history_rows", user.history_size()},
                                   {"entries", std::move(entries)},
                                   {"window_rows", std::move(rows)}};
  return out.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

Result<std::string> entity_state_json(std::int32_t partition, std::string_view entity,
                                      state::UserStore& store) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  WEIR_RETURN_IF_ERROR(store.window_rows(
      entity, [&](const state::EventRow& row) { rows.push_back(window_row_json(row)); }));
  const nlohmann::ordered_json out{
      {"entity", std::string(entity)}, {"partition", partition}, {"window_rows", std::move(rows)}};
  return out.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

Status dump_entities(std::int32_t partition, state::UserStore& store,
                     const std::function<void(const std::string&)>& line) {
  constexpr std::size_t kChunk = 1'000;
  std::string last;
  for (;;) {
    const auto owners = store.window_owners(last, kChunk);
    if (!owners) return owners.error();
    for (const auto& owner : *owners) {
      const auto text = entity_state_json(partition, owner, store);
      if (!text) return text.error();
      line(*text);
    }
    if (owners->size() < kChunk) return ok();
    last = owners->back();
  }
}

Status dump_store(std::int32_t partition, state::UserStore& store,
                  const std::function<void(const std::string&)>& line) {
  return store.scan([&](std::string_view user_id, state::UserView user) -> Status {
    const auto text = user_state_json(partition, user_id, user, store);
    if (!text) return text.error();
    line(*text);
    return ok();
  });
}

}  // namespace weir
