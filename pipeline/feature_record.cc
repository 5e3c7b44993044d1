#include "pipeline/feature_record.h"

#include <limits>

#include <simdjson.h>

namespace weir {

struct FeatureRecordReader::Parser {
  simdjson::dom::parser json;
};

FeatureRecordReader::FeatureRecordReader(std::vector<std::string> names)
    : names_(std::move(names)), values_(names_.size()), parser_(std::make_unique<Parser>()) {}
FeatureRecordReader::~FeatureRecordReader() = default;

Result<FeatureRecordReader::Row> FeatureRecordReader::read(std::string_view features_json) {
  const auto bad = [] { return fatal("a features record without the declared features"); };
  simdjson::dom::element record;
  simdjson::dom::object windows;
  std::string_view time_text;
  Row row;
  if (parser_->json.parse(features_json.data(), features_json.size()).get(record) ||
      record["transaction_id"].get(row.transaction_id) || record["user_id"].get(row.user_id) ||
      record["event_time"].get(time_text) || record["windows"].get(windows) ||
      windows.size() != names_.size()) {
    return bad();
  }
  const auto time = parse_event_time(time_text);
  if (!time) return bad();
  row.event_time = *time;
  std::size_t i = 0;
  for (const auto& field : windows) {
    if (field.key != names_[i]) return bad();
    double& value = values_[i++];
    if (field.value.is_null()) {
      value = std::numeric_limits<double>::quiet_NaN();
    } else if (field.value.get(value)) {
      return bad();
    }
  }
  row.values = values_;
  return row;
}

}  // namespace weir
