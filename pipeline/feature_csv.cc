#include "pipeline/feature_csv.h"

#include <cmath>

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

FeatureCsv::FeatureCsv(std::vector<std::string> names) : reader_(std::move(names)) {}

std::string FeatureCsv::header() const {
  std::string line = "transaction_id";
  for (const auto& name : reader_.names()) {
    line += ',';
    line += name;
  }
  return line + '\n';
}

Status FeatureCsv::append(std::string_view features_json, std::string& out) {
  const auto row = reader_.read(features_json);
  if (!row) return row.error();
  append_text(out, row->transaction_id);
  for (const double value : row->values) {
    out += ',';
    if (!std::isnan(value)) operators::append_double(out, value);
  }
  out += '\n';
  return ok();
}

}  // namespace weir
