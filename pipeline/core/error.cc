#include "pipeline/core/error.h"

#include <cstdio>
#include <cstdlib>

#include <fmt/core.h>

namespace weir {

void check_failed(std::string_view condition, std::string_view file, int line) {
  fmt::print(stderr,
             "weir: broken invariant, stopping before anything is committed: {} at {}:{}; please "
             "report it\n",
             condition, file, line);
  std::fflush(stderr);
  std::abort();
}

}  // namespace weir
