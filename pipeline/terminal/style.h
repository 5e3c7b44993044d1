#pragma once
// Colour where somebody looks, and nowhere else.

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace weir::terminal {

enum class Tone : std::uint8_t { kPlain, kBold, kDim, kGood, kWarning, kBad };

/// A terminal, and neither NO_COLOR (https://no-color.org) nor TERM=dumb is set.
bool takes_colour(std::FILE* stream);

/// `text` in a tone where `coloured`, else as it is.
std::string toned(std::string_view text, Tone tone, bool coloured);

}  // namespace weir::terminal
