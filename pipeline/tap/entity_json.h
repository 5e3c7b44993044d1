#pragma once
// Records of topics `entities` and `entity-profiles` as JSON, for people: the formats themselves
// are operators/features/entity_event.h and profile.h. Ids of payments and users are there as
// hashes of 16 hex digits, since that is all the records have.

#include <optional>

#include <nlohmann/json.hpp>

#include "pipeline/core/record.h"

namespace weir::tap {

/// {"entity", "kind", "id", "what": "payment" | "label", ...}; nullopt for what is no such record.
std::optional<nlohmann::ordered_json> entity_json(const RawRecord& record);

/// {"entity", "kind", "id", "what": "profile" | "heartbeat" | "gone", ...}.
std::optional<nlohmann::ordered_json> profile_json(const RawRecord& record);

}  // namespace weir::tap
