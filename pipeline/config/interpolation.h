#pragma once
// ${VAR} and ${VAR:default} in a value. Runs after parsing, so a variable can never change the
// structure of the file.

#include <string>
#include <string_view>

#include "pipeline/config/diagnostic.h"
#include "pipeline/config/load.h"

namespace weir::config {

struct Interpolated {
  std::string text;
  bool replaced = false;  // at least one variable or default was put in
};

/// `$${` gives a plain `${`. A variable that is not set and has no default is a complaint, as is a
/// brace left open. Defaults end at the first `}` and are taken as they are.
Reading<Interpolated> interpolate(std::string_view text, const Environment& environment);

}  // namespace weir::config
