#include "pipeline/feature_csv.h"

#include <simdjson.h>

#include "operators/json_text.h"

namespace weir {
namespace {

void append_text(std::string& out, std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

}  // namespace

struct FeatureCsv::Parser {
  simdjson::dom::parser json;
};

FeatureCsv::FeatureCsv(std::vector<std::string> names)
    : names_(std::move(names)), parser_(std::make_unique<Parser>()) {}
FeatureCsv::~FeatureCsv() = default;

std::string FeatureCsv::header() const {
  std::string line = "transaction_id";
  for (const auto& name : names_) {
    line += ',';
    line += name;
  }
  return line + '\n';
}

Status FeatureCsv::append(std::string_view features_json, std::string& out) {
  const auto bad = [] { return fatal("a features record without the declared features"); };
  simdjson::dom::element record;
  simdjson::dom::object windows;
  std::string_view id;
  if (parser_->json.parse(features_json.data(), features_json.size()).get(record) ||
      record["transaction_id"].get(id) || record["windows"].get(windows) ||
      windows.size() != names_.size()) {
    return bad();
  }
  append_text(out, id);
  auto name = names_.begin();
  for (const auto& field : windows) {
    if (field.key != *name++) return bad();
    out += ',';
    if (field.value.is_null()) continue;
    double value = 0;
    if (field.value.get(value)) return bad();
    operators::append_double(out, value);
  }
  out += '\n';
  return ok();
}

}  // namespace weir
