#pragma once
// What is set where: the file's tree and the --set arguments as one list of known keys with values
// still unread. Unknown keys, sections in the wrong place and keys given twice end here.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/config/diagnostic.h"
#include "pipeline/config/keys.h"
#include "pipeline/config/yaml_tree.h"

namespace weir::config {

inline constexpr std::string_view kSetSource = "--set";

struct Assignment {
  KeyMatch match;
  YamlNode value;          // scalar or list
  std::string source;      // file name or "--set"
  Place place;             // of the key
  bool from_file = false;  // given as <key>_file: the value is a file's name
};

/// By full key, without "_file".
using Assignments = std::map<std::string, Assignment>;

/// Adds what the tree of `source` sets.
void assign_tree(const YamlNode& root, const std::string& source, Assignments& assignments,
                 std::vector<Diagnostic>& diagnostics);

/// Adds "a.b=value"; it replaces what was there.
void assign_override(std::string_view argument, Assignments& assignments,
                     std::vector<Diagnostic>& diagnostics);

}  // namespace weir::config
