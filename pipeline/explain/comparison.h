#pragma once
// What was decided then against what would be decided now from the same record.

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "pipeline/explain/rederive.h"

namespace weir {

struct Comparison {
  struct Difference {
    std::string field;
    nlohmann::json then;
    nlohmann::json now;
  };
  std::vector<Difference> differences;  // none: identical
  std::vector<std::string> causes;      // sentences: what explains them, and what to do
  std::size_t reasons_equal = 0;
  std::size_t reasons = 0;
};

Comparison compare(const nlohmann::json& verdict, const nlohmann::json& features,
                   const RederivedDecision& now);

}  // namespace weir
