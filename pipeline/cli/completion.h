#pragma once
// Completion scripts: sub-commands, options, and what may stand behind them.

#include <array>
#include <string>
#include <string_view>

#include "pipeline/cli/command_tree.h"

namespace weir::cli {

inline constexpr std::array<std::string_view, 3> kShells = {"bash", "zsh", "fish"};

/// `shell` is one of kShells.
std::string completion(const Command& program, std::string_view shell);

}  // namespace weir::cli
