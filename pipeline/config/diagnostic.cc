#include "pipeline/config/diagnostic.h"

#include <fmt/format.h>

namespace weir::config {

std::string to_string(const Diagnostic& d) {
  std::string text = d.source;
  if (d.place.line > 0) text += fmt::format(":{}:{}", d.place.line, d.place.column);
  text += d.severity == Severity::kWarning ? ": warning: " : ": ";
  text += d.what;
  if (!d.remedy.empty()) text += "; " + d.remedy;
  return text;
}

}  // namespace weir::config
