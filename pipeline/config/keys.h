#pragma once
// The table of every key Weir knows. One row drives everything that has to do with a key: how its
// value is read and checked, where it goes in Config, what `weir check` says about it, and the dump
// of resolved values.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "pipeline/config/config.h"

namespace weir::config {

/// Finds the field of a key. `name` is what the `*` of the key's path stands for, empty without
/// one.
template <class T>
using Field = T& (*)(Config&, std::string_view name);

struct DurationKey {
  Field<std::chrono::milliseconds> field;
  std::chrono::milliseconds min, max;
};
struct BytesKey {
  Field<std::uint64_t> field;
  std::uint64_t min, max;
};
struct CountKey {
  Field<std::uint64_t> field;
  std::uint64_t min, max;
};
struct NumberKey {
  Field<double> field;
  double min, max;
};
struct SwitchKey {
  Field<bool> field;
};
/// A check of a text: nullptr accepts everything. On refusal `form` says what would be accepted.
using Accepts = bool (*)(std::string_view text);
struct TextKey {
  Field<std::string> field;
  Accepts accepts;
  std::string_view form;
};
struct TextListKey {
  Field<std::vector<std::string>> field;
  Accepts accepts;  // of each item
  std::string_view form;
};
struct PathKey {
  Field<std::filesystem::path> field;
};
struct ChoiceKey {
  std::span<const std::string_view> options;
  std::size_t (*get)(const Config&, std::string_view name);  // index into options
  void (*set)(Config&, std::string_view name, std::size_t);
};
using Slot = std::variant<DurationKey, BytesKey, CountKey, NumberKey, SwitchKey, TextKey,
                          TextListKey, PathKey, ChoiceKey>;

struct Key {
  /// "commit.interval"; a `*` stands for a name the user chooses, or for the index of a list's
  /// entry.
  std::string_view path;
  Slot slot;
  std::string_view effect;  // what it does, and what more of it costs
  bool required = false;
};

std::span<const Key> all_keys();

/// The key a full path belongs to, and what its `*` stands for.
struct KeyMatch {
  const Key* key;
  std::string name;
};
std::optional<KeyMatch> find_key(std::string_view path);
/// True when keys lie below this path: it is a section.
bool is_section(std::string_view path);
/// The words that may stand directly below a section ("" is the top), without those of a `*`.
std::vector<std::string> words_below(std::string_view section);

/// A text key may be given as <key>_file.
inline constexpr std::string_view kFileSuffix = "_file";

/// Never shown: passwords and private keys under kafka.properties.
bool is_secret(std::string_view path);
/// Why a librdkafka property is not the user's to set, and which key to use instead; nullopt when
/// it is.
std::optional<std::string_view> refuse_kafka_property(std::string_view property);

/// "duration, 1ms to 10s", "one of exactly_once, at_least_once", ...
std::string type_of(const Slot& slot);
/// The value as it would stand in a YAML file.
std::string value_of(const Slot& slot, Config& config, std::string_view name);
/// Text as a double-quoted YAML scalar that loads back to the same text.
std::string quote(std::string_view text);

}  // namespace weir::config
