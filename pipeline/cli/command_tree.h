#pragma once
// The command line as data: what completion scripts and the man page are made from, so that neither
// can say anything but what the program takes.

#include <cstdint>
#include <string>
#include <vector>

namespace weir::cli {

/// What stands behind an option.
enum class ValueKind : std::uint8_t {
  kNone,    // a switch
  kText,    // anything
  kFile,    // a path
  kChoice,  // one of `choices`
  kStart,   // begins with one of `choices` and goes on: a configuration key and "="
};

struct Option {
  std::vector<std::string> names;  // "-c", "--config"; empty: it is found by its place
  std::string value_name;          // "FILE"; empty for a switch
  std::string help;
  ValueKind kind = ValueKind::kNone;
  std::vector<std::string> choices;
  bool required = false;
};

struct Command {
  std::string name;
  std::string about;
  std::string details;  // longer text; may be empty
  std::vector<Option> options;
  std::vector<Command> commands;
};

}  // namespace weir::cli
