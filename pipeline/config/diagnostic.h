#pragma once
// One finding about a configuration: where, what is wrong, what to do. Never carries the value of a
// secret.

#include <compare>
#include <cstdint>
#include <string>
#include <variant>

namespace weir::config {

/// A place in a source, counted from 1 as editors do. Line 0: the source as a whole.
struct Place {
  int line = 0;
  int column = 0;
  friend auto operator<=>(const Place&, const Place&) = default;
};

/// A finding that does not know its place yet: why a text is not a value, and what to write
/// instead.
struct Complaint {
  std::string what;
  std::string remedy;
};
template <class T>
using Reading = std::variant<T, Complaint>;

enum class Severity : std::uint8_t { kError, kWarning };

struct Diagnostic {
  std::string source;  // file name as given, or "--set"
  Place place;
  std::string what;
  std::string remedy;
  Severity severity = Severity::kError;
};

/// "weir.yaml:14:5: unknown key 'brokrs'; did you mean 'brokers'?", warnings with "warning: "
/// before the text.
std::string to_string(const Diagnostic& diagnostic);

}  // namespace weir::config
