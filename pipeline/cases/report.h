#pragma once
// Results of cases as text, as JSON lines, as JUnit.

#include <string>
#include <vector>

#include "pipeline/cases/case_run.h"

namespace weir::cases {

struct Ran {
  std::string file;
  std::string name;
  config::Place place;
  CaseResult result;
  double seconds = 0;
};

std::string as_text(const std::vector<Ran>& cases, bool coloured);
std::string as_json(const std::vector<Ran>& cases);
std::string as_junit(const std::vector<Ran>& cases);

}  // namespace weir::cases
