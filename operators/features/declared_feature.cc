#include "operators/features/declared_feature.h"

#include <utility>

#include <fmt/format.h>

namespace weir::operators {
namespace {

constexpr std::string_view kFilterStart = " filter=(";

std::string duration_text(std::int64_t ms) {
  constexpr std::pair<std::int64_t, std::string_view> kUnits[] = {
      {86'400'000, "d"}, {3'600'000, "h"}, {60'000, "m"}, {1'000, "s"}};
  for (const auto& [unit, name] : kUnits) {
    if (ms % unit == 0) return fmt::format("{}{}", ms / unit, name);
  }
  return fmt::format("{}ms", ms);
}

void append_default(std::string& text, const std::optional<double>& value) {
  if (value) text += fmt::format(" default={}", *value);
}

/// The first word; `text` begins behind it then.
std::string_view take_word(std::string_view& text) {
  const auto end = text.find(' ');
  const std::string_view word = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return word;
}

/// As a double-quoted YAML scalar.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

}  // namespace

std::string definition_text(const DeclaredFeature& feature) {
  if (const auto* own = std::get_if<PaymentFeature>(&feature.source)) {
    std::string text = "payment value ";
    text += kPaymentFieldNames[static_cast<std::size_t>(own->field)];
    append_default(text, own->default_value);
    return text;
  }
  const auto& over = std::get<state::FeatureDeclaration>(feature.source);
  std::string text(state::kEntityKindNames[static_cast<std::size_t>(over.entity)]);
  text += ' ';
  text += state::kFunctionNames[static_cast<std::size_t>(over.function)];
  if (over.field != state::Field::kNone) {
    text += ' ';
    text += state::kFieldNames[static_cast<std::size_t>(over.field)];
  }
  if (over.window_ms > 0) text += " window=" + duration_text(over.window_ms);
  if (over.delay_ms > 0) text += " delay=" + duration_text(over.delay_ms);
  if (over.rows > 0) text += fmt::format(" rows={}", over.rows);
  if (!feature.filter.empty()) text += std::string(kFilterStart) + feature.filter + ')';
  append_default(text, over.default_value);
  return text;
}

std::string yaml_entry(std::string_view name, std::string_view definition) {
  // The filter may hold anything, and only the default stands behind it.
  std::string filter;
  std::string rest(definition);
  const auto start = rest.find(kFilterStart);
  const auto end = rest.rfind(')');
  if (start != std::string::npos && end != std::string::npos && end > start) {
    filter = rest.substr(start + kFilterStart.size(), end - start - kFilterStart.size());
    rest.erase(start, end + 1 - start);
  }
  std::string_view words = rest;
  std::string entry = fmt::format("{{name: {}, entity: {}", name, take_word(words));
  entry += fmt::format(", function: {}", take_word(words));
  std::string last;  // behind the filter
  while (!words.empty()) {
    const std::string_view word = take_word(words);
    const auto equals = word.find('=');
    if (equals == std::string_view::npos) {
      entry += fmt::format(", field: {}", word);
      continue;
    }
    const std::string_view key = word.substr(0, equals);
    const std::string item = fmt::format(", {}: {}", key, word.substr(equals + 1));
    (key == "default" ? last : entry) += item;
  }
  if (!filter.empty()) entry += ", filter: " + quoted(filter);
  return entry + last + '}';
}

}  // namespace weir::operators
