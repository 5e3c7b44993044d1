#include "operators/formats/record_reader.h"

#include <algorithm>
#include <map>

#include "operators/card_number.h"
#include "operators/formats/avro_program.h"
#include "operators/formats/protobuf_program.h"

namespace weir::operators {
namespace {

constexpr std::size_t kProgramsMax = 1'000;

using MaybeFlaw = std::optional<RecordFlaw>;

RecordFlaw bad_schema(std::string_view what) {
  return {RejectReason::kSchema, "", what};
}

bool accepts(InputFormat format, SchemaType type) {
  switch (format) {
    case InputFormat::kAvro:
      return type == SchemaType::kAvro;
    case InputFormat::kProtobuf:
      return type == SchemaType::kProtobuf;
    default:
      return true;
  }
}

MaybeFlaw oversize_or_pan_in_key(const RawRecord& record, std::size_t record_bytes_max) {
  if (record.key.size() + record.value.size() > record_bytes_max) {
    return RecordFlaw{RejectReason::kOversize, "", "larger than input.record_bytes_max"};
  }
  if (contains_card_number(record.key)) {
    return RecordFlaw{RejectReason::kPan, "", "holds a raw card number"};
  }
  return std::nullopt;
}

}  // namespace

std::string detail_of(const RecordFlaw& flaw) {
  std::string detail(flaw.field);
  if (!detail.empty()) detail += ": ";
  detail += flaw.what;
  return detail;
}

/// What a registered schema came to. Of JSON nothing is needed but to know that it is.
struct RecordReader::Compiled {
  SchemaType type = SchemaType::kJson;
  std::string refusal;  // why it cannot be used
  std::optional<AvroProgram> avro;
  std::optional<ProtobufProgram> protobuf;
};

struct RecordReader::Programs {
  TextArena arena;
  std::map<SchemaId, Compiled> by_id;
  const SchemaId* last_id = nullptr;  // records of one schema come in rows
  Compiled* last = nullptr;
};

RecordReader::RecordReader(std::span<const FieldSpec> fields, const RecordFormat& format,
                           SchemaSource* schemas)
    : tree_(fields, format.mapping),
      format_(format.format),
      schemas_(schemas),
      json_(tree_),
      programs_(std::make_unique<Programs>()),
      slots_(tree_.is_plain() ? 0 : tree_.slots().size()) {}
RecordReader::~RecordReader() = default;

void RecordReader::forget() {
  json_.forget();
  programs_->arena.forget();
  // Here and not when the next one comes: views may point into a program.
  if (programs_->by_id.size() < kProgramsMax) return;
  programs_->by_id.clear();
  programs_->last = nullptr;
}

Result<MaybeFlaw> RecordReader::read(const RawRecord& record, std::size_t record_bytes_max,
                                     std::span<std::string_view> values) {
  if (auto flaw = oversize_or_pan_in_key(record, record_bytes_max)) return MaybeFlaw(flaw);
  const std::span<std::string_view> slots = tree_.is_plain() ? values : std::span(slots_);
  std::fill(slots.begin(), slots.end(), std::string_view());
  auto flaw = read_slots(record, slots);
  if (flaw && !*flaw && !tree_.is_plain()) tree_.resolve(slots, values);
  return flaw;
}

Result<MaybeFlaw> RecordReader::read_slots(const RawRecord& record,
                                           std::span<std::string_view> slots) {
  if (is_framed(record)) return read_framed(record, slots);
  if (format_ == InputFormat::kAvro || format_ == InputFormat::kProtobuf) {
    if (contains_card_number(record.value)) {
      return MaybeFlaw(RecordFlaw{RejectReason::kPan, "", "holds a raw card number"});
    }
    return MaybeFlaw(RecordFlaw{RejectReason::kDecode, "", "no schema id in front"});
  }
  return read_json(record, record.value, slots);
}

MaybeFlaw RecordReader::read_json(const RawRecord& record, std::string_view payload,
                                  std::span<std::string_view> slots) {
  if (contains_card_number(record.value)) {
    return RecordFlaw{RejectReason::kPan, "", "holds a raw card number"};
  }
  return json_.read(payload, slots);
}

Result<MaybeFlaw> RecordReader::read_framed(const RawRecord& record,
                                            std::span<std::string_view> slots) {
  const auto frame = read_frame(record);
  const bool is_text = format_ == InputFormat::kJson;
  if (!frame && !is_text) return MaybeFlaw(bad_schema("ends inside its schema id"));
  std::string_view behind = frame ? frame->behind_id : record.value;
  const auto payload = [&] { return frame && frame->in_header ? record.value : behind; };
  if (is_text) return read_json(record, payload(), slots);

  const auto found = compiled(frame->id);
  if (!found) return found.error();
  if (*found == nullptr) return MaybeFlaw(bad_schema("an id that nobody registered"));
  Compiled& schema = **found;
  if (!accepts(format_, schema.type)) {
    return MaybeFlaw(bad_schema("a schema of another kind than the topic's format"));
  }
  if (!schema.refusal.empty()) return MaybeFlaw(bad_schema(schema.refusal));
  if (schema.avro) return schema.avro->run(payload(), programs_->arena, slots);
  if (!schema.protobuf) return read_json(record, payload(), slots);
  const auto indexes = take_message_indexes(behind);
  if (!indexes) return MaybeFlaw(bad_schema("ends inside its message indexes"));
  return schema.protobuf->run(*indexes, payload(), programs_->arena, slots);
}

/// Null: nobody registered it.
Result<RecordReader::Compiled*> RecordReader::compiled(const SchemaId& id) {
  Programs& programs = *programs_;
  if (programs.last != nullptr && *programs.last_id == id) return programs.last;
  auto known = programs.by_id.find(id);
  if (known == programs.by_id.end()) {
    if (schemas_ == nullptr) return static_cast<Compiled*>(nullptr);
    const auto schema = schemas_->find(id);
    if (!schema) return schema.error();
    if (*schema == nullptr) return static_cast<Compiled*>(nullptr);
    known = programs.by_id.try_emplace(id).first;
    Compiled& made = known->second;
    made.type = (*schema)->type;
    if (made.type == SchemaType::kAvro) {
      if (auto program = AvroProgram::compile(**schema, tree_)) {
        made.avro.emplace(*std::move(program));
      } else {
        made.refusal = program.error().message;
      }
    } else if (made.type == SchemaType::kProtobuf) {
      if (auto program = ProtobufProgram::compile(**schema, tree_)) {
        made.protobuf.emplace(*std::move(program));
      } else {
        made.refusal = program.error().message;
      }
    }
  }
  programs.last_id = &known->first;
  programs.last = &known->second;
  return programs.last;
}

}  // namespace weir::operators
