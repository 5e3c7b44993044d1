#pragma once
// `weir init`: a configuration to begin with.

#include <string>

namespace weir::config {

/// The keys that people set first, each with its effect as a comment, as YAML that loads. What is
/// said of a key is the table's (keys.h), so it cannot be out of date.
std::string starter();

}  // namespace weir::config
