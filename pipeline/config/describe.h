#pragma once
// A configuration in words: what `weir check` says when all is well, and every key with its value
// and origin.

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "pipeline/config/load.h"

namespace weir::config {

/// What this configuration runs, a few lines: inputs, operators, outputs, delivery, model, state.
std::string describe(const Config& config);

/// The same for programs.
nlohmann::ordered_json described_as_json(const Config& config);

/// Every key with its value as YAML and where it came from as a comment; secrets are masked.
/// Without secrets, loading the result gives the same configuration again.
std::string dump_resolved(const Loaded& loaded);

/// The same as a list of objects: key, value (text as in YAML), from, and file where the value was
/// read from one.
std::string resolved_as_json(const Loaded& loaded);

/// Every key with type, limits, default and effect: `weir check --keys`.
std::string list_keys();

/// The same as a list of objects: key, type, required, default (null: there is none) and effect.
std::string keys_as_json();

}  // namespace weir::config
