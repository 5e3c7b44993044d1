#pragma once
// One walk over the bytes of a Protobuf message, along its tables.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "operators/formats/byte_reader.h"
#include "operators/formats/protobuf_tables.h"
#include "operators/formats/text_arena.h"

namespace weir::operators {

class ProtobufWalk {
 public:
  ProtobufWalk(const FieldTree& tree, TextArena& arena, std::span<std::string_view> slots)
      : tree_(tree), arena_(arena), slots_(slots) {}

  std::optional<RecordFlaw> run(const ProtobufTable& table, std::string_view bytes);

 private:
  bool message(const ProtobufTable& table, std::string_view bytes, int depth);
  bool known(const ProtobufField& field, ByteReader& in, int depth);
  bool unknown(std::uint64_t tag, ByteReader& in, int depth);
  bool text_in(ByteReader& in, std::string_view& bytes);
  bool length_delimited(const ProtobufField& field, std::string_view bytes, int depth);
  bool varint(const ProtobufField& field, std::uint64_t raw);
  bool fixed32(const ProtobufField& field, ByteReader& in);
  bool fixed64(const ProtobufField& field, ByteReader& in);
  bool timestamp(const ProtobufField& field, std::string_view bytes);
  bool decimal(const ProtobufField& field, std::string_view bytes);

  bool put(const ProtobufField& field, std::string_view text) {
    slots_[static_cast<std::size_t>(field.slot)] = text;
    return true;
  }
  [[nodiscard]] std::string_view name_of(const ProtobufField& field) const {
    return tree_.slots()[static_cast<std::size_t>(field.slot)].name;
  }
  bool fail(RejectReason reason, std::string_view what, std::string_view field = {}) {
    flaw_ = {reason, field, what};
    return false;
  }
  bool cut_off() { return fail(RejectReason::kDecode, "ends inside a value"); }

  const FieldTree& tree_;
  TextArena& arena_;
  std::span<std::string_view> slots_;
  RecordFlaw flaw_;
};

}  // namespace weir::operators
