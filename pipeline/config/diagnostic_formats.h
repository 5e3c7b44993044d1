#pragma once
// Findings for programs: `weir check --format`.

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/config/diagnostic.h"
#include "pipeline/config/load.h"

namespace weir::config {

inline constexpr std::array<std::string_view, 3> kFindingFormats = {"text", "json", "sarif"};

/// One object: ok, every finding with source, line, column, severity, what and remedy, and where
/// all is well what the configuration runs. Line and column are absent where a finding is of the
/// source as a whole.
std::string findings_as_json(const Loaded& loaded);

/// SARIF 2.1.0, which code hosts show beside the lines. Sources that are no files (--set) have no
/// place there.
std::string findings_as_sarif(const std::vector<Diagnostic>& findings, std::string_view version);

}  // namespace weir::config
