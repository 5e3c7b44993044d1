#include "models/checked_json.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace weir {

using nlohmann::json;

json parse_json(std::string_view bytes, const std::string& file) {
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  const auto check = [&](int, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::object_start) keys.emplace_back();
    if (event == json::parse_event_t::object_end) keys.pop_back();
    if (event == json::parse_event_t::key) {
      if (!keys.back().insert(parsed.get<std::string>()).second) {
        throw Refusal(file + ": the same key twice: " + parsed.get<std::string>());
      }
    }
    return true;
  };
  try {
    return json::parse(bytes.begin(), bytes.end(), check);
  } catch (const json::exception& error) {
    throw Refusal(file + ": not valid JSON: " + error.what());
  }
}

CheckedJson::CheckedJson(const json& value, std::string file, std::string path)
    : value_(&value), file_(std::move(file)), path_(std::move(path)) {}

bool CheckedJson::has(const std::string& key) const {
  return value_->is_object() && value_->contains(key);
}

CheckedJson CheckedJson::at(const std::string& key) const {
  if (!value_->is_object()) refuse("must be an object");
  const auto found = value_->find(key);
  if (found == value_->end()) refuse("lacks the key \"" + key + "\"");
  return {*found, file_, path_.empty() ? key : path_ + "." + key};
}

std::vector<std::string> CheckedJson::keys() const {
  if (!value_->is_object()) refuse("must be an object");
  std::vector<std::string> keys;
  for (const auto& [key, value] : value_->items()) keys.push_back(key);
  return keys;
}

std::size_t CheckedJson::list(std::size_t max) const {
  if (!value_->is_array()) refuse("must be a list");
  if (value_->size() > max) refuse("has more than " + std::to_string(max) + " items");
  return value_->size();
}

CheckedJson CheckedJson::item(std::size_t index) const {
  return {(*value_)[index], file_, path_ + "[" + std::to_string(index) + "]"};
}

std::string CheckedJson::text() const {
  if (!value_->is_string()) refuse("must be a string");
  std::string text = value_->get<std::string>();
  const bool printable =
      std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (text.empty() || text.size() > 200 || !printable) {
    refuse("must be 1 to 200 printable ASCII characters");
  }
  return text;
}

double CheckedJson::finite() const {
  if (!value_->is_number()) refuse("must be a number");
  const auto number = value_->get<double>();
  if (!std::isfinite(number)) refuse("must be finite");
  return number;
}

bool CheckedJson::is_null() const {
  return value_->is_null();
}

std::size_t CheckedJson::count(std::size_t min, std::size_t max) const {
  const bool fits = value_->is_number_unsigned() && value_->get<std::size_t>() >= min &&
                    value_->get<std::size_t>() <= max;
  if (!fits) {
    refuse("must be a whole number from " + std::to_string(min) + " to " + std::to_string(max) +
           ", not " + value_->dump().substr(0, 40));
  }
  return value_->get<std::size_t>();
}

void CheckedJson::refuse(const std::string& what) const {
  throw Refusal(file_ + ": " + (path_.empty() ? "" : path_ + " ") + what);
}

}  // namespace weir
