#pragma once
// Where the meaning of bytes comes from when they do not carry it: the schemas that producers
// registered, found by the id in front of each record. A port: the schema registry behind it is the
// running program's business, and a test gives its own.

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "pipeline/core/error.h"

namespace weir {

enum class SchemaType : std::uint8_t { kAvro, kProtobuf, kJson };

/// The number a registry gave to a schema, or its 16-byte GUID. A schema of an id never changes.
using SchemaGuid = std::array<std::uint8_t, 16>;
using SchemaId = std::variant<std::uint32_t, SchemaGuid>;

/// A schema another one needs, under the name by which it is imported.
struct SchemaReference {
  std::string name;
  std::string text;
};

struct RegisteredSchema {
  SchemaType type = SchemaType::kAvro;
  std::string text;
  std::vector<SchemaReference> references;  // in the order in which they build on each other
};

/// Threads: one worker's, as everything else it owns.
class SchemaSource {
 public:
  virtual ~SchemaSource() = default;
  /// Null: nobody registered this id. The schema stays where it is as long as the source lives.
  /// kRetry: it cannot be had now; the caller runs the same batch again later.
  virtual Result<const RegisteredSchema*> find(const SchemaId& id) = 0;
};

}  // namespace weir
