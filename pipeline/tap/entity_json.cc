#include "pipeline/tap/entity_json.h"

#include <cmath>

#include <fmt/core.h>

#include "operators/features/entity_event.h"
#include "operators/features/profile.h"
#include "pipeline/core/event_time.h"

namespace weir::tap {
namespace {

using Json = nlohmann::ordered_json;

std::string hex(std::uint64_t hash) {
  return fmt::format("{:016x}", hash);
}

double major(std::int64_t amount) {
  return static_cast<double>(amount) / static_cast<double>(state::kAmountScale);
}

std::optional<Json> named(const RawRecord& record) {
  const auto key = operators::parse_entity_key(record.key);
  if (!key) return std::nullopt;
  Json json;
  json["entity"] = record.key;
  json["kind"] = state::kEntityKindNames[static_cast<std::size_t>(key->kind)];
  json["id"] = key->id;
  return json;
}

void place(Json& json, const RawRecord& record) {
  json["partition"] = record.partition;
  json["offset"] = record.offset;
}

void put(Json& json, const state::EventRow& row) {
  json["what"] = "payment";
  json["event_time"] = format_event_time({row.time_ms});
  json["transaction"] = hex(row.transaction);
  json["user"] = hex(row.user);
  json["amount"] = major(row.amount);
  json["currency"] = row.currency;
  json["mcc"] = row.mcc;
}

void put(Json& json, const state::LabelOpinion& opinion) {
  json["what"] = "label";
  json["event_time"] = format_event_time({opinion.event_time_ms});
  json["transaction"] = hex(opinion.transaction);
  json["label_time"] = format_event_time({opinion.label_time_ms});
  json["label"] = hex(opinion.label_id);
  json["fraud"] = opinion.fraud;
  json["revision"] = opinion.revision;
}

std::optional<Json> heartbeat_json(const RawRecord& record) {
  const auto beat = operators::decode_heartbeat(record.key, record.value);
  if (!beat) return std::nullopt;
  Json json;
  json["entity"] = record.key;
  json["what"] = "heartbeat";
  json["of_partition"] = beat->partition;
  json["as_of"] = format_event_time({beat->current_as_of_wall_ms});
  json["watermark"] = format_event_time({beat->watermark_ms});
  place(json, record);
  return json;
}

Json rows_json(const std::vector<operators::LabelledRow>& rows) {
  Json list = Json::array();
  for (const auto& row : rows) {
    list.push_back({{"event_time", format_event_time({row.time_ms})},
                    {"label_time", format_event_time({row.label_time_ms})},
                    {"amount", major(row.amount)},
                    {"transaction", hex(row.transaction)},
                    {"user", hex(row.user)},
                    {"fraud", row.fraud}});
  }
  return list;
}

}  // namespace

std::optional<Json> entity_json(const RawRecord& record) {
  auto json = named(record);
  const auto decoded = operators::decode_entity_record(record.value);
  if (!json || !decoded) return std::nullopt;
  if (const auto* event = std::get_if<operators::EntityEvent>(&*decoded)) {
    put(*json, event->row);
  } else {
    put(*json, std::get<operators::EntityLabel>(*decoded).opinion);
  }
  place(*json, record);
  return json;
}

std::optional<Json> profile_json(const RawRecord& record) {
  if (operators::is_heartbeat_key(record.key)) return heartbeat_json(record);
  auto json = named(record);
  if (!json) return std::nullopt;
  if (record.tombstone) {
    (*json)["what"] = "gone";
    place(*json, record);
    return json;
  }
  const auto profile = operators::decode_profile(record.value);
  if (!profile) return std::nullopt;
  (*json)["what"] = "profile";
  (*json)["as_of"] = format_event_time({profile->version.as_of_ms});
  (*json)["sequence"] = profile->version.sequence;
  Json values = Json::array();
  for (const double value : profile->values) {
    values.push_back(std::isfinite(value) ? Json(value) : Json(nullptr));
  }
  (*json)["values"] = std::move(values);
  (*json)["rows"] = rows_json(profile->rows);
  place(*json, record);
  return json;
}

}  // namespace weir::tap
