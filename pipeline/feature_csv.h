#pragma once
// The declared features as a table, from features records.

#include <string>
#include <string_view>
#include <vector>

#include "pipeline/core/error.h"
#include "pipeline/feature_record.h"

namespace weir {

/// RFC 4180, but lines end in \n. First column transaction_id, then the features in the order of
/// their declaration; a number reads back to the same bits, a missing one is empty.
class FeatureCsv {
 public:
  explicit FeatureCsv(std::vector<std::string> names);

  [[nodiscard]] std::string header() const;
  /// Appends one line. Error: the record has not exactly these features.
  Status append(std::string_view features_json, std::string& out);

 private:
  FeatureRecordReader reader_;
};

}  // namespace weir
