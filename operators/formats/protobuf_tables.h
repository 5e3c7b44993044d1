#pragma once
// What the walk over a Protobuf message needs to know of it, made from its descriptor.

#include <cstdint>
#include <map>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <google/protobuf/descriptor.h>

#include "operators/formats/field_tree.h"

namespace weir::operators {

struct ProtobufTable;

/// What to do where a field number occurs. kSkip of a number, a text or a message that is not
/// wanted; the rest leaves a text in a slot.
struct ProtobufField {
  enum class Action : std::uint8_t {
    kSkip,
    kSkipText,
    kEnter,    // a message: walked by `below`; those not wanted too, for the texts in them
    kWrapped,  // the same, and `unset` stands for a value that is not written
    kText,
    kEnum,      // `enumeration` has the names
    kSigned,    // int32, int64
    kUnsigned,  // uint32, uint64
    kZigzag,    // sint32, sint64
    kFixed32,
    kFixed64,
    kSigned32,  // sfixed32
    kSigned64,
    kFloat,
    kDouble,
    kBool,
    kTimestamp,  // google.protobuf.Timestamp
    kDecimal,    // confluent.type.Decimal
    kRefuse,     // `refusal` says why
  };
  std::uint32_t number = 0;
  Action action = Action::kSkip;
  std::uint8_t wire_type = 0;
  std::int16_t slot = -1;
  ProtobufTable* below = nullptr;
  const google::protobuf::EnumDescriptor* enumeration = nullptr;
  std::string_view refusal;
  std::string_view unset;
};

struct ProtobufTable {
  std::vector<ProtobufField> fields;          // by number, ascending
  std::vector<std::int16_t> by_number;        // of the small ones: index into fields, -1 none
  std::vector<std::int16_t> unwritten_false;  // slots of bools without presence

  [[nodiscard]] const ProtobufField* find(std::uint32_t number) const;
};

/// Makes tables, each once, and keeps them.
class ProtobufTables {
 public:
  explicit ProtobufTables(const FieldTree& tree) : tree_(tree) {}
  /// `wanted` null: nothing of this message is.
  ProtobufTable& of(const google::protobuf::Descriptor& message, const WantedField* wanted);

 private:
  ProtobufField field_of(const google::protobuf::FieldDescriptor& field, const WantedField* wanted);
  void take_value(const google::protobuf::FieldDescriptor& field, const WantedField& wanted,
                  ProtobufField& out);
  void take_message(const google::protobuf::FieldDescriptor& field, const WantedField& wanted,
                    ProtobufField& out);
  [[nodiscard]] FieldKind kind_of(const WantedField& wanted) const {
    return tree_.slots()[static_cast<std::size_t>(wanted.slot)].kind;
  }

  const FieldTree& tree_;
  std::map<std::pair<const google::protobuf::Descriptor*, const WantedField*>,
           std::unique_ptr<ProtobufTable>>
      tables_;
  std::vector<std::unique_ptr<WantedField>> inside_wrappers_;
};

}  // namespace weir::operators
