#pragma once
// A parsed condition.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace weir::query {

/// A name, or a place in a list.
using PathPart = std::variant<std::string, std::size_t>;
using Path = std::vector<PathPart>;

/// null, truth, number, text.
using Literal = std::variant<std::monostate, bool, double, std::string>;

enum class Operator : std::uint8_t {
  kAnd,
  kOr,
  kNot,
  kExists,
  kTrue,  // the field is true
  kEqual,
  kUnequal,
  kLess,
  kLessOrEqual,
  kMore,
  kMoreOrEqual,
  kContains,
  kIn,
};

/// and, or, not have `inner`; the others a path and what it is held against.
struct Node {
  Operator what = Operator::kTrue;
  Path path;
  std::vector<Literal> values;
  std::vector<std::unique_ptr<Node>> inner;
};

}  // namespace weir::query
