#pragma once
// A cursor over bytes that somebody else wrote. Nothing is read behind the end; a failed read
// leaves the cursor anywhere inside, and the caller gives up.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace weir::operators {

class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes)
      : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  [[nodiscard]] bool done() const { return at_ == end_; }
  [[nodiscard]] std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  [[nodiscard]] std::string_view rest() const { return {at_, left()}; }

  /// Base 128, least significant group first; at most ten bytes.
  bool varint(std::uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; shift <= 63 && at_ != end_; shift += 7) {
      const auto byte = static_cast<std::uint8_t>(*at_++);
      value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }
  /// A varint with the sign in its lowest bit.
  bool zigzag(std::int64_t& value) {
    std::uint64_t raw = 0;
    if (!varint(raw)) return false;
    value = static_cast<std::int64_t>(raw >> 1) ^ -static_cast<std::int64_t>(raw & 1);
    return true;
  }
  bool take(std::uint64_t bytes, std::string_view& out) {
    if (bytes > left()) return false;
    out = {at_, static_cast<std::size_t>(bytes)};
    at_ += bytes;
    return true;
  }
  bool skip(std::uint64_t bytes) {
    std::string_view ignored;
    return take(bytes, ignored);
  }
  /// A number of a fixed size, little-endian as this machine is.
  template <class T>
  bool fixed(T& value) {
    if (sizeof value > left()) return false;
    std::memcpy(&value, at_, sizeof value);
    at_ += sizeof value;
    return true;
  }

 private:
  const char* at_;
  const char* end_;
};

}  // namespace weir::operators
