#include "pipeline/config/schema.h"

#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "pipeline/config/features.h"
#include "pipeline/config/keys.h"

namespace weir::config {
namespace {

using Json = nlohmann::ordered_json;

/// A value from the environment may be anything until it is looked up.
Json or_variable(Json schema) {
  return {{"anyOf", {std::move(schema), {{"type", "string"}, {"pattern", R"(\$\{)"}}}}};
}

Json quantity(std::string_view units) {
  return or_variable({{"type", "string"}, {"pattern", fmt::format("^[0-9]+({})$", units)}});
}

struct TypeSchema {
  Json operator()(const DurationKey&) const { return quantity("ms|s|m|h|d"); }
  Json operator()(const BytesKey&) const { return quantity("B|KiB|MiB|GiB"); }
  Json operator()(const CountKey& k) const {
    return or_variable({{"type", "integer"}, {"minimum", k.min}, {"maximum", k.max}});
  }
  Json operator()(const NumberKey& k) const {
    return or_variable({{"type", "number"}, {"minimum", k.min}, {"maximum", k.max}});
  }
  Json operator()(const SwitchKey&) const { return or_variable({{"type", "boolean"}}); }
  Json operator()(const TextKey&) const { return {{"type", "string"}}; }
  Json operator()(const PathKey&) const { return {{"type", "string"}}; }
  Json operator()(const TextListKey& k) const {
    const Json one = {{"type", "string"}};
    const Json list = or_variable({{"type", "array"}, {"items", one}});
    if (k.accepts != nullptr) return list;
    return {{"anyOf", {list, one}}};  // any text will do: it may stand alone
  }
  Json operator()(const ChoiceKey& k) const {
    return or_variable({{"enum", std::vector(k.options.begin(), k.options.end())}});
  }
};

bool has_star(std::string_view path) {
  return path.find('*') != path.npos;
}

Json leaf(const Key& key, Config& defaults) {
  Json schema = std::visit(TypeSchema{}, key.slot);
  std::string text = fmt::format("{} ({}", key.effect, type_of(key.slot));
  if (!has_star(key.path) && !key.required) {
    text += fmt::format("; default {}", value_of(key.slot, defaults, {}));
  }
  schema["description"] = text + ")";
  return schema;
}

Json reference(std::string_view path) {
  return {{"$ref", fmt::format("#/$defs/{}", path)}};
}

/// "decide.costs_by_currency.*.review" as a pattern of the names it stands for. A `*` at the end of
/// a key takes dots too, that of a section does not.
std::string pattern_of(std::string_view path, bool is_key) {
  std::string pattern = "^";
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '*') {
      pattern += is_key && i + 1 == path.size() ? ".+" : "[^.]+";
    } else {
      pattern += path[i] == '.' ? std::string("\\.") : std::string(1, path[i]);
    }
  }
  return pattern + "$";
}

/// The keys below `prefix` ("" or one that ends with a dot). Nesting and dots mean the same, so
/// each section knows its keys by their dotted names too.
Json section(const std::string& prefix) {
  Json properties = Json::object();
  Json patterns = Json::object();
  const auto add = [&](std::string_view name, Json schema, bool is_key = false) {
    Json& place =
        has_star(name) ? patterns[pattern_of(name, is_key)] : properties[std::string(name)];
    if (place.is_null()) place = std::move(schema);
  };
  for (const Key& key : all_keys()) {
    if (!key.path.starts_with(prefix)) continue;
    const std::string_view name = key.path.substr(prefix.size());
    for (auto dot = name.find('.'); dot != name.npos; dot = name.find('.', dot + 1)) {
      const std::string_view above = name.substr(0, dot);
      const std::string path = prefix + std::string(above) + ".";
      if (path == "features.*.") continue;
      if (path == "features.") {
        add(above,
            {{"type", "array"}, {"maxItems", kFeaturesMax}, {"items", section("features.*.")}});
      } else if (properties.find(std::string(above)) == properties.end()) {
        add(above, section(path));
      }
    }
    if (prefix.empty() && name.starts_with("features.")) continue;
    add(name, reference(key.path), true);
    if (std::holds_alternative<TextKey>(key.slot) && !has_star(name)) {
      add(std::string(name) + std::string(kFileSuffix),
          {{"type", "string"}, {"description", fmt::format("File that holds {}.", key.path)}});
    }
  }
  Json schema = {{"type", "object"}, {"properties", std::move(properties)}};
  if (!patterns.empty()) schema["patternProperties"] = std::move(patterns);
  schema["additionalProperties"] = false;
  return schema;
}

}  // namespace

std::string json_schema() {
  Config defaults;
  Json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                 {"title", "Weir"},
                 {"description", "Configuration of weir; `weir check` says what a schema cannot."}};
  schema.update(section(""));
  Json& definitions = schema["$defs"];
  for (const Key& key : all_keys()) definitions[std::string(key.path)] = leaf(key, defaults);
  return schema.dump(1) + "\n";
}

}  // namespace weir::config
