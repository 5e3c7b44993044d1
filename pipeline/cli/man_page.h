#pragma once
// The man page, as man(7) macros.

#include <string>
#include <string_view>

#include "pipeline/cli/command_tree.h"

namespace weir::cli {

std::string man_page(const Command& program, std::string_view version);

}  // namespace weir::cli
