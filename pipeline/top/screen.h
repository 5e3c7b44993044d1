#pragma once
// Figures as a page for a terminal, and as JSON for scripts.

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "pipeline/top/figures.h"

namespace weir::top {

struct InstanceFigures {
  std::string url;
  std::string failure;  // why it cannot be looked at now; empty: `figures` are there
  Figures figures;
};

/// `all`: of all instances together.
std::string page(const std::vector<InstanceFigures>& instances, const Figures& all, bool coloured);
nlohmann::ordered_json to_json(const std::vector<InstanceFigures>& instances, const Figures& all);

}  // namespace weir::top
