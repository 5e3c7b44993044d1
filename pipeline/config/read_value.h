#pragma once
// One value from text into its place in Config, with every check the key asks for. Nothing is
// guessed: text that YAML could read as something else must be quoted, and a number in quotes is
// not a number.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "pipeline/config/diagnostic.h"
#include "pipeline/config/keys.h"

namespace weir::config {

/// How a value was written, as far as it says what the value is.
enum class Form : std::uint8_t {
  kPlain,    // as is in YAML: may be text, number or boolean
  kQuoted,   // text and nothing else
  kUntyped,  // from the environment, --set or a file: only the key says what it is
};

struct Value {
  std::string text;
  Form form = Form::kPlain;
  Place place;
};

/// Stores `value` in `config`, or says why not. A list key appends one item. Relative paths start
/// at `base`.
std::optional<Complaint> read_value(const Slot& slot, Config& config, std::string_view name,
                                    const Value& value, const std::filesystem::path& base);

}  // namespace weir::config
