#include "operators/formats/typed_text.h"

#include <algorithm>
#include <charconv>

namespace weir::operators {
namespace {

constexpr std::size_t kNumberBytes = 32;
__extension__ typedef unsigned __int128 Wide;

template <class T>
std::string_view to_text(TextArena& arena, T value) {
  char* const room = arena.room(kNumberBytes);
  const char* const end = std::to_chars(room, room + kNumberBytes, value).ptr;
  return arena.take(static_cast<std::size_t>(end - room));
}

}  // namespace

std::string_view integer_text(TextArena& arena, std::int64_t value) {
  return to_text(arena, value);
}
std::string_view unsigned_text(TextArena& arena, std::uint64_t value) {
  return to_text(arena, value);
}
std::string_view number_text(TextArena& arena, double value) {
  return to_text(arena, value);
}
std::string_view number_text(TextArena& arena, float value) {
  return to_text(arena, value);
}

std::string_view decimal_text(TextArena& arena, std::string_view bytes, std::int32_t scale) {
  if (bytes.size() > sizeof(Wide)) return {};
  const bool negative = !bytes.empty() && (static_cast<std::uint8_t>(bytes.front()) & 0x80U) != 0;
  Wide value = negative ? ~Wide{0} : Wide{0};
  for (const char byte : bytes) value = value << 8U | static_cast<std::uint8_t>(byte);
  if (negative) value = ~value + 1;

  // Last digit first, from the end: at most 39 digits, a point, a zero before it and a sign.
  constexpr std::size_t kRoom = 48 + kScaleMax;
  char* const room = arena.room(kRoom);
  char* at = room + kRoom;
  std::int32_t digits = 0;
  while (value != 0 || digits <= scale) {
    if (digits == scale && scale > 0) *--at = '.';
    *--at = static_cast<char>('0' + static_cast<int>(value % 10));
    value /= 10;
    ++digits;
  }
  if (negative) *--at = '-';
  const auto size = static_cast<std::size_t>(room + kRoom - at);
  std::copy(at, room + kRoom, room);
  return arena.take(size);
}

std::int64_t floor_divide(std::int64_t value, std::int64_t by) {
  const std::int64_t quotient = value / by;
  return value % by < 0 ? quotient - 1 : quotient;
}

}  // namespace weir::operators
