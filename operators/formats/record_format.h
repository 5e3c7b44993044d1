#pragma once
// How the records of an input topic are written, as configured.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace weir::operators {

enum class InputFormat : std::uint8_t {
  kJson,      // as text; behind a schema id, too, which is then not looked up
  kAvro,      // behind a schema id, whose schema must be of this kind
  kProtobuf,  // same
  kAuto,      // whatever the schema id in front says; JSON without one
};
inline constexpr const char* kInputFormatNames[] = {"json", "avro", "protobuf", "auto"};

/// Field -> where it stands in a record: paths like "Body.Tx.TxId", tried in turn, the first that
/// is there counts; "=text" is a constant. A field that is not mapped stands at the top under its
/// own name.
using FieldMapping = std::map<std::string, std::vector<std::string>>;

/// Bounds of a mapping: choices a field and names a path.
inline constexpr std::size_t kChoicesMax = 4;
inline constexpr std::size_t kPathDepthMax = 16;

/// How verdicts are written.
enum class VerdictFormat : std::uint8_t { kJson, kAvro, kProtobuf };

struct RecordFormat {
  InputFormat format = InputFormat::kJson;
  FieldMapping mapping;
};

}  // namespace weir::operators
