// From a schema's JSON to the program: what is wanted is written out in place, every other named
// type once, as a routine, so that neither recursion nor repetition makes a program grow.

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "operators/formats/avro_program.h"
#include "operators/formats/avro_refusals.h"
#include "operators/formats/typed_text.h"

namespace weir::operators {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kSchemaBytesMax = 1U << 20;
constexpr std::size_t kCodeMax = 16'384;
constexpr int kTypeDepthMax = 64;

/// Thrown inside the compiler only; compile() turns it into an Error.
struct BadSchema {
  std::string what;
};

std::string text_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool is_primitive(std::string_view type) {
  constexpr std::string_view kNames[] = {"null",  "boolean", "int",   "long",
                                         "float", "double",  "bytes", "string"};
  return std::ranges::find(kNames, type) != std::end(kNames);
}

bool is_named(std::string_view type) {
  return type == "record" || type == "error" || type == "enum" || type == "fixed";
}

/// A definition and the namespace that names inside it are relative to.
struct Definition {
  const Json* json;
  std::string full_name;
  std::string space;
};

}  // namespace

class AvroCompiler {
 public:
  AvroCompiler(const RegisteredSchema& schema, const FieldTree& tree)
      : schema_(schema), program_(tree) {}

  AvroProgram compile() {
    std::vector<Json> texts;
    for (const auto& reference : schema_.references) texts.push_back(parse(reference.text));
    texts.push_back(parse(schema_.text));
    for (const Json& text : texts) collect(text, "", 0);
    type(texts.back(), "", &program_.tree_->root(), 0);
    emit({AvroProgram::Op::kReturn});
    // Routines may want further routines while they are written.
    for (std::size_t i = 0; i < routines_.size(); ++i) {
      program_.routines_.push_back(here());
      const Definition definition = routines_[i];
      record(definition, nullptr, 0);
      emit({AvroProgram::Op::kReturn});
    }
    return std::move(program_);
  }

 private:
  using Op = AvroProgram::Op;
  using Instruction = AvroProgram::Instruction;

  static Json parse(const std::string& text) {
    if (text.size() > kSchemaBytesMax) throw BadSchema{"the schema is larger than 1 MiB"};
    Json json = Json::parse(text, nullptr, false);
    // A schema of one name may be written without quotes' JSON: long.
    if (json.is_discarded()) {
      if (!is_primitive(text)) throw BadSchema{"the schema is not JSON"};
      json = text;
    }
    return json;
  }

  // -- names

  static std::string full_name(const std::string& name, const std::string& space) {
    if (name.find('.') != std::string::npos || space.empty()) return name;
    return space + "." + name;
  }

  static Definition definition_of(const Json& json, const std::string& space) {
    const std::string name = text_of(json, "name");
    if (name.empty()) throw BadSchema{"a named type without a name"};
    const auto own = json.find("namespace");
    const std::string within =
        own != json.end() && own->is_string() ? own->get<std::string>() : space;
    Definition definition{&json, full_name(name, within), {}};
    const auto dot = definition.full_name.rfind('.');
    if (dot != std::string::npos) definition.space = definition.full_name.substr(0, dot);
    return definition;
  }

  /// Learns every named type, wherever it is defined.
  void collect(const Json& json, const std::string& space, int depth) {
    if (depth > kTypeDepthMax) throw BadSchema{"types nest too deeply"};
    if (json.is_array()) {
      for (const Json& branch : json) collect(branch, space, depth + 1);
      return;
    }
    if (!json.is_object()) return;
    std::string within = space;
    if (is_named(text_of(json, "type"))) {
      const Definition definition = definition_of(json, space);
      within = definition.space;
      names_.insert_or_assign(definition.full_name, definition);
    }
    for (const char* part : {"type", "items", "values"}) {
      const auto found = json.find(part);
      if (found != json.end() && !found->is_string()) collect(*found, within, depth + 1);
    }
    const auto fields = json.find("fields");
    if (fields == json.end() || !fields->is_array()) return;
    for (const Json& field : *fields) {
      const auto of = field.find("type");
      if (of != field.end() && !of->is_string()) collect(*of, within, depth + 1);
    }
  }

  const Definition& find(const std::string& name, const std::string& space) const {
    auto found = names_.find(full_name(name, space));
    if (found == names_.end()) found = names_.find(name);
    if (found == names_.end()) throw BadSchema{fmt::format("type '{}' is not defined", name)};
    return found->second;
  }

  // -- code

  [[nodiscard]] std::uint32_t here() const {
    return static_cast<std::uint32_t>(program_.code_.size());
  }
  std::uint32_t emit(Instruction instruction) {
    if (program_.code_.size() >= kCodeMax) throw BadSchema{"the schema is too large"};
    program_.code_.push_back(instruction);
    return here() - 1;
  }
  void refuse(const WantedField& wanted, AvroRefusal why) {
    emit({Op::kRefuse, slot_of(wanted), static_cast<std::uint32_t>(why)});
  }
  static std::uint16_t slot_of(const WantedField& wanted) {
    return static_cast<std::uint16_t>(wanted.slot);
  }
  [[nodiscard]] FieldKind kind_of(const WantedField& wanted) const {
    return program_.tree_->slots()[static_cast<std::size_t>(wanted.slot)].kind;
  }
  /// A value is wanted here, and not only to be checked.
  [[nodiscard]] bool is_leaf(const WantedField* wanted) const {
    return wanted != nullptr && wanted->slot >= 0 && kind_of(*wanted) != FieldKind::kFlatMap;
  }

