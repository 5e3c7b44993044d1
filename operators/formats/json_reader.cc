#include "operators/formats/json_reader.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include <simdjson.h>

#include "operators/formats/text_arena.h"
#include "pipeline/core/error.h"

namespace weir::operators {
namespace {

namespace ondemand = simdjson::ondemand;

/// Unknown fields may nest, but not without bound: checking them recurses.
constexpr int kDepthMax = 32;

using MaybeFlaw = std::optional<RecordFlaw>;

MaybeFlaw flaw_of(simdjson::error_code error) {
  if (error == simdjson::UTF8_ERROR) return RecordFlaw{RejectReason::kRange, "", "not valid UTF-8"};
  return RecordFlaw{RejectReason::kDecode, "", simdjson::error_message(error)};  // static texts
}

std::string_view trim_right(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\n' || text.back() == '\r' ||
                           text.back() == '\t')) {
    text.remove_suffix(1);
  }
  return text;
}

bool is_json_number(std::string_view text) {
  std::size_t i = 0;
  const auto digits = [&] {
    const std::size_t from = i;
    while (i < text.size() && text[i] >= '0' && text[i] <= '9') ++i;
    return i - from;
  };
  if (i < text.size() && text[i] == '-') ++i;
  const std::size_t first = i;
  const std::size_t whole = digits();
  if (whole == 0 || (whole > 1 && text[first] == '0')) return false;
  if (i < text.size() && text[i] == '.') {
    ++i;
    if (digits() == 0) return false;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
    if (digits() == 0) return false;
  }
  return i == text.size();
}

/// A scalar that is not kept must still be JSON. simdjson leaves values alone that nobody reads.
bool is_json_scalar(std::string_view token, ondemand::value& value) {
  switch (token.empty() ? '\0' : token.front()) {
    case '"': {
      if (token.size() < 2 || token.back() != '"') return false;
      std::string_view ignored;
      return token.find('\\') == std::string_view::npos ||
             value.get_string().get(ignored) == simdjson::SUCCESS;
    }
    case 't':
      return token == "true";
    case 'f':
      return token == "false";
    case 'n':
      return token == "null";
    default:
      return is_json_number(token);
  }
}

MaybeFlaw check_ignored(ondemand::value value, int depth);

MaybeFlaw check_ignored_object(ondemand::value& value, int depth) {
  ondemand::object object;
  if (const auto error = value.get_object().get(object)) return flaw_of(error);
  for (auto entry : object) {
    std::string_view key;
    if (const auto error = entry.unescaped_key().get(key)) return flaw_of(error);
    ondemand::value child;
    if (const auto error = entry.value().get(child)) return flaw_of(error);
    if (auto flaw = check_ignored(child, depth + 1)) return flaw;
  }
  return std::nullopt;
}

MaybeFlaw check_ignored_array(ondemand::value& value, int depth) {
  ondemand::array array;
  if (const auto error = value.get_array().get(array)) return flaw_of(error);
  for (auto entry : array) {
    ondemand::value child;
    if (const auto error = entry.get(child)) return flaw_of(error);
    if (auto flaw = check_ignored(child, depth + 1)) return flaw;
  }
  return std::nullopt;
}

MaybeFlaw check_ignored(ondemand::value value, int depth) {
  if (depth > kDepthMax) return RecordFlaw{RejectReason::kDecode, "", "nested too deeply"};
  const std::string_view token = trim_right(value.raw_json_token());
  if (!token.empty() && token.front() == '{') return check_ignored_object(value, depth);
  if (!token.empty() && token.front() == '[') return check_ignored_array(value, depth);
  if (is_json_scalar(token, value)) return std::nullopt;
  return RecordFlaw{RejectReason::kDecode, "", "a value that is not JSON"};
}

MaybeFlaw check_flat_map(std::string_view field, ondemand::value& value) {
  ondemand::object object;
  if (value.get_object().get(object)) {
    return RecordFlaw{RejectReason::kDecode, field, "object expected"};
  }
  for (auto entry : object) {
    std::string_view key;
    if (const auto error = entry.unescaped_key().get(key)) return flaw_of(error);
    ondemand::value child;
    if (const auto error = entry.value().get(child)) return flaw_of(error);
    const std::string_view token = trim_right(child.raw_json_token());
    if (!is_json_scalar(token, child)) {
      return RecordFlaw{RejectReason::kDecode, field,
                        "flat map of string, number or bool expected"};
    }
  }
  return std::nullopt;
}

}  // namespace

struct JsonReader::Parser {
  const FieldTree& tree;
  ondemand::parser json;
  std::vector<char> padded;  // one record and simdjson's padding
  TextArena unescaped;       // strings that had escapes

  explicit Parser(const FieldTree& fields) : tree(fields) {}
  MaybeFlaw read(std::string_view bytes, std::span<std::string_view> slots);

 private:
  MaybeFlaw read_object(std::string_view bytes, const WantedField& wanted, ondemand::object& object,
                        int depth, std::span<std::string_view> slots);
  MaybeFlaw take_below(std::string_view bytes, const WantedField& wanted, ondemand::value& value,
                       int depth, std::span<std::string_view> slots);
  MaybeFlaw take(std::string_view bytes, const FieldSpec& field, ondemand::value& value,
                 std::string_view& out);
  MaybeFlaw take_text(std::string_view bytes, const FieldSpec& field, std::string_view token,
                      ondemand::value& value, std::string_view& out);
  /// A part of the padded copy, in the record's own bytes.
  std::string_view in_record(std::string_view bytes, std::string_view part) const {
    return bytes.substr(static_cast<std::size_t>(part.data() - padded.data()), part.size());
  }
};

