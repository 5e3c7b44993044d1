#pragma once
// The fields of a record, whatever it is written in: JSON, or Avro, Protobuf and JSON behind the id
// of a registered schema. A topic may change its format from one record to the next.

#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "operators/formats/field_tree.h"
#include "operators/formats/json_reader.h"
#include "operators/formats/wire_format.h"
#include "pipeline/core/error.h"
#include "pipeline/core/record.h"
#include "pipeline/core/schema_source.h"

namespace weir::operators {

/// Reads one record a call.
///
/// Refuses, in this order: oversize (key and value together), pan (a raw card number anywhere in
/// key or value), schema (an id nobody registered, or a schema that does not fit), then decode, or
/// range for text that is not UTF-8. Plain JSON is searched for card numbers as a whole; in the
/// binary formats each text by itself, since what lies between two texts looks like digits and
/// spaces.
///
/// Threading: one worker thread. Keeps what it compiled, up to 1,000 schemas.
class RecordReader {
 public:
  /// At most 32 fields; the table must outlive this. `schemas` may be null: every id is then one
  /// that nobody registered.
  RecordReader(std::span<const FieldSpec> fields, const RecordFormat& format,
               SchemaSource* schemas);
  ~RecordReader();

  /// Ends all views that read() has given.
  void forget();

  /// Fills `values`, one a field of the table: no data where a field is absent. Views point into
  /// the record or into this. An Error (kRetry) is the schema source's.
  Result<std::optional<RecordFlaw>> read(const RawRecord& record, std::size_t record_bytes_max,
                                         std::span<std::string_view> values);

 private:
  struct Compiled;
  Result<std::optional<RecordFlaw>> read_slots(const RawRecord& record,
                                               std::span<std::string_view> slots);
  Result<std::optional<RecordFlaw>> read_framed(const RawRecord& record,
                                                std::span<std::string_view> slots);
  std::optional<RecordFlaw> read_json(const RawRecord& record, std::string_view payload,
                                      std::span<std::string_view> slots);
  Result<Compiled*> compiled(const SchemaId& id);

  const FieldTree tree_;
  const InputFormat format_;
  SchemaSource* const schemas_;
  JsonReader json_;
  struct Programs;
  std::unique_ptr<Programs> programs_;
  std::vector<std::string_view> slots_;  // with a mapping
};

}  // namespace weir::operators
