#pragma once
// A YAML document as a tree with the place of every key and value, and with what yaml-cpp itself
// lets pass refused: duplicate keys (it keeps the first in silence), anchors, aliases, tags,
// several documents, a quote never closed.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/config/diagnostic.h"

namespace weir::config {

struct YamlEntry;

struct YamlNode {
  enum class Kind : std::uint8_t {
    kNull,
    kScalar,
    kList,
    kMap,
    kUnusable,  // already complained about
  };
  Kind kind = Kind::kNull;
  Place place;
  std::string text;     // scalar
  bool quoted = false;  // scalar: quoted or block, so text and nothing else
  std::vector<YamlNode> items;
  std::vector<YamlEntry> entries;  // in file order, no key twice
};

struct YamlEntry {
  std::string key;
  Place place;
  YamlNode value;
};

struct YamlDocument {
  YamlNode root;
  bool complete =
      true;  // false: reading stopped at a syntax error, the tree holds what came before
};

/// Reads `text`; findings go to `diagnostics` under the name `source`.
YamlDocument read_yaml(std::string_view text, const std::string& source,
                       std::vector<Diagnostic>& diagnostics);

}  // namespace weir::config
