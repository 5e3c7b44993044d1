#include "operators/formats/protobuf_program.h"

#include <algorithm>
#include <cctype>

#include <google/protobuf/compiler/parser.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/stubs/logging.h>

#include "operators/formats/byte_reader.h"
#include "operators/formats/protobuf_tables.h"
#include "operators/formats/protobuf_walk.h"
#include "operators/json_text.h"

namespace weir::operators {
namespace {

namespace pb = google::protobuf;

constexpr std::size_t kSchemaBytesMax = 1U << 20;
constexpr std::string_view kGooglePrefix = "google/protobuf/";

/// What Confluent's clients know without being told, as far as a payment may use it.
constexpr std::string_view kConfluentDecimal = R"(syntax = "proto3";
package confluent.type;
message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }
)";
constexpr std::string_view kConfluentMeta = R"(syntax = "proto3";
package confluent;
import "google/protobuf/descriptor.proto";
message Meta {
  string doc = 1; map<string, string> params = 2; repeated string tags = 3;
}
extend google.protobuf.FileOptions { Meta file_meta = 1088; }
extend google.protobuf.MessageOptions { Meta message_meta = 1088; }
extend google.protobuf.FieldOptions { Meta field_meta = 1088; }
extend google.protobuf.EnumOptions { Meta enum_meta = 1088; }
extend google.protobuf.EnumValueOptions { Meta enum_value_meta = 1088; }
)";

/// What Confluent's Python client registers: a FileDescriptorProto in base64.
bool parse_descriptor(std::string_view text, pb::FileDescriptorProto& out) {
  if (text.empty()) return false;
  const auto bytes = decode_base64(text);
  return bytes && out.ParseFromString(*bytes);
}

/// Keeps the first complaint of parser and pool.
class FirstError final : public pb::io::ErrorCollector, public pb::DescriptorPool::ErrorCollector {
 public:
  void AddError(int line, pb::io::ColumnNumber column, const std::string& message) override {
    if (text_.empty()) {
      text_ = "line " + std::to_string(line + 1) + ", column " + std::to_string(column + 1) + ": " +
              message;
    }
  }
  void AddError(const std::string&, const std::string& element, const pb::Message*, ErrorLocation,
                const std::string& message) override {
    if (text_.empty()) text_ = element + ": " + message;
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

/// Builds files, those they import first.
class FileBuilder {
 public:
  FileBuilder(pb::DescriptorPool& pool, const RegisteredSchema& schema)
      : pool_(pool), schema_(schema) {}

  const pb::FileDescriptor* build(const std::string& name, std::string_view text, int depth = 0) {
    if (const auto* built = pool_.FindFileByName(name)) return built;
    pb::FileDescriptorProto file;
    if (depth > kImportDepthMax) return fail("imports nest too deeply");
    if (!parse(name, text, file)) return nullptr;
    for (const std::string& import : file.dependency()) {
      if (!provide(import, depth + 1)) return nullptr;
    }
    FirstError errors;
    const auto* built = pool_.BuildFileCollectingErrors(file, &errors);
    return built != nullptr ? built : fail(errors.text());
  }
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  static constexpr int kImportDepthMax = 16;

  const pb::FileDescriptor* fail(std::string what) {
    if (error_.empty()) error_ = std::move(what);
    return nullptr;
  }

  bool parse(const std::string& name, std::string_view text, pb::FileDescriptorProto& out) {
    if (text.size() > kSchemaBytesMax) return fail("the schema is larger than 1 MiB") != nullptr;
    if (parse_descriptor(text, out)) {
      out.set_name(name);
      return true;
    }
    FirstError errors;
    const pb::LogSilencer silent;  // it would warn on standard error of a missing syntax line
    pb::io::ArrayInputStream stream(text.data(), static_cast<int>(text.size()));
    pb::io::Tokenizer tokens(&stream, &errors);
    pb::compiler::Parser parser;
    parser.RecordErrorsTo(&errors);
    if (!parser.Parse(&tokens, &out)) return fail(name + ", " + errors.text()) != nullptr;
    out.set_name(name);
    return true;
  }

  bool provide(const std::string& import, int depth) {
    if (pool_.FindFileByName(import) != nullptr) return true;
    for (const SchemaReference& reference : schema_.references) {
      if (reference.name == import) return build(import, reference.text, depth) != nullptr;
    }
    if (import.starts_with(kGooglePrefix)) return provide_google(import, depth);
    if (import == "confluent/type/decimal.proto") {
      return build(import, kConfluentDecimal, depth) != nullptr;
    }
    if (import == "confluent/meta.proto") return build(import, kConfluentMeta, depth) != nullptr;
    return fail("import " + import + " is not among the schema's references") != nullptr;
  }

  /// Those that are linked into libprotobuf itself.
  bool provide_google(const std::string& import, int depth) {
    const auto* known = pb::DescriptorPool::generated_pool()->FindFileByName(import);
    if (known == nullptr) return fail("import " + import + " is not known") != nullptr;
    pb::FileDescriptorProto file;
    known->CopyTo(&file);
    for (const std::string& below : file.dependency()) {
      if (!provide(below, depth + 1)) return false;
    }
    return pool_.BuildFile(file) != nullptr;
  }

  pb::DescriptorPool& pool_;
  const RegisteredSchema& schema_;
  std::string error_;
};

}  // namespace

struct ProtobufProgram::Schema {
  explicit Schema(const FieldTree& fields) : tree(fields), tables(fields) {}

