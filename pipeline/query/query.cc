#include "pipeline/query/query.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "pipeline/query/node.h"
#include "pipeline/query/parser.h"

namespace weir::query {
namespace {

using Json = nlohmann::json;

/// Null: there is no such field.
const Json* find(const Json& record, const Path& path) {
  const Json* here = &record;
  for (const PathPart& part : path) {
    if (const auto* name = std::get_if<std::string>(&part)) {
      if (!here->is_object()) return nullptr;
      const auto found = here->find(*name);
      if (found == here->end()) return nullptr;
      here = &*found;
    } else {
      const auto place = std::get<std::size_t>(part);
      if (!here->is_array() || place >= here->size()) return nullptr;
      here = &(*here)[place];
    }
  }
  return here->is_null() ? nullptr : here;
}

bool equals(const Json& field, const Literal& value) {
  if (const auto* truth = std::get_if<bool>(&value)) {
    return field.is_boolean() && field.get<bool>() == *truth;
  }
  if (const auto* number = std::get_if<double>(&value)) {
    return field.is_number() && field.get<double>() == *number;
  }
  const auto* text = std::get_if<std::string>(&value);
  return text != nullptr && field.is_string() && field.get_ref<const std::string&>() == *text;
}

template <class T>
bool in_order(Operator what, const T& left, const T& right) {
  switch (what) {
    case Operator::kLess:
      return left < right;
    case Operator::kLessOrEqual:
      return left <= right;
    case Operator::kMore:
      return left > right;
    default:
      return left >= right;
  }
}

bool ordered(Operator what, const Json& field, const Literal& value) {
  if (const auto* number = std::get_if<double>(&value)) {
    return field.is_number() && in_order(what, field.get<double>(), *number);
  }
  const auto* text = std::get_if<std::string>(&value);
  return text != nullptr && field.is_string() &&
         in_order(what, field.get_ref<const std::string&>(), *text);
}

bool contains(const Json& field, const Literal& value) {
  if (field.is_array()) {
    return std::ranges::any_of(field, [&](const Json& element) { return equals(element, value); });
  }
  const auto* text = std::get_if<std::string>(&value);
  return text != nullptr && field.is_string() &&
         field.get_ref<const std::string&>().find(*text) != std::string::npos;
}

bool compares(const Node& node, const Json* field) {
  const bool with_null = node.values.front().index() == 0;
  if (with_null) return (field == nullptr) == (node.what == Operator::kEqual);
  if (field == nullptr) return false;
  switch (node.what) {
    case Operator::kEqual:
      return equals(*field, node.values.front());
    case Operator::kUnequal:
      return !equals(*field, node.values.front());
    case Operator::kContains:
      return contains(*field, node.values.front());
    default:
      return ordered(node.what, *field, node.values.front());
  }
}

bool holds(const Node& node, const Json& record) {
  const auto of_inner = [&](const auto& inner) { return holds(*inner, record); };
  switch (node.what) {
    case Operator::kAnd:
      return std::ranges::all_of(node.inner, of_inner);
    case Operator::kOr:
      return std::ranges::any_of(node.inner, of_inner);
    case Operator::kNot:
      return !holds(*node.inner.front(), record);
    default:
      break;
  }
  const Json* field = find(record, node.path);
  switch (node.what) {
    case Operator::kExists:
      return field != nullptr;
    case Operator::kTrue:
      return field != nullptr && field->is_boolean() && field->get<bool>();
    case Operator::kIn:
      return std::ranges::any_of(node.values, [&](const Literal& value) {
        return field == nullptr ? value.index() == 0 : equals(*field, value);
      });
    default:
      return compares(node, field);
  }
}

}  // namespace

Query::Query(std::unique_ptr<Node> root) : root_(std::move(root)) {}
Query::~Query() = default;
Query::Query(Query&&) noexcept = default;
Query& Query::operator=(Query&&) noexcept = default;

Result<Query> Query::parse(std::string_view text, const FieldCatalogue& fields) {
  if (text.size() > kTextBytesMax) {
    return fatal(fmt::format("the condition has {} bytes; at most {}", text.size(), kTextBytesMax));
  }
  Parser parser(text, fields);
  if (auto root = parser.parse()) return Query(std::move(root));
  const auto& mistake = parser.mistake();
  const std::size_t width = std::max<std::size_t>(mistake.end, mistake.begin + 1) - mistake.begin;
  std::string line(text);
  std::ranges::replace(line, '\n', ' ');
  std::ranges::replace(line, '\t', ' ');
  return fatal(fmt::format("column {}: {}\n  {}\n  {:>{}}{:~<{}}", mistake.begin + 1, mistake.what,
                           line, "", mistake.begin, "^", width));
}

bool Query::matches(const Json& record) const {
  return holds(*root_, record);
}

}  // namespace weir::query