  /// Any schema. `wanted` null: to be stepped over.
  void type(const Json& json, const std::string& space, const WantedField* wanted, int depth) {
    if (depth > kTypeDepthMax) throw BadSchema{"types nest too deeply"};
    if (json.is_array()) return a_union(json, space, wanted, depth);
    if (json.is_string()) {
      const auto name = json.get<std::string>();
      if (is_primitive(name)) return primitive(name, Json::object(), wanted);
      return named(find(name, space), wanted, depth);
    }
    if (!json.is_object()) throw BadSchema{"a type that is neither name, object nor list"};
    const auto of = json.find("type");
    if (of == json.end()) throw BadSchema{"a type without 'type'"};
    if (!of->is_string()) return type(*of, space, wanted, depth + 1);
    const auto name = of->get<std::string>();
    if (is_primitive(name)) return primitive(name, json, wanted);
    if (is_named(name)) return named(definition_of(json, space), wanted, depth);
    if (name == "array") return items(json, "items", space, wanted, depth);
    if (name == "map") return items(json, "values", space, wanted, depth);
    named(find(name, space), wanted, depth);
  }

  void named(const Definition& definition, const WantedField* wanted, int depth) {
    const std::string kind = text_of(*definition.json, "type");
    if (kind == "enum") return an_enum(*definition.json, wanted);
    if (kind == "fixed") return fixed(*definition.json, wanted);
    if (is_leaf(wanted)) return refuse(*wanted, AvroRefusal::kRecord);
    if (wanted == nullptr || wanted->slot >= 0) {
      emit({Op::kCall, 0, routine(definition)});
      return;
    }
    record(definition, wanted, depth);
  }

  std::uint32_t routine(const Definition& definition) {
    const auto [found, added] =
        routine_of_.try_emplace(definition.full_name, static_cast<std::uint32_t>(routines_.size()));
    if (added) routines_.push_back(definition);
    return found->second;
  }

  void record(const Definition& definition, const WantedField* wanted, int depth) {
    const auto fields = definition.json->find("fields");
    if (fields == definition.json->end() || !fields->is_array()) {
      throw BadSchema{fmt::format("record '{}' has no fields", definition.full_name)};
    }
    for (const Json& field : *fields) {
      const auto of = field.find("type");
      if (of == field.end()) throw BadSchema{"a field without a type"};
      const WantedField* below = wanted == nullptr ? nullptr : wanted_of(field, *fields, *wanted);
      type(*of, definition.space, below, depth + 1);
    }
  }

  /// By name; by an alias only when no field of the record has that name.
  static const WantedField* wanted_of(const Json& field, const Json& fields,
                                      const WantedField& wanted) {
    const auto of_name = [&](const std::string& name) -> const WantedField* {
      const auto found = std::ranges::find(wanted.below, name, &WantedField::name);
      return found == wanted.below.end() ? nullptr : &*found;
    };
    if (const auto* found = of_name(text_of(field, "name"))) return found;
    const auto aliases = field.find("aliases");
    if (aliases == field.end() || !aliases->is_array()) return nullptr;
    for (const Json& alias : *aliases) {
      if (!alias.is_string()) continue;
      const auto name = alias.get<std::string>();
      const bool taken =
          std::ranges::any_of(fields, [&](const Json& f) { return text_of(f, "name") == name; });
      if (const auto* found = of_name(name); found != nullptr && !taken) return found;
    }
    return nullptr;
  }

  void a_union(const Json& branches, const std::string& space, const WantedField* wanted,
               int depth) {
    if (branches.empty()) throw BadSchema{"a union of nothing"};
    const auto index = static_cast<std::uint32_t>(program_.branches_.size());
    program_.branches_.emplace_back();
    emit({Op::kUnion, 0, index});
    std::vector<std::uint32_t> jumps;
    for (const Json& branch : branches) {
      program_.branches_[index].push_back(here());
      type(branch, space, wanted, depth + 1);
      jumps.push_back(emit({Op::kJump}));
    }
    for (const std::uint32_t jump : jumps) program_.code_[jump].a = here();
  }

  void items(const Json& json, const char* of, const std::string& space, const WantedField* wanted,
             int depth) {
    const auto item = json.find(of);
    if (item == json.end()) throw BadSchema{"an array or map without a type of its items"};
    if (is_leaf(wanted)) return refuse(*wanted, AvroRefusal::kList);
    const std::uint32_t loop = emit({Op::kItems, 0, 0, std::string_view(of) == "values" ? 1U : 0U});
    type(*item, space, nullptr, depth + 1);
    program_.code_[loop].a = here();
  }

