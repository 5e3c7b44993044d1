#pragma once
// The frame that Confluent's serializers put around a record, old and new:
//
//     value: 00, schema id (4 bytes, big-endian), payload     or 01, schema GUID (16 bytes),
//     payload header __value_schema_id with the same two beginnings, and the value is all payload
//
// Of Protobuf the id is followed by message indexes: how many and which, as zigzag varints, the way
// to a nested message; a single 00 stands for the first message of the schema.

#include <optional>
#include <string_view>

#include "pipeline/core/record.h"
#include "pipeline/core/schema_source.h"

namespace weir::operators {

inline constexpr std::string_view kValueSchemaHeader = "__value_schema_id";

struct Framed {
  SchemaId id;
  std::string_view behind_id;  // header form: of the header, else of the value
  bool in_header = false;
};

/// True when `record` carries a schema id, well-formed or not. Plain JSON never does.
bool is_framed(const RawRecord& record);
/// nullopt: not framed, or cut off.
std::optional<Framed> read_frame(const RawRecord& record);
/// The bytes of the message indexes at the front of `bytes`, which lose them; nullopt: there are
/// none. A single 00 is the index list [0].
std::optional<std::string_view> take_message_indexes(std::string_view& bytes);

/// "00" and the id, to be written in front of a payload.
void append_frame(std::string& out, std::uint32_t schema_id);
/// "id 7" or "guid 4f1c...": for people.
std::string to_text(const SchemaId& id);

}  // namespace weir::operators
