// Fuzz target: whatever a producer registers and sends. Input: A or P (the kind), the schema's
// text, two zero bytes, the record behind its schema id. Nothing may crash or run on; what is read
// is text in UTF-8, and reading it again gives the same.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <simdjson.h>

#include "operators/decode.h"
#include "pipeline/core/error.h"

namespace {

using namespace weir;
using namespace weir::operators;

class OneSchema final : public SchemaSource {
 public:
  explicit OneSchema(RegisteredSchema schema) : schema_(std::move(schema)) {}
  Result<const RegisteredSchema*> find(const SchemaId&) override { return &schema_; }

 private:
  RegisteredSchema schema_;
};

std::vector<std::string> read(SchemaSource& schemas, const RawRecord& record,
                              const FieldMapping& mapping) {
  RecordReader reader(payment_fields(), {InputFormat::kAuto, mapping}, &schemas);
  std::vector<std::string_view> values(payment_fields().size());
  const auto flaw = reader.read(record, 65'536, values);
  WEIR_CHECK(flaw.has_value());
  std::vector<std::string> kept;
  for (const std::string_view value : values) {
    if (*flaw) break;
    WEIR_CHECK(simdjson::validate_utf8(value.data(), value.size()));
    kept.emplace_back(value);
  }
  return kept;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t split = input.find(std::string_view("\0\0", 2));
  if (input.empty() || split == std::string_view::npos) return 0;
  RegisteredSchema schema;
  schema.type = input.front() == 'P' ? SchemaType::kProtobuf : SchemaType::kAvro;
  schema.text = input.substr(1, split == 0 ? 0 : split - 1);
  std::string value("\0\0\0\0\7", 5);
  value += input.substr(split + 2);
  OneSchema schemas(schema);
  RawRecord record;
  record.value = value;
  const FieldMapping mapping = {{"transaction_id", {"Body.Tx.Id", "body.tx.id"}},
                                {"event_time", {"Hdr.When", "hdr.when"}}};
  WEIR_CHECK(read(schemas, record, {}) == read(schemas, record, {}));
  read(schemas, record, mapping);
  return 0;
}
