#include "operators/formats/protobuf_tables.h"

#include <algorithm>

namespace weir::operators {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using Action = ProtobufField::Action;

constexpr std::uint32_t kDirectNumbers = 128;
constexpr std::string_view kNotText = "a number where text is wanted";
constexpr std::string_view kNotBool = "a boolean is wanted";
constexpr std::string_view kNoUnit =
    "a whole number says not of which unit: use Decimal, double or string, or a field amount_minor";

std::uint8_t wire_type_of(const FieldDescriptor& field) {
  switch (field.type()) {
    case FieldDescriptor::TYPE_DOUBLE:
    case FieldDescriptor::TYPE_FIXED64:
    case FieldDescriptor::TYPE_SFIXED64:
      return 1;
    case FieldDescriptor::TYPE_STRING:
    case FieldDescriptor::TYPE_BYTES:
    case FieldDescriptor::TYPE_MESSAGE:
      return 2;
    case FieldDescriptor::TYPE_GROUP:
      return 3;
    case FieldDescriptor::TYPE_FLOAT:
    case FieldDescriptor::TYPE_FIXED32:
    case FieldDescriptor::TYPE_SFIXED32:
      return 5;
    default:
      return 0;
  }
}

Action whole_number(const FieldDescriptor& field) {
  switch (field.type()) {
    case FieldDescriptor::TYPE_UINT32:
    case FieldDescriptor::TYPE_UINT64:
      return Action::kUnsigned;
    case FieldDescriptor::TYPE_SINT32:
    case FieldDescriptor::TYPE_SINT64:
      return Action::kZigzag;
    case FieldDescriptor::TYPE_FIXED32:
      return Action::kFixed32;
    case FieldDescriptor::TYPE_FIXED64:
      return Action::kFixed64;
    case FieldDescriptor::TYPE_SFIXED32:
      return Action::kSigned32;
    case FieldDescriptor::TYPE_SFIXED64:
      return Action::kSigned64;
    default:
      return Action::kSigned;
  }
}

bool is_wrapper(const Descriptor& message) {
  const std::string& name = message.full_name();
  return name.starts_with("google.protobuf.") && name.ends_with("Value") &&
         message.field_count() == 1 && message.field(0)->name() == "value" &&
         message.field(0)->number() == 1;
}

void refuse(ProtobufField& out, std::string_view why) {
  out.action = Action::kRefuse;
  out.refusal = why;
}

}  // namespace

const ProtobufField* ProtobufTable::find(std::uint32_t number) const {
  if (number < by_number.size()) {
    const auto index = by_number[number];
    return index < 0 ? nullptr : &fields[static_cast<std::size_t>(index)];
  }
  const auto found = std::ranges::lower_bound(fields, number, {}, &ProtobufField::number);
  return found != fields.end() && found->number == number ? &*found : nullptr;
}

ProtobufTable& ProtobufTables::of(const Descriptor& message, const WantedField* wanted) {
  auto& slot = tables_[{&message, wanted}];
  if (slot) return *slot;  // before it is filled: messages may hold themselves
  slot = std::make_unique<ProtobufTable>();
  ProtobufTable& table = *slot;
  for (int i = 0; i < message.field_count(); ++i) {
    const FieldDescriptor& field = *message.field(i);
    const WantedField* below = nullptr;
    if (wanted != nullptr) {
      const auto found = std::ranges::find(wanted->below, field.name(), &WantedField::name);
      if (found != wanted->below.end()) below = &*found;
    }
    table.fields.push_back(field_of(field, below));
    const ProtobufField& made = table.fields.back();
    if (made.action == Action::kBool && !field.has_presence()) {
      table.unwritten_false.push_back(made.slot);
    }
  }
  std::ranges::sort(table.fields, {}, &ProtobufField::number);
  const auto small =
      std::ranges::lower_bound(table.fields, kDirectNumbers, {}, &ProtobufField::number);
  if (small != table.fields.begin()) table.by_number.assign(std::prev(small)->number + 1, -1);
  for (auto field = table.fields.begin(); field != small; ++field) {
    table.by_number[field->number] = static_cast<std::int16_t>(field - table.fields.begin());
  }
  return table;
}