MaybeFlaw JsonReader::Parser::read(std::string_view bytes, std::span<std::string_view> slots) {
  padded.resize(std::max(padded.size(), bytes.size() + simdjson::SIMDJSON_PADDING));
  std::memcpy(padded.data(), bytes.data(), bytes.size());
  std::memset(padded.data() + bytes.size(), ' ', simdjson::SIMDJSON_PADDING);

  ondemand::document document;
  if (const auto error = json.iterate(padded.data(), bytes.size(), padded.size()).get(document)) {
    return flaw_of(error);
  }
  ondemand::object object;
  if (const auto error = document.get_object().get(object)) return flaw_of(error);
  if (auto flaw = read_object(bytes, tree.root(), object, 1, slots)) return flaw;
  // At the end there is no location left.
  const char* rest = nullptr;
  if (document.current_location().get(rest) == simdjson::SUCCESS) {
    return RecordFlaw{RejectReason::kDecode, "", "bytes behind the object"};
  }
  return std::nullopt;
}

MaybeFlaw JsonReader::Parser::read_object(std::string_view bytes, const WantedField& wanted,
                                          ondemand::object& object, int depth,
                                          std::span<std::string_view> slots) {
  const std::span fields = wanted.below;
  std::uint64_t seen = 0;
  for (auto entry : object) {
    std::string_view key;
    if (const auto error = entry.unescaped_key().get(key)) return flaw_of(error);
    ondemand::value value;
    if (const auto error = entry.value().get(value)) return flaw_of(error);
    std::size_t i = 0;
    while (i < fields.size() && fields[i].name != key) ++i;
    if (i == fields.size()) {
      if (auto flaw = check_ignored(value, depth)) return flaw;
      continue;
    }
    const std::uint64_t mask = std::uint64_t{1} << i;
    if ((seen & mask) != 0) {
      return RecordFlaw{RejectReason::kDecode, fields[i].name, "given twice"};
    }
    seen |= mask;
    const int slot = fields[i].slot;
    auto flaw = slot < 0 ? take_below(bytes, fields[i], value, depth, slots)
                         : take(bytes, tree.slots()[static_cast<std::size_t>(slot)], value,
                                slots[static_cast<std::size_t>(slot)]);
    if (flaw) return flaw;
  }
  return std::nullopt;
}

/// Something on the way to a mapped field. What is no object has nothing below it: the field is
/// absent, as it is where the name does not occur.
MaybeFlaw JsonReader::Parser::take_below(std::string_view bytes, const WantedField& wanted,
                                         ondemand::value& value, int depth,
                                         std::span<std::string_view> slots) {
  if (!trim_right(value.raw_json_token()).starts_with('{')) return check_ignored(value, depth);
  ondemand::object object;
  if (const auto error = value.get_object().get(object)) return flaw_of(error);
  return read_object(bytes, wanted, object, depth + 1, slots);
}

MaybeFlaw JsonReader::Parser::take(std::string_view bytes, const FieldSpec& field,
                                   ondemand::value& value, std::string_view& out) {
  const std::string_view token = trim_right(value.raw_json_token());
  if (token == "null") return std::nullopt;
  switch (field.kind) {
    case FieldKind::kString:
    case FieldKind::kStringOrNumber:
    case FieldKind::kAmount:
    case FieldKind::kTime:
      return take_text(bytes, field, token, value, out);
    case FieldKind::kBool:
      if (token != "true" && token != "false") {
        return RecordFlaw{RejectReason::kDecode, field.name, "true or false expected"};
      }
      out = in_record(bytes, token);
      return std::nullopt;
    case FieldKind::kFlatMap:
      return check_flat_map(field.name, value);
  }
  return std::nullopt;
}

MaybeFlaw JsonReader::Parser::take_text(std::string_view bytes, const FieldSpec& field,
                                        std::string_view token, ondemand::value& value,
                                        std::string_view& out) {
  if (token.size() >= 2 && token.front() == '"' && token.back() == '"') {
    if (token.find('\\') == std::string_view::npos) {
      out = in_record(bytes, token.substr(1, token.size() - 2));
      return std::nullopt;
    }
    std::string_view text;
    if (const auto error = value.get_string().get(text)) return flaw_of(error);
    out = unescaped.copy(text);
    return std::nullopt;
  }
  if (field.kind != FieldKind::kString && !token.empty()) {
    // NaN and Infinity are not JSON, but some encoders write them: validate refuses them as a bad
    // amount.
    const char c = token.front();
    const bool number_like =
        is_json_number(token) || token == "NaN" || token == "Infinity" || token == "-Infinity";
    if (number_like) {
      out = in_record(bytes, token);
      return std::nullopt;
    }
    if (c != '{' && c != '[')
      return RecordFlaw{RejectReason::kDecode, field.name, "not a number or string"};
  }
  return RecordFlaw{
      RejectReason::kDecode, field.name,
      field.kind == FieldKind::kString ? "string expected" : "number or string expected"};
}

JsonReader::JsonReader(const FieldTree& tree) : parser_(std::make_unique<Parser>(tree)) {}
JsonReader::~JsonReader() = default;

void JsonReader::forget() {
  parser_->unescaped.forget();
}

std::optional<RecordFlaw> JsonReader::read(std::string_view bytes,
                                           std::span<std::string_view> slots) {
  WEIR_CHECK(slots.size() == parser_->tree.slots().size());
  return parser_->read(bytes, slots);
}

}  // namespace weir::operators
