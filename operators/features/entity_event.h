#pragma once
// Records of topic `entities`: what stage "decisions" tells stage "entities" about a merchant, a
// device, an address or a card. One record for each payment and each entity that it names, and one
// for each label and each entity that the label names.
//
//   key    kind letter, ':', id                  "m:T04913", "d:", "i:", "c:"
//   value  version u8, 'e', EventRow             a payment, 104 bytes as they lie in memory
//          version u8, 'l', transaction u64,     an opinion about a payment
//            event time i64, label time i64,
//            label id u64, revision u32,
//            fraud u8
//
// Little-endian. Keyed by entity, so that all events of one come to one worker in the order in
// which they were written. Users have no such record: their events stay with the user.
//
// Decoding trusts nothing: what is not exactly such a record becomes a dead letter, and what the
// windows take for granted (times and amounts in range, so that sums stay exact) is checked.

#include <array>
#include <string>
#include <string_view>
#include <variant>

#include "operators/field_checks.h"
#include "pipeline/core/error.h"
#include "state/windows/declaration.h"
#include "state/windows/entity_windows.h"
#include "state/windows/event_row.h"

namespace weir::operators {

struct EntityKey {
  state::EntityKind kind = state::EntityKind::kMerchant;
  std::string_view id;  // part of what was parsed
};

inline constexpr std::size_t kEntityKeyBytesMax = kIdBytesMax + 2;
using EntityKeyBuffer = std::array<char, kEntityKeyBytesMax>;

/// `kind` is not kUser, `id` has 1 to kIdBytesMax bytes: validate has seen to it.
std::string entity_key(state::EntityKind kind, std::string_view id);
/// The same without memory of its own: where keys are only looked up. The text lies in `buffer`.
std::string_view entity_key(state::EntityKind kind, std::string_view id, EntityKeyBuffer& buffer);
Result<EntityKey> parse_entity_key(std::string_view key);

struct EntityEvent {
  state::EventRow row;
};
struct EntityLabel {
  state::LabelOpinion opinion;
};
using EntityRecord = std::variant<EntityEvent, EntityLabel>;

std::string encode_entity_event(const state::EventRow& row);
std::string encode_entity_label(const state::LabelOpinion& opinion);
/// Errors are kRejectEvent with a static text: the reason of a dead letter.
Result<EntityRecord> decode_entity_record(std::string_view value);

}  // namespace weir::operators
