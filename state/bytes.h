#pragma once
// Little-endian numbers and lengths in strings of bytes: all that the state formats are made of.

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include "pipeline/core/error.h"

namespace weir::state {

static_assert(std::endian::native == std::endian::little, "the state formats are little-endian");

template <class T>
T load(const char* bytes) {
  static_assert(std::is_trivially_copyable_v<T>);
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

template <class T>
void store(char* bytes, const T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  std::memcpy(bytes, &value, sizeof value);
}

template <class T>
void append(std::string& out, const T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

/// Text of at most 65,535 bytes behind its length.
inline void append_text(std::string& out, std::string_view text) {
  WEIR_CHECK(text.size() <= 0xFFFF);
  append(out, static_cast<std::uint16_t>(text.size()));
  out.append(text);
}

/// Reads foreign bytes front to back. Past the end it gives zeros and remembers that it failed, so
/// that a decoder checks once, at the end.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  template <class T>
  T number() {
    const std::string_view taken = bytes(sizeof(T));
    return failed_ ? T{} : load<T>(taken.data());
  }
  std::string_view bytes(std::size_t count) {
    if (count > rest_.size()) {
      failed_ = true;
      rest_ = {};
      return {};
    }
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  std::string_view text() { return bytes(number<std::uint16_t>()); }
  [[nodiscard]] std::string_view rest() const { return rest_; }
  [[nodiscard]] bool failed() const { return failed_; }
  /// Everything was there and nothing is left over.
  [[nodiscard]] bool complete() const { return !failed_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

}  // namespace weir::state
