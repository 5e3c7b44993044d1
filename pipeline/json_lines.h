#pragma once
// Lines of a .jsonl or .jsonl.gz file.

#include <functional>
#include <string>
#include <string_view>

#include "pipeline/core/error.h"

namespace weir {

/// Calls `sink` with each line (without its end) and its number from 1; empty lines are skipped.
/// Plain and gzip files alike.
Status read_lines(const std::string& file,
                  const std::function<Status(std::string_view line, std::size_t number)>& sink);

}  // namespace weir