  const FieldTree& tree;
  pb::DescriptorPool pool;
  const pb::FileDescriptor* file = nullptr;
  ProtobufTables tables;
  // Messages met so far, by the bytes that lead to them. No more than the schema has.
  std::vector<std::pair<std::string, ProtobufTable*>> messages;

  ProtobufTable* table_of(std::string_view indexes) {
    for (const auto& [bytes, table] : messages) {
      if (bytes == indexes) return table;
    }
    const pb::Descriptor* message = message_of(indexes);
    if (message == nullptr) return nullptr;
    ProtobufTable* table = &tables.of(*message, &tree.root());
    messages.emplace_back(indexes, table);
    return table;
  }

  const pb::Descriptor* message_of(std::string_view indexes) const {
    ByteReader reader(indexes);
    std::int64_t count = 0;
    reader.zigzag(count);
    const pb::Descriptor* message = nullptr;
    for (std::int64_t i = 0; i < std::max<std::int64_t>(count, 1); ++i) {
      std::int64_t index = 0;  // no indexes at all: [0]
      if (count > 0) reader.zigzag(index);
      const int below =
          message == nullptr ? file->message_type_count() : message->nested_type_count();
      if (index < 0 || index >= below) return nullptr;
      const int at = static_cast<int>(index);
      message = message == nullptr ? file->message_type(at) : message->nested_type(at);
    }
    return message;
  }
};

ProtobufProgram::ProtobufProgram(std::unique_ptr<Schema> schema) : schema_(std::move(schema)) {}
ProtobufProgram::ProtobufProgram(ProtobufProgram&&) noexcept = default;
ProtobufProgram& ProtobufProgram::operator=(ProtobufProgram&&) noexcept = default;
ProtobufProgram::~ProtobufProgram() = default;

Result<ProtobufProgram> ProtobufProgram::compile(const RegisteredSchema& schema,
                                                 const FieldTree& tree) {
  auto made = std::make_unique<Schema>(tree);
  FileBuilder files(made->pool, schema);
  made->file = files.build("registered.proto", schema.text);
  if (made->file == nullptr) return Error{ErrorKind::kRejectEvent, files.error()};
  if (made->file->message_type_count() == 0) {
    return Error{ErrorKind::kRejectEvent, "the schema has no message"};
  }
  return ProtobufProgram(std::move(made));
}

std::optional<RecordFlaw> ProtobufProgram::run(std::string_view indexes, std::string_view bytes,
                                               TextArena& arena,
                                               std::span<std::string_view> slots) {
  const ProtobufTable* table = schema_->table_of(indexes);
  if (table == nullptr) {
    return RecordFlaw{RejectReason::kSchema, "", "message indexes that the schema does not have"};
  }
  return ProtobufWalk(schema_->tree, arena, slots).run(*table, bytes);
}

}  // namespace weir::operators
