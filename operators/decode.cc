#include "operators/decode.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <optional>

#include <simdjson.h>

#include "operators/card_number.h"

namespace weir::operators {
namespace {

namespace ondemand = simdjson::ondemand;

/// Unknown fields may nest, but not without bound: checking them recurses.
constexpr int kDepthMax = 32;

enum class Kind : std::uint8_t { kString, kStringOrNumber };

struct Field {
  std::string_view name;
  std::string_view DecodedTransaction::*text;
  Kind kind;
};

constexpr Field kFields[] = {
    {"transaction_id", &DecodedTransaction::transaction_id, Kind::kString},
    {"user_id", &DecodedTransaction::user_id, Kind::kString},
    {"event_time", &DecodedTransaction::event_time, Kind::kStringOrNumber},
    {"amount", &DecodedTransaction::amount, Kind::kStringOrNumber},
    {"currency", &DecodedTransaction::currency, Kind::kString},
    {"merchant_id", &DecodedTransaction::merchant_id, Kind::kString},
    {"mcc", &DecodedTransaction::mcc, Kind::kStringOrNumber},
    {"country", &DecodedTransaction::country, Kind::kString},
    {"merchant_country", &DecodedTransaction::merchant_country, Kind::kString},
    {"channel", &DecodedTransaction::channel, Kind::kString},
    {"device_id", &DecodedTransaction::device_id, Kind::kString},
    {"ip", &DecodedTransaction::ip, Kind::kString},
    {"card_token", &DecodedTransaction::card_token, Kind::kString},
};
constexpr std::size_t kFieldCount = sizeof(kFields) / sizeof(kFields[0]);
// Two more fields that are not text; their bits in the set of fields seen follow those of the
// table.
constexpr std::size_t kCardPresentBit = kFieldCount;
constexpr std::size_t kAttributesBit = kFieldCount + 1;

/// What is wrong with a record: a reason and a static text, optionally about one field.
struct Flaw {
  RejectReason reason;
  std::string_view field;
  std::string_view what;
};
using MaybeFlaw = std::optional<Flaw>;

MaybeFlaw flaw_of(simdjson::error_code error) {
  if (error == simdjson::UTF8_ERROR) return Flaw{RejectReason::kRange, "", "not valid UTF-8"};
  return Flaw{RejectReason::kDecode, "", simdjson::error_message(error)};  // static texts
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
  if (depth > kDepthMax) return Flaw{RejectReason::kDecode, "", "nested too deeply"};
  const std::string_view token = trim_right(value.raw_json_token());
  if (!token.empty() && token.front() == '{') return check_ignored_object(value, depth);
  if (!token.empty() && token.front() == '[') return check_ignored_array(value, depth);
  if (is_json_scalar(token, value)) return std::nullopt;
  return Flaw{RejectReason::kDecode, "", "a value that is not JSON"};
}

MaybeFlaw check_attributes(ondemand::value& value) {
  ondemand::object object;
  if (value.get_object().get(object)) {
    return Flaw{RejectReason::kDecode, "attributes", "object expected"};
  }
  for (auto entry : object) {
    std::string_view key;
    if (const auto error = entry.unescaped_key().get(key)) return flaw_of(error);
    ondemand::value child;
    if (const auto error = entry.value().get(child)) return flaw_of(error);
    const std::string_view token = trim_right(child.raw_json_token());
    if (!is_json_scalar(token, child)) {
      return Flaw{RejectReason::kDecode, "attributes",
                  "flat map of string, number or bool expected"};
    }
  }
  return std::nullopt;
}

}  // namespace

struct Decode::Parser {
  ondemand::parser json;
  std::vector<char> padded;  // one record and simdjson's padding
  std::deque<std::string>
      unescaped;  // strings of this batch that had escapes; a deque keeps their addresses

  MaybeFlaw decode(std::string_view bytes, DecodedTransaction& out);

