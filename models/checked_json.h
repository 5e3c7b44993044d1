#pragma once
// A JSON value that knows where it stands, for files whose every surprise is a refusal.
// The checks throw Refusal, which never leaves the parser that uses them: parse_manifest() and
// parse_golden() turn it into an Error.

#include <cstddef>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace weir {

/// "file: place in it, what is wrong".
class Refusal : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Parses one document. Refuses broken JSON, repeated keys and anything after the end, naming
/// `where`.
nlohmann::json parse_json(std::string_view bytes, const std::string& where);

/// A view: the document must outlive it.
class CheckedJson {
 public:
  /// `file` and `path` ("inputs.features[3].name", empty for the whole document) go into the
  /// refusals.
  CheckedJson(const nlohmann::json& value, std::string file, std::string path = "");

  [[nodiscard]] bool has(const std::string& key) const;
  [[nodiscard]] CheckedJson at(const std::string& key) const;
  /// Of an object, in alphabetical order.
  [[nodiscard]] std::vector<std::string> keys() const;
  /// Length of a list of at most `max` items.
  [[nodiscard]] std::size_t list(std::size_t max) const;
  [[nodiscard]] CheckedJson item(std::size_t index) const;

  /// A string of 1 to 200 printable ASCII characters.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] double finite() const;
  [[nodiscard]] bool is_null() const;
  [[nodiscard]] std::size_t count(std::size_t min, std::size_t max) const;

  [[noreturn]] void refuse(const std::string& what) const;

 private:
  const nlohmann::json* value_;
  std::string file_;
  std::string path_;
};

}  // namespace weir
