#pragma once
// What can stand in a file of cases as JSON Schema (2020-12), for editors that complete and check
// while people type: `weir test --schema`. What it accepts may still be refused by the reader,
// which also knows times, durations and conditions.

#include <string>

namespace weir::cases {

std::string case_schema();

}  // namespace weir::cases