  void an_enum(const Json& json, const WantedField* wanted) {
    if (!is_leaf(wanted)) {
      emit({Op::kSkipVarint});
      return;
    }
    std::vector<std::string> symbols;
    const auto found = json.find("symbols");
    if (found == json.end() || !found->is_array()) throw BadSchema{"an enum without symbols"};
    for (const Json& symbol : *found) {
      symbols.push_back(symbol.is_string() ? symbol.get<std::string>() : std::string());
    }
    program_.symbols_.push_back(std::move(symbols));
    emit({Op::kEnum, slot_of(*wanted), static_cast<std::uint32_t>(program_.symbols_.size() - 1)});
  }

  void fixed(const Json& json, const WantedField* wanted) {
    const auto size = json.find("size");
    if (size == json.end() || !size->is_number_unsigned() ||
        size->get<std::uint64_t>() > kSchemaBytesMax) {
      throw BadSchema{"a fixed type without a size"};
    }
    const auto bytes = size->get<std::uint32_t>();
    if (!is_leaf(wanted)) {
      emit({Op::kSkipFixed, 0, bytes});
    } else if (text_of(json, "logicalType") == "decimal") {
      decimal(json, *wanted, Op::kFixedDecimal, bytes);
    } else if (kind_of(*wanted) == FieldKind::kBool || text_of(json, "logicalType") == "uuid") {
      refuse(*wanted, AvroRefusal::kBytes);
    } else {
      emit({Op::kFixedText, slot_of(*wanted), 0, bytes});
    }
  }

  void decimal(const Json& json, const WantedField& wanted, Op op, std::uint32_t bytes) {
    const auto given = json.find("scale");
    const bool whole = given == json.end();
    if (!whole && !given->is_number_integer())
      throw BadSchema{"a decimal whose scale is no number"};
    const auto scale = whole ? 0 : given->get<std::int64_t>();
    if (scale < 0 || scale > kScaleMax) throw BadSchema{"a decimal with more than 38 decimals"};
    const FieldKind kind = kind_of(wanted);
    if (kind != FieldKind::kAmount && kind != FieldKind::kStringOrNumber) {
      return refuse(wanted, AvroRefusal::kNumber);
    }
    emit({op, slot_of(wanted), static_cast<std::uint32_t>(scale), bytes});
  }

  void primitive(const std::string& name, const Json& json, const WantedField* wanted) {
    if (name == "null") return;
    if (!is_leaf(wanted)) return skip(name);
    const FieldKind kind = kind_of(*wanted);
    const std::uint16_t slot = slot_of(*wanted);
    const std::string logical = text_of(json, "logicalType");
    const bool is_bool = kind == FieldKind::kBool;
    if (name == "boolean") {
      is_bool ? void(emit({Op::kBool, slot})) : refuse(*wanted, AvroRefusal::kBool);
    } else if (is_bool) {
      refuse(*wanted, AvroRefusal::kNotBool);
    } else if (name == "bytes" && logical == "decimal") {
      decimal(json, *wanted, Op::kDecimal, 0);
    } else if (name == "string" || name == "bytes") {
      emit({Op::kText, slot});
    } else if (kind == FieldKind::kString) {
      refuse(*wanted, AvroRefusal::kNumber);
    } else if (name == "float" || name == "double") {
      kind == FieldKind::kTime ? refuse(*wanted, AvroRefusal::kFraction)
                               : void(emit({name == "float" ? Op::kFloat : Op::kDouble, slot}));
    } else {
      whole_number(logical, kind, *wanted);
    }
  }

  void whole_number(const std::string& logical, FieldKind kind, const WantedField& wanted) {
    const std::uint16_t slot = slot_of(wanted);
    if (kind == FieldKind::kAmount) return refuse(wanted, AvroRefusal::kUnit);
    if (kind != FieldKind::kTime) {
      emit({Op::kInteger, slot});
    } else if (logical == "timestamp-millis" || logical.empty()) {
      emit({Op::kTime, slot, 1});
    } else if (logical == "timestamp-micros") {
      emit({Op::kTime, slot, 1'000});
    } else if (logical == "timestamp-nanos") {
      emit({Op::kTime, slot, 1'000'000});
    } else {
      refuse(wanted, AvroRefusal::kNoInstant);
    }
  }

  void skip(const std::string& name) {
    if (name == "boolean") {
      emit({Op::kSkipFixed, 0, 1});
    } else if (name == "float") {
      emit({Op::kSkipFixed, 0, 4});
    } else if (name == "double") {
      emit({Op::kSkipFixed, 0, 8});
    } else if (name == "int" || name == "long") {
      emit({Op::kSkipVarint});
    } else {
      emit({Op::kSkipText});
    }
  }

  const RegisteredSchema& schema_;
  AvroProgram program_;
  std::map<std::string, Definition> names_;
  std::map<std::string, std::uint32_t> routine_of_;
  std::vector<Definition> routines_;
};

Result<AvroProgram> AvroProgram::compile(const RegisteredSchema& schema, const FieldTree& tree) {
  try {
    return AvroCompiler(schema, tree).compile();
  } catch (const BadSchema& bad) {
    return Error{ErrorKind::kRejectEvent, bad.what};
  }
}

}  // namespace weir::operators
