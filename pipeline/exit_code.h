#pragma once
// From an Error at the top of a command to its exit code, and the same start for every command: the
// configuration.

#include <optional>
#include <string_view>

#include "pipeline/commands.h"
#include "pipeline/config/load.h"
#include "pipeline/core/error.h"

namespace weir {

/// What to do when nothing better is known of a broker or a topic.
inline constexpr std::string_view kAskBroker =
    "`weir check` with the same --config asks the broker";

/// An error ends with the next step, behind a semicolon: "what is wrong, and where; what to do".
/// `next` is added where the message does not say one.
Error with_next_step(Error error, std::string_view next);

/// Prints "weir: <message>" to stderr and says how to exit. `fatal_code`: what a kFatal means in
/// this command. `next`: as above.
int report(const Error& error, int fatal_code, std::string_view next = {});

/// --json and data both asked for standard output: says so, and `instead` of "-" what to name.
int both_on_stdout(std::string_view instead);

/// Loads the configuration, prints every finding to stderr; nullopt when there is an error among
/// them. Sets up logging.
std::optional<config::Loaded> load_or_complain(const ConfigSource& source);

}  // namespace weir
