#pragma once
// Protobuf, without generated code or message objects: the registered schema is parsed by
// protobuf's own compiler, and each message that occurs becomes a table of field numbers by which
// the bytes are walked once.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "operators/formats/field_tree.h"
#include "operators/formats/text_arena.h"
#include "pipeline/core/error.h"
#include "pipeline/core/schema_source.h"

namespace weir::operators {

/// One registered schema, compiled for one tree of fields.
///
/// A field may be: string, enum (its name), bytes (as UTF-8), whole numbers; for amounts float,
/// double and confluent.type.Decimal, but no plain whole number, whose unit nothing says; for times
/// google.protobuf.Timestamp; and google.protobuf's wrappers of all these. As in every reader of
/// Protobuf the last of several occurrences counts. A field without presence (proto3 without
/// `optional`) that is not written: a bool is false; a string or number is absent, as 0 and "" say
/// nothing there.
///
/// The schema is text, or a FileDescriptorProto in base64, which some clients register.
/// Imports: google/protobuf/*.proto and confluent's Decimal are known, others come with the schema.
/// Bounds: messages nest at most 32 deep. All strings and bytes, wanted or not, are searched for
/// raw card numbers.
///
/// Threading: one worker thread. Tables are made when a message is first met.
class ProtobufProgram {
 public:
  /// The error's text is for the author of the schema. `tree` must outlive the program.
  static Result<ProtobufProgram> compile(const RegisteredSchema& schema, const FieldTree& tree);
  ProtobufProgram(ProtobufProgram&&) noexcept;
  ProtobufProgram& operator=(ProtobufProgram&&) noexcept;
  ~ProtobufProgram();

  /// Fills the slots of the tree, all absent before. `indexes`: bytes of the message indexes as
  /// take_message_indexes() gives them. Views point into `bytes`, `arena` or this.
  std::optional<RecordFlaw> run(std::string_view indexes, std::string_view bytes, TextArena& arena,
                                std::span<std::string_view> slots);

 private:
  struct Schema;
  explicit ProtobufProgram(std::unique_ptr<Schema> schema);
  std::unique_ptr<Schema> schema_;
};

}  // namespace weir::operators
