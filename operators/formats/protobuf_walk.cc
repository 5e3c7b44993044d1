#include "operators/formats/protobuf_walk.h"

#include <simdjson.h>

#include "operators/card_number.h"
#include "operators/formats/typed_text.h"

namespace weir::operators {
namespace {

using Action = ProtobufField::Action;

constexpr int kDepthMax = 32;
constexpr std::uint32_t kVarint = 0;
constexpr std::uint32_t kFixed64 = 1;
constexpr std::uint32_t kLengthDelimited = 2;
constexpr std::uint32_t kGroupBegins = 3;
constexpr std::uint32_t kGroupEnds = 4;
constexpr std::uint32_t kFixed32 = 5;
constexpr std::uint64_t kNumberMax = (1U << 29) - 1;

std::int64_t unzigzag(std::uint64_t raw) {
  return static_cast<std::int64_t>(raw >> 1) ^ -static_cast<std::int64_t>(raw & 1);
}

}  // namespace

std::optional<RecordFlaw> ProtobufWalk::run(const ProtobufTable& table, std::string_view bytes) {
  if (message(table, bytes, 0)) return std::nullopt;
  return flaw_;
}

bool ProtobufWalk::message(const ProtobufTable& table, std::string_view bytes, int depth) {
  if (depth > kDepthMax) return fail(RejectReason::kDecode, "nested too deeply");
  for (const auto slot : table.unwritten_false) {
    auto& value = slots_[static_cast<std::size_t>(slot)];
    if (value.data() == nullptr) value = "false";
  }
  ByteReader in(bytes);
  while (!in.done()) {
    std::uint64_t tag = 0;
    if (!in.varint(tag)) return cut_off();
    const std::uint64_t number = tag >> 3;
    if (number == 0 || number > kNumberMax) {
      return fail(RejectReason::kDecode, "a field number that cannot be");
    }
    const ProtobufField* field = table.find(static_cast<std::uint32_t>(number));
    // Written as another wire type (or packed): not the field we know, as for any other reader.
    const bool as_declared = field != nullptr && (tag & 7U) == field->wire_type;
    if (!(as_declared ? known(*field, in, depth) : unknown(tag, in, depth))) return false;
  }
  return true;
}

bool ProtobufWalk::known(const ProtobufField& field, ByteReader& in, int depth) {
  if (field.action == Action::kRefuse) {
    return fail(RejectReason::kSchema, field.refusal, name_of(field));
  }
  switch (field.wire_type) {
    case kVarint: {
      std::uint64_t raw = 0;
      return in.varint(raw) ? varint(field, raw) : cut_off();
    }
    case kFixed64:
      return fixed64(field, in);
    case kFixed32:
      return fixed32(field, in);
    case kLengthDelimited: {
      std::string_view bytes;
      return text_in(in, bytes) && length_delimited(field, bytes, depth);
    }
    default:
      return unknown(std::uint64_t{field.number} << 3U | field.wire_type, in, depth);
  }
}

bool ProtobufWalk::unknown(std::uint64_t tag, ByteReader& in, int depth) {
  std::uint64_t ignored = 0;
  std::string_view bytes;
  switch (tag & 7U) {
    case kVarint:
      return in.varint(ignored) || cut_off();
    case kFixed64:
      return in.skip(8) || cut_off();
    case kFixed32:
      return in.skip(4) || cut_off();
    case kLengthDelimited:
      if (!text_in(in, bytes)) return false;
      return !contains_card_number(bytes) || fail(RejectReason::kPan, "holds a raw card number");
    case kGroupBegins:
      break;
    default:
      return fail(RejectReason::kDecode, "a wire type that cannot be here");
  }
  if (depth >= kDepthMax) return fail(RejectReason::kDecode, "nested too deeply");
  for (;;) {
    std::uint64_t inner = 0;
    if (!in.varint(inner)) return cut_off();
    if ((inner & 7U) == kGroupEnds) {
      return inner >> 3U == tag >> 3U || fail(RejectReason::kDecode, "groups that do not nest");
    }
    if (!unknown(inner, in, depth + 1)) return false;
  }
}

bool ProtobufWalk::text_in(ByteReader& in, std::string_view& bytes) {
  std::uint64_t size = 0;
  return (in.varint(size) && in.take(size, bytes)) || cut_off();
}

bool ProtobufWalk::length_delimited(const ProtobufField& field, std::string_view bytes, int depth) {
  switch (field.action) {
    case Action::kEnter:
      return message(*field.below, bytes, depth + 1);
    case Action::kWrapped:
      put(field, field.unset);
      return message(*field.below, bytes, depth + 1);
    case Action::kTimestamp:
      return timestamp(field, bytes);
    case Action::kDecimal:
      return decimal(field, bytes);
    default:
      break;
  }
  if (contains_card_number(bytes)) return fail(RejectReason::kPan, "holds a raw card number");
  if (field.action != Action::kText) return true;
  if (!simdjson::validate_utf8(bytes.data(), bytes.size())) {
    return fail(RejectReason::kRange, "not valid UTF-8", name_of(field));
  }
  // Without presence an empty text says as little as none.
  return put(field, bytes.empty() && !field.unset.empty() ? std::string_view() : bytes);
}

bool ProtobufWalk::varint(const ProtobufField& field, std::uint64_t raw) {
  switch (field.action) {
    case Action::kSigned:
      return put(field, integer_text(arena_, static_cast<std::int64_t>(raw)));
    case Action::kUnsigned:
      return put(field, unsigned_text(arena_, raw));
    case Action::kZigzag:
      return put(field, integer_text(arena_, unzigzag(raw)));
    case Action::kBool:
      return put(field, bool_text(raw != 0));
    case Action::kEnum: {
      const auto* value = field.enumeration->FindValueByNumber(static_cast<int>(raw));
      if (value != nullptr) return put(field, value->name());
      return fail(RejectReason::kDecode, "a value that the schema does not have", name_of(field));
    }
    default:
      return true;
  }
}

bool ProtobufWalk::fixed32(const ProtobufField& field, ByteReader& in) {
  std::uint32_t raw = 0;
  if (!in.fixed(raw)) return cut_off();
  switch (field.action) {
    case Action::kFixed32:
      return put(field, unsigned_text(arena_, raw));
    case Action::kSigned32:
      return put(field, integer_text(arena_, static_cast<std::int32_t>(raw)));
    case Action::kFloat:
      return put(field, number_text(arena_, std::bit_cast<float>(raw)));
    default:
      return true;
  }
}

bool ProtobufWalk::fixed64(const ProtobufField& field, ByteReader& in) {
  std::uint64_t raw = 0;
  if (!in.fixed(raw)) return cut_off();
  switch (field.action) {
    case Action::kFixed64:
      return put(field, unsigned_text(arena_, raw));
    case Action::kSigned64:
      return put(field, integer_text(arena_, static_cast<std::int64_t>(raw)));
    case Action::kDouble:
      return put(field, number_text(arena_, std::bit_cast<double>(raw)));
    default:
      return true;
  }
}

/// google.protobuf.Timestamp: seconds (1) and nanoseconds (2), the latter never negative.
bool ProtobufWalk::timestamp(const ProtobufField& field, std::string_view bytes) {
  constexpr std::int64_t kSecondsMax = 253'402'300'799;  // the year 9999
  ByteReader in(bytes);
  std::int64_t parts[2] = {0, 0};
  while (!in.done()) {
    std::uint64_t tag = 0;
    std::uint64_t raw = 0;
    if (!in.varint(tag)) return cut_off();
    if (tag != 8 && tag != 16) {
      if (!unknown(tag, in, kDepthMax)) return false;
      continue;
    }
    if (!in.varint(raw)) return cut_off();
    parts[tag / 8 - 1] = static_cast<std::int64_t>(raw);
  }
  const auto [seconds, nanos] = parts;
  if (seconds < -kSecondsMax || seconds > kSecondsMax || nanos < 0 || nanos > 999'999'999) {
    return fail(RejectReason::kRange, "not a timestamp", name_of(field));
  }
  return put(field, integer_text(arena_, seconds * 1'000 + nanos / 1'000'000));
}

/// confluent.type.Decimal: unscaled value (1), precision (2), scale (3).
bool ProtobufWalk::decimal(const ProtobufField& field, std::string_view bytes) {
  ByteReader in(bytes);
  std::string_view value;
  std::uint64_t scale = 0;
  while (!in.done()) {
    std::uint64_t tag = 0;
    if (!in.varint(tag)) return cut_off();
    if (tag == 10) {
      if (!text_in(in, value)) return false;
    } else if (tag == 24) {
      if (!in.varint(scale)) return cut_off();
    } else if (!unknown(tag, in, kDepthMax)) {
      return false;
    }
  }
  if (scale > kScaleMax) return fail(RejectReason::kRange, "not a decimal", name_of(field));
  const auto text = decimal_text(arena_, value, static_cast<std::int32_t>(scale));
  if (text.data() == nullptr) return fail(RejectReason::kRange, "too large", name_of(field));
  return put(field, text);
}

}  // namespace weir::operators
