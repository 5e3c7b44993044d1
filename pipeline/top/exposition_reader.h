#pragma once
// What /metrics of an instance says at one moment, by name and labels.

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/core/error.h"

namespace weir::top {

using Labels = std::map<std::string, std::string>;

struct Sample {
  std::string name;
  Labels labels;
  double value = 0;
};

/// Samples in their order; comments and exemplars are passed over. Error: not that format.
Result<std::vector<Sample>> read_exposition(std::string_view text);

}  // namespace weir::top
