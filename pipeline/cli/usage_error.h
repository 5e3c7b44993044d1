#pragma once
// A command line that cannot be read, in words: where (which command, which option), what is wrong,
// and what to write instead. CLI11 says the first two, of known commands only.

#include <string>

#include <CLI/CLI.hpp>

namespace weir::cli {

/// `app` has just refused the command line with `error`. What stands behind a "=", and words that
/// nothing asked for, are not repeated: they may be secrets. Ends with a line break.
std::string usage_error(const CLI::App& app, const CLI::ParseError& error);

}  // namespace weir::cli
