#pragma once
// The table of keys as JSON Schema (2020-12), for editors that complete and check while people
// type. What it accepts may still be refused by load.h: it knows no files, no variables, and of an
// entry of `features` not which keys go together.

#include <string>

namespace weir::config {

std::string json_schema();

}  // namespace weir::config
