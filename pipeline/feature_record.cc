#include "pipeline/feature_record.h"

#include <limits>

#include <simdjson.h>

#include "operators/features/merchant_rows.h"

namespace weir {

struct FeatureRecordReader::Parser {
  simdjson::dom::parser json;
  simdjson::dom::element record;
};

FeatureRecordReader::FeatureRecordReader(std::vector<std::string> names)
    : names_(std::move(names)), values_(names_.size()), parser_(std::make_unique<Parser>()) {}
FeatureRecordReader::~FeatureRecordReader() = default;

Result<FeatureRecordReader::Row> FeatureRecordReader::read(std::string_view features_json) {
  const auto bad = [] { return fatal("a features record without the declared features"); };
  simdjson::dom::element& record = parser_->record;
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
  if (!read_merchant()) return bad();
  row.merchant = merchant_;
  return row;
}

bool FeatureRecordReader::read_merchant() {
  merchant_.clear();
  simdjson::dom::array rows;
  const auto found = parser_->record["merchant"].get(rows);
  if (found == simdjson::NO_SUCH_FIELD) return true;
  if (found) return false;
  for (const auto& element : rows) {
    simdjson::dom::array row;
    if (element.get(row) || row.size() != operators::kMerchantFeatureCount) return false;
    for (const auto& number : row) {
      double value = 0;
      if (number.get(value)) return false;
      merchant_.push_back(static_cast<float>(value));
    }
  }
  return true;
}

}  // namespace weir
