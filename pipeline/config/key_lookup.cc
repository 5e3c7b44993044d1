#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/format.h>

#include "pipeline/config/keys.h"
#include "pipeline/config/units.h"

namespace weir::config {
namespace {

constexpr std::string_view kPropertiesPrefix = "kafka.properties.";

/// What `*` stands for when `path` fits `pattern`; a `*` at the end takes everything, dots too.
std::optional<std::string_view> match(std::string_view pattern, std::string_view path) {
  const auto star = pattern.find('*');
  if (star == std::string_view::npos)
    return pattern == path ? std::optional<std::string_view>("") : std::nullopt;
  const std::string_view before = pattern.substr(0, star);
  const std::string_view after = pattern.substr(star + 1);
  if (path.size() <= before.size() + after.size() || !path.starts_with(before) ||
      !path.ends_with(after)) {
    return std::nullopt;
  }
  const std::string_view name =
      path.substr(before.size(), path.size() - before.size() - after.size());
  if (!after.empty() && name.find('.') != std::string_view::npos) return std::nullopt;
  return name;
}

/// The next word of `path` and what follows it.
std::pair<std::string_view, std::string_view> split_word(std::string_view path) {
  const auto dot = path.find('.');
  if (dot == std::string_view::npos) return {path, {}};
  return {path.substr(0, dot), path.substr(dot + 1)};
}

/// True when `section` is a proper prefix of `pattern`, word by word; a `*` fits any word, at the
/// end any words.
bool leads_to(std::string_view section, std::string_view pattern) {
  while (!section.empty()) {
    const auto [word, rest] = split_word(section);
    const auto [pattern_word, pattern_rest] = split_word(pattern);
    if (pattern_word == "*" && pattern_rest.empty()) return true;
    if (pattern_rest.empty() || (pattern_word != "*" && pattern_word != word)) return false;
    section = rest;
    pattern = pattern_rest;
  }
  return true;
}

struct TypeName {
  std::string operator()(const DurationKey& k) const {
    return fmt::format("duration, {} to {}", format_duration(k.min), format_duration(k.max));
  }
  std::string operator()(const BytesKey& k) const {
    return fmt::format("size, {} to {}", format_bytes(k.min), format_bytes(k.max));
  }
  std::string operator()(const CountKey& k) const {
    return fmt::format("whole number, {} to {}", k.min, k.max);
  }
  std::string operator()(const NumberKey& k) const {
    return fmt::format("number, {} to {}", k.min, k.max);
  }
  std::string operator()(const SwitchKey&) const { return "true or false"; }
  std::string operator()(const TextKey& k) const { return std::string(k.form); }
  std::string operator()(const TextListKey& k) const { return fmt::format("list of {}", k.form); }
  std::string operator()(const PathKey&) const { return "path"; }
  std::string operator()(const ChoiceKey& k) const {
    return fmt::format("one of {}", fmt::join(k.options.begin(), k.options.end(), ", "));
  }
};

struct ValueText {
  Config& config;
  std::string_view name;
  std::string operator()(const DurationKey& k) const {
    return format_duration(k.field(config, name));
  }
  std::string operator()(const BytesKey& k) const { return format_bytes(k.field(config, name)); }
  std::string operator()(const CountKey& k) const {
    return fmt::format("{}", k.field(config, name));
  }
  std::string operator()(const NumberKey& k) const {
    return fmt::format("{}", k.field(config, name));
  }
  std::string operator()(const SwitchKey& k) const {
    return k.field(config, name) ? "true" : "false";
  }
  std::string operator()(const TextKey& k) const { return quote(k.field(config, name)); }
  std::string operator()(const PathKey& k) const { return quote(k.field(config, name).native()); }
  std::string operator()(const ChoiceKey& k) const {
    return std::string(k.options[k.get(config, name)]);
  }
  std::string operator()(const TextListKey& k) const {
    std::string text;
    for (const std::string& item : k.field(config, name))
      text += (text.empty() ? "" : ", ") + quote(item);
    return "[" + text + "]";
  }
};

}  // namespace

std::optional<KeyMatch> find_key(std::string_view path) {
  for (const Key& key : all_keys()) {
    if (const auto name = match(key.path, path)) return KeyMatch{&key, std::string(*name)};
  }
  return std::nullopt;
}

bool is_section(std::string_view path) {
  const auto keys = all_keys();
  return std::any_of(keys.begin(), keys.end(),
                     [&](const Key& key) { return leads_to(path, key.path); });
}

std::vector<std::string> words_below(std::string_view section) {
  std::vector<std::string> words;
  for (const Key& key : all_keys()) {
    std::string_view rest = key.path;
    if (!leads_to(section, rest)) continue;
    for (std::string_view above = section; !above.empty(); above = split_word(above).second) {
      rest = split_word(rest).second;
    }
    const std::string word(split_word(rest).first);
    if (word.empty() || word == "*") continue;
    if (std::find(words.begin(), words.end(), word) == words.end()) words.push_back(word);
  }
  return words;
}

bool is_secret(std::string_view path) {
  if (path == "registry.password" || path == "registry.bearer_token") return true;
  if (!path.starts_with(kPropertiesPrefix)) return false;
  std::string property(path.substr(kPropertiesPrefix.size()));
  std::transform(property.begin(), property.end(), property.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  constexpr std::array<std::string_view, 8> kSecretWords = {
      "password",           "secret", "key.pem", "ssl_key", "token", "credential",
      "oauthbearer.config", "jaas"};
  return std::any_of(kSecretWords.begin(), kSecretWords.end(), [&](std::string_view word) {
    return property.find(word) != std::string::npos && !property.ends_with(".url");
  });
}

std::string type_of(const Slot& slot) {
  return std::visit(TypeName{}, slot);
}

std::string value_of(const Slot& slot, Config& config, std::string_view name) {
  return std::visit(ValueText{config, name}, slot);
}

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += text[i];
    } else if (c == '$' && text.substr(i).starts_with("${")) {
      out += "$$";  // stays a plain ${ when it is read back
    } else if (c < 0x20 || c == 0x7F) {
      out += fmt::format("\\x{:02x}", c);
    } else {
      out += text[i];
    }
  }
  return out + "\"";
}

}  // namespace weir::config