ProtobufField ProtobufTables::field_of(const FieldDescriptor& field, const WantedField* wanted) {
  ProtobufField out;
  out.number = static_cast<std::uint32_t>(field.number());
  out.wire_type = wire_type_of(field);
  const bool is_leaf =
      wanted != nullptr && wanted->slot >= 0 && kind_of(*wanted) != FieldKind::kFlatMap;
  if (is_leaf) {
    out.slot = static_cast<std::int16_t>(wanted->slot);
    if (field.is_repeated()) {
      refuse(out, "a list where a value is wanted");
    } else {
      take_value(field, *wanted, out);
    }
  } else if (field.type() == FieldDescriptor::TYPE_MESSAGE) {
    // Of a list of messages none is "the" one: nothing in it is wanted.
    const bool inside = wanted != nullptr && wanted->slot < 0 && !field.is_repeated();
    out.action = Action::kEnter;
    out.below = &of(*field.message_type(), inside ? wanted : nullptr);
  } else if (out.wire_type == 2) {
    out.action = Action::kSkipText;
  }
  return out;
}

void ProtobufTables::take_value(const FieldDescriptor& field, const WantedField& wanted,
                                ProtobufField& out) {
  const FieldKind kind = kind_of(wanted);
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return take_message(field, wanted, out);
    case FieldDescriptor::CPPTYPE_BOOL:
      if (kind != FieldKind::kBool)
        return refuse(out, "a boolean where text or a number is wanted");
      out.action = Action::kBool;
      return;
    case FieldDescriptor::CPPTYPE_STRING:
      if (kind == FieldKind::kBool) return refuse(out, kNotBool);
      out.action = Action::kText;
      if (!field.has_presence()) out.unset = "text";  // an empty one is as good as none
      return;
    case FieldDescriptor::CPPTYPE_ENUM:
      if (kind == FieldKind::kBool) return refuse(out, kNotBool);
      out.action = Action::kEnum;
      out.enumeration = field.enum_type();
      return;
    case FieldDescriptor::CPPTYPE_FLOAT:
    case FieldDescriptor::CPPTYPE_DOUBLE:
      if (kind == FieldKind::kBool) return refuse(out, kNotBool);
      if (kind == FieldKind::kString) return refuse(out, kNotText);
      if (kind == FieldKind::kTime) return refuse(out, "a fraction where a time is wanted");
      out.action =
          field.cpp_type() == FieldDescriptor::CPPTYPE_FLOAT ? Action::kFloat : Action::kDouble;
      return;
    default:
      if (kind == FieldKind::kBool) return refuse(out, kNotBool);
      if (kind == FieldKind::kString) return refuse(out, kNotText);
      if (kind == FieldKind::kAmount) return refuse(out, kNoUnit);
      out.action = whole_number(field);
  }
}

void ProtobufTables::take_message(const FieldDescriptor& field, const WantedField& wanted,
                                  ProtobufField& out) {
  const Descriptor& message = *field.message_type();
  const FieldKind kind = kind_of(wanted);
  if (kind == FieldKind::kTime && message.full_name() == "google.protobuf.Timestamp") {
    out.action = Action::kTimestamp;
  } else if (kind == FieldKind::kAmount && message.full_name() == "confluent.type.Decimal") {
    out.action = Action::kDecimal;
  } else if (is_wrapper(message) && field.type() == FieldDescriptor::TYPE_MESSAGE) {
    auto inside = std::make_unique<WantedField>();
    inside->below.push_back({"value", wanted.slot, {}});
    out.action = Action::kWrapped;
    out.below = &of(message, inside.get());
    const auto value = message.field(0)->cpp_type();
    out.unset = value == FieldDescriptor::CPPTYPE_STRING ? "" : "0";
    if (value == FieldDescriptor::CPPTYPE_BOOL) out.unset = "false";
    const ProtobufField* inner = out.below->find(1);
    if (inner->action == Action::kRefuse) refuse(out, inner->refusal);
    inside_wrappers_.push_back(std::move(inside));
  } else {
    refuse(out, "a message where a value is wanted");
  }
}

}  // namespace weir::operators
