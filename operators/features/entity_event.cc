#include "operators/features/entity_event.h"

#include "operators/features/event_row.h"
#include "pipeline/core/event_time.h"
#include "state/bytes.h"

namespace weir::operators {
namespace {

using state::EntityKind;

constexpr std::uint8_t kVersion = 1;
constexpr char kEventType = 'e';
constexpr char kLabelType = 'l';
constexpr std::size_t kHeadBytes = 2;
constexpr std::size_t kLabelBytes = 8 + 8 + 8 + 8 + 4 + 1;
constexpr std::uint8_t kCardPresentMax = 2;
constexpr std::string_view kKindLetters = "umdic";  // by EntityKind
static_assert(kKindLetters.size() == state::kEntityKinds);

Error refused(std::string_view why) {
  return {ErrorKind::kRejectEvent, "entity record: " + std::string(why)};
}

std::string head(char type, std::size_t body_bytes) {
  std::string value;
  value.reserve(kHeadBytes + body_bytes);
  state::append(value, kVersion);
  value.push_back(type);
  return value;
}

bool in_range(std::int64_t time_ms) {
  return time_ms >= 0 && time_ms <= kEventTimeMax.ms;
}

Result<EntityRecord> decode_event(std::string_view body) {
  if (body.size() != sizeof(state::EventRow)) return refused("event of wrong length");
  const EntityEvent event{state::load<state::EventRow>(body.data())};
  if (event.row.label > state::Label::kFraud) return refused("unknown label");
  if (event.row.card_present > kCardPresentMax) return refused("unknown card presence");
  if (!in_range(event.row.time_ms) || !in_range(event.row.label_time_ms)) {
    return refused("time out of range");
  }
  if (event.row.amount < 0 || event.row.amount > kEventAmountMax) {
    return refused("amount out of range");
  }
  return EntityRecord(event);
}

Result<EntityRecord> decode_label(std::string_view body) {
  if (body.size() != kLabelBytes) return refused("label of wrong length");
  state::ByteReader reader(body);
  EntityLabel label;
  label.opinion.transaction = reader.number<std::uint64_t>();
  label.opinion.event_time_ms = reader.number<std::int64_t>();
  label.opinion.label_time_ms = reader.number<std::int64_t>();
  label.opinion.label_id = reader.number<std::uint64_t>();
  label.opinion.revision = reader.number<std::uint32_t>();
  const auto fraud = reader.number<std::uint8_t>();
  if (fraud > 1) return refused("unknown label");
  if (!in_range(label.opinion.event_time_ms) || !in_range(label.opinion.label_time_ms)) {
    return refused("time out of range");
  }
  label.opinion.fraud = fraud == 1;
  return EntityRecord(label);
}

}  // namespace

std::string_view entity_key(EntityKind kind, std::string_view id, EntityKeyBuffer& buffer) {
  WEIR_CHECK(kind != EntityKind::kUser && !id.empty() && id.size() <= kIdBytesMax);
  buffer[0] = kKindLetters[static_cast<std::size_t>(kind)];
  buffer[1] = ':';
  id.copy(buffer.data() + 2, id.size());
  return {buffer.data(), id.size() + 2};
}

std::string entity_key(EntityKind kind, std::string_view id) {
  EntityKeyBuffer buffer;
  return std::string(entity_key(kind, id, buffer));
}

Result<EntityKey> parse_entity_key(std::string_view key) {
  if (key.size() < 2 || key[1] != ':') return refused("malformed key");
  const auto kind = kKindLetters.find(key[0]);
  if (kind == std::string_view::npos || kind == 0) return refused("unknown kind of entity");
  const std::string_view id = key.substr(2);
  if (id.empty()) return refused("empty id");
  if (id.size() > kIdBytesMax) return refused("id above 128 bytes");
  // Keys of the state and its changelog end an owner with it: no restore could read them.
  if (id.find('\0') != std::string_view::npos) return refused("zero byte in id");
  return EntityKey{static_cast<EntityKind>(kind), id};
}

std::string encode_entity_event(const state::EventRow& row) {
  std::string value = head(kEventType, sizeof row);
  state::append(value, row);
  return value;
}

std::string encode_entity_label(const state::LabelOpinion& opinion) {
  std::string value = head(kLabelType, kLabelBytes);
  state::append(value, opinion.transaction);
  state::append(value, opinion.event_time_ms);
  state::append(value, opinion.label_time_ms);
  state::append(value, opinion.label_id);
  state::append(value, opinion.revision);
  state::append(value, static_cast<std::uint8_t>(opinion.fraud));
  return value;
}

Result<EntityRecord> decode_entity_record(std::string_view value) {
  if (value.size() < kHeadBytes) return refused("cut short");
  if (static_cast<std::uint8_t>(value[0]) != kVersion) return refused("unknown format version");
  const std::string_view body = value.substr(kHeadBytes);
  switch (value[1]) {
    case kEventType:
      return decode_event(body);
    case kLabelType:
      return decode_label(body);
    default:
      return refused("unknown type");
  }
}

}  // namespace weir::operators
