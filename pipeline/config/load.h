#pragma once
// From a YAML file, the environment and the command line to a Config, strictly: what is not
// understood is an error, nothing is guessed, and all errors come at once, each with its place and
// what to do about it.
//
// Sources, the later wins: defaults (config.h), the file, --set. In every value of the file ${VAR}
// and ${VAR:default} are replaced from the environment ($${ stands for a plain ${); any text key
// may be given as <key>_file, the name of a file that holds the value. Nesting and dots mean the
// same: `commit: {interval: 20ms}` is `commit.interval: 20ms`. Relative paths are relative to the
// directory of the file they are written in; those of --set to the working directory.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/config/config.h"
#include "pipeline/config/diagnostic.h"

namespace weir::config {

/// Where a value came from, for `weir explain-config` and for messages.
struct Origin {
  std::string text = "default";  // "weir.yaml:12:13", "--set", "default"
  std::string secret_file;       // not empty: the value was read from this file
  bool secret = false;           // never print the value
};

struct Loaded {
  Config config;                          // usable only when ok()
  std::vector<Diagnostic> diagnostics;    // in order of place
  std::map<std::string, Origin> origins;  // by full key; keys that kept their default are absent
  [[nodiscard]] bool ok() const;
};

/// Looks a variable up; nullopt when it is not set. Empty is a value.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;
Environment process_environment();

/// `file` is shown in messages as given. `overrides` are the arguments of --set, "a.b=value" each.
Loaded load_config(const std::string& file, const std::vector<std::string>& overrides = {},
                   const Environment& environment = process_environment());

/// The same for a text already in memory; `name` is shown in messages and gives relative paths
/// their directory.
Loaded parse_config(std::string_view yaml, const std::string& name,
                    const std::vector<std::string>& overrides = {},
                    const Environment& environment = process_environment());

}  // namespace weir::config
