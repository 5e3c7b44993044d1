#pragma once
// What the features topic says about a payment's declared features and its merchant's rows, read
// back from its JSON as any consumer would: so tables, arrays and the topic carry the same values.

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/core/error.h"
#include "pipeline/core/event_time.h"

namespace weir {

class FeatureRecordReader {
 public:
  struct Row {  // valid until the next read
    std::string_view transaction_id;
    std::string_view user_id;
    EventTime event_time;
    std::span<const double> values;  // in the order of the names; NaN is missing
    /// Of the merchant's newest labelled payments, newest first, kMerchantFeatureCount each.
    std::span<const float> merchant;
  };

  explicit FeatureRecordReader(std::vector<std::string> names);
  ~FeatureRecordReader();

  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  /// Error: no features record, or one without exactly these features, or with something else in
  /// place of rows of the merchant.
  Result<Row> read(std::string_view features_json);

 private:
  struct Parser;
  /// False: the record says something else there.
  bool read_merchant();

  std::vector<std::string> names_;
  std::vector<double> values_;
  std::vector<float> merchant_;
  std::unique_ptr<Parser> parser_;
};

}  // namespace weir