 private:
  MaybeFlaw take_field(std::string_view bytes, std::string_view key, ondemand::value& value,
                       std::uint32_t& seen, DecodedTransaction& out);
  MaybeFlaw take_text(std::string_view bytes, const Field& field, std::string_view token,
                      ondemand::value& value, DecodedTransaction& out);
};

MaybeFlaw Decode::Parser::decode(std::string_view bytes, DecodedTransaction& out) {
  padded.resize(std::max(padded.size(), bytes.size() + simdjson::SIMDJSON_PADDING));
  std::memcpy(padded.data(), bytes.data(), bytes.size());
  std::memset(padded.data() + bytes.size(), ' ', simdjson::SIMDJSON_PADDING);

  ondemand::document document;
  if (const auto error = json.iterate(padded.data(), bytes.size(), padded.size()).get(document)) {
    return flaw_of(error);
  }
  ondemand::object object;
  if (const auto error = document.get_object().get(object)) return flaw_of(error);
  std::uint32_t seen = 0;
  for (auto entry : object) {
    std::string_view key;
    if (const auto error = entry.unescaped_key().get(key)) return flaw_of(error);
    ondemand::value value;
    if (const auto error = entry.value().get(value)) return flaw_of(error);
    if (auto flaw = take_field(bytes, key, value, seen, out)) return flaw;
  }
  // At the end there is no location left.
  const char* rest = nullptr;
  if (document.current_location().get(rest) == simdjson::SUCCESS) {
    return Flaw{RejectReason::kDecode, "", "bytes behind the object"};
  }
  return std::nullopt;
}

MaybeFlaw Decode::Parser::take_field(std::string_view bytes, std::string_view key,
                                     ondemand::value& value, std::uint32_t& seen,
                                     DecodedTransaction& out) {
  const auto first_time = [&](std::size_t bit) {
    const std::uint32_t mask = 1U << bit;
    const bool first = (seen & mask) == 0;
    seen |= mask;
    return first;
  };
  const std::string_view token = trim_right(value.raw_json_token());
  for (std::size_t i = 0; i < kFieldCount; ++i) {
    if (key != kFields[i].name) continue;
    if (!first_time(i)) return Flaw{RejectReason::kDecode, kFields[i].name, "given twice"};
    return token == "null" ? std::nullopt : take_text(bytes, kFields[i], token, value, out);
  }
  if (key == "is_card_present") {
    if (!first_time(kCardPresentBit))
      return Flaw{RejectReason::kDecode, "is_card_present", "given twice"};
    if (token == "null") return std::nullopt;
    if (token != "true" && token != "false") {
      return Flaw{RejectReason::kDecode, "is_card_present", "true or false expected"};
    }
    out.is_card_present =
        token == "true" ? DecodedTransaction::Flag::kYes : DecodedTransaction::Flag::kNo;
    return std::nullopt;
  }
  if (key == "attributes") {
    if (!first_time(kAttributesBit))
      return Flaw{RejectReason::kDecode, "attributes", "given twice"};
    return token == "null" ? std::nullopt : check_attributes(value);
  }
  return check_ignored(value, 1);
}

MaybeFlaw Decode::Parser::take_text(std::string_view bytes, const Field& field,
                                    std::string_view token, ondemand::value& value,
                                    DecodedTransaction& out) {
  const auto in_record = [&](std::string_view part) {
    return bytes.substr(static_cast<std::size_t>(part.data() - padded.data()), part.size());
  };
  if (token.size() >= 2 && token.front() == '"' && token.back() == '"') {
    if (token.find('\\') == std::string_view::npos) {
      out.*field.text = in_record(token.substr(1, token.size() - 2));
      return std::nullopt;
    }
    std::string_view text;
    if (const auto error = value.get_string().get(text)) return flaw_of(error);
    out.*field.text = unescaped.emplace_back(text);
    return std::nullopt;
  }
  if (field.kind == Kind::kStringOrNumber && !token.empty()) {
    // NaN and Infinity are not JSON, but some encoders write them: validate refuses them as a bad
    // amount.
    const char c = token.front();
    const bool number_like =
        is_json_number(token) || token == "NaN" || token == "Infinity" || token == "-Infinity";
    if (number_like) {
      out.*field.text = in_record(token);
      return std::nullopt;
    }
    if (c != '{' && c != '[')
      return Flaw{RejectReason::kDecode, field.name, "not a number or string"};
  }
  return Flaw{RejectReason::kDecode, field.name,
              field.kind == Kind::kString ? "string expected" : "number or string expected"};
}

Decode::Decode(const InputSettings& settings)
    : settings_(settings), parser_(std::make_unique<Parser>()) {}
Decode::~Decode() = default;

std::size_t Decode::process(std::span<const RawRecord> in, std::vector<DecodedTransaction>& out,
                            std::vector<Rejection>& rejected) {
  parser_->unescaped.clear();
  std::size_t tombstones = 0;
  for (std::size_t i = 0; i < in.size(); ++i) {
    const RawRecord& record = in[i];
    if (record.tombstone || record.value.empty()) {
      ++tombstones;
    } else if (record.key.size() + record.value.size() > settings_.record_bytes_max) {
      rejected.push_back({i, RejectReason::kOversize, "larger than input.record_bytes_max"});
    } else if (contains_card_number(record.value) || contains_card_number(record.key)) {
      rejected.push_back({i, RejectReason::kPan, "holds a raw card number"});
    } else {
      DecodedTransaction decoded;
      decoded.record = i;
      if (const auto flaw = parser_->decode(record.value, decoded)) {
        std::string detail(flaw->field);
        if (!detail.empty()) detail += ": ";
        detail += flaw->what;
        rejected.push_back({i, flaw->reason, std::move(detail)});
      } else {
        out.push_back(decoded);
      }
    }
  }
  return tombstones;
}

}  // namespace weir::operators
