#include "pipeline/telemetry/accept.h"

#include <algorithm>
#include <charconv>

namespace weir::telemetry {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Cuts the part before `separator` off the front.
std::string_view next_part(std::string_view& text, char separator) {
  const auto end = std::min(text.find(separator), text.size());
  const auto part = trimmed(text.substr(0, end));
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

struct Range {
  std::string_view type;
  std::string_view version;
  double quality = 1;
};
Range parse_range(std::string_view text) {
  Range range;
  range.type = next_part(text, ';');
  while (!text.empty()) {
    std::string_view parameter = next_part(text, ';');
    const auto name = next_part(parameter, '=');
    parameter = trimmed(parameter);
    if (name == "version") range.version = parameter;
    if (name == "q") {
      const auto read =
          std::from_chars(parameter.data(), parameter.data() + parameter.size(), range.quality);
      if (read.ec != std::errc{}) range.quality = 0;
    }
  }
  return range;
}

}  // namespace

bool wants_openmetrics(std::string_view accept) {
  double openmetrics = 0;
  double text = 0;
  while (!accept.empty()) {
    const Range range = parse_range(next_part(accept, ','));
    const bool is_ours = range.version.empty() || range.version == "1.0.0";
    if (range.type == "application/openmetrics-text" && is_ours) {
      openmetrics = std::max(openmetrics, range.quality);
    } else if (range.type == "text/plain" || range.type == "text/*") {
      text = std::max(text, range.quality);
    }
  }
  return openmetrics > 0 && openmetrics >= text;
}

}  // namespace weir::telemetry
