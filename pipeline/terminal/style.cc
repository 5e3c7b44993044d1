#include "pipeline/terminal/style.h"

#include <array>
#include <cstdlib>

#include <fmt/core.h>
#include <unistd.h>

namespace weir::terminal {
namespace {

constexpr std::array<std::string_view, 6> kCodes = {"", "1", "2", "32", "33", "31"};  // by Tone

}  // namespace

bool takes_colour(std::FILE* stream) {
  const char* refused = std::getenv("NO_COLOR");
  const char* kind = std::getenv("TERM");
  if (refused != nullptr && *refused != '\0') return false;
  if (kind != nullptr && std::string_view(kind) == "dumb") return false;
  return isatty(fileno(stream)) != 0;
}

std::string toned(std::string_view text, Tone tone, bool coloured) {
  if (!coloured || tone == Tone::kPlain) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", kCodes[static_cast<std::size_t>(tone)], text);
}

}  // namespace weir::terminal
