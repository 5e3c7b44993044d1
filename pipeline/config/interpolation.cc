#include "pipeline/config/interpolation.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

namespace weir::config {
namespace {

bool is_variable_name(std::string_view name) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return !name.empty() && letter(name.front()) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || digit(c); });
}

/// `inside` is what stands between the braces.
Reading<std::string> replace(std::string_view inside, const Environment& environment) {
  const auto colon = inside.find(':');
  const std::string_view name = inside.substr(0, colon);
  if (!is_variable_name(name)) {
    // What stands there is not repeated: it may be part of a password.
    return Complaint{"'${...}' does not name an environment variable",
                     "write ${NAME} or ${NAME:default}; for the characters themselves write $${"};
  }
  if (colon != std::string_view::npos && inside.find("${", colon) != std::string_view::npos) {
    return Complaint{fmt::format("the default of '${{{}}}' holds another variable", name),
                     "write the default out"};
  }
  if (auto value = environment(name)) return std::move(*value);
  if (colon != std::string_view::npos) return std::string(inside.substr(colon + 1));
  return Complaint{fmt::format("environment variable {} is not set", name),
                   fmt::format("set it, or give a default: ${{{}:value}}", name)};
}

}  // namespace

Environment process_environment() {
  return [](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string(name).c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
}

Reading<Interpolated> interpolate(std::string_view text, const Environment& environment) {
  Interpolated result;
  while (!text.empty()) {
    const auto start = text.find("${");
    if (start == std::string_view::npos) break;
    const bool escaped = start > 0 && text[start - 1] == '$';
    result.text += text.substr(0, escaped ? start - 1 : start);
    text.remove_prefix(start + 2);
    if (escaped) {
      result.text += "${";
      continue;
    }
    const auto end = text.find('}');
    if (end == std::string_view::npos) {
      return Complaint{"'${' is never closed",
                       "add the '}', or write $${ for the characters themselves"};
    }
    auto value = replace(text.substr(0, end), environment);
    if (auto* complaint = std::get_if<Complaint>(&value)) return std::move(*complaint);
    result.text += std::get<std::string>(value);
    result.replaced = true;
    text.remove_prefix(end + 1);
  }
  result.text += text;
  return result;
}

}  // namespace weir::config
