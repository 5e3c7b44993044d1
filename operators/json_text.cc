#include "operators/json_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include <openssl/evp.h>

#include "pipeline/core/error.h"

namespace weir::operators {
namespace {

bool must_escape(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\';
}

void append_escaped(std::string& out, char c) {
  constexpr char kDigits[] = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      out += "\\u00";
      out += kDigits[static_cast<unsigned char>(c) >> 4];
      out += kDigits[static_cast<unsigned char>(c) & 15];
  }
}

template <class T>
void append_shortest(std::string& out, T value) {
  WEIR_CHECK(std::isfinite(value));
  std::array<char, 32> text;
  const T plain = value == 0 ? T{0} : value;  // no "-0"
  const auto end = std::to_chars(text.data(), text.data() + text.size(), plain).ptr;
  out.append(text.data(), static_cast<std::size_t>(end - text.data()));
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  std::size_t from = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!must_escape(text[i])) continue;
    out += text.substr(from, i - from);
    append_escaped(out, text[i]);
    from = i + 1;
  }
  out += text.substr(from);
  out += '"';
}

void append_integer(std::string& out, std::int64_t value) {
  std::array<char, 24> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  out.append(text.data(), static_cast<std::size_t>(end - text.data()));
}

void append_double(std::string& out, double value) {
  append_shortest(out, value);
}
void append_float(std::string& out, float value) {
  append_shortest(out, value);
}

void append_fixed(std::string& out, double value, int decimals) {
  WEIR_CHECK(std::isfinite(value) && decimals >= 0 && decimals <= 9);
  constexpr double kPowersOfTen[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
  const double scaled = value * kPowersOfTen[decimals];
  if (std::abs(scaled) >= 9e15) {  // beyond exact integers there is nothing to round
    std::array<char, 400> text;
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value,
                                   std::chars_format::fixed, decimals)
                         .ptr;
    out.append(text.data(), static_cast<std::size_t>(end - text.data()));
    return;
  }
  const std::int64_t rounded = std::llround(scaled);
  const auto unit = static_cast<std::int64_t>(kPowersOfTen[decimals]);
  const std::int64_t magnitude = rounded < 0 ? -rounded : rounded;
  if (rounded < 0) out += '-';
  append_integer(out, magnitude / unit);
  if (decimals == 0) return;
  std::array<char, 10> places;
  std::int64_t rest = magnitude % unit;
  for (int i = decimals - 1; i >= 0; --i, rest /= 10) {
    places[static_cast<std::size_t>(i)] = static_cast<char>('0' + rest % 10);
  }
  out += '.';
  out.append(places.data(), static_cast<std::size_t>(decimals));
}

void append_base64(std::string& out, std::string_view bytes) {
  constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::size_t start = out.size();
  out.resize(start + (bytes.size() + 2) / 3 * 4, '=');
  char* to = out.data() + start;
  const auto byte = [&](std::size_t i) {
    return static_cast<unsigned>(static_cast<unsigned char>(bytes[i]));
  };
  const std::size_t whole = bytes.size() / 3 * 3;
  for (std::size_t i = 0; i < whole; i += 3) {
    const unsigned group = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    *to++ = kAlphabet[group >> 18];
    *to++ = kAlphabet[group >> 12 & 63];
    *to++ = kAlphabet[group >> 6 & 63];
    *to++ = kAlphabet[group & 63];
  }
  if (whole == bytes.size()) return;
  const bool two = bytes.size() - whole == 2;
  const unsigned group = byte(whole) << 16 | (two ? byte(whole + 1) << 8 : 0);
  *to++ = kAlphabet[group >> 18];
  *to++ = kAlphabet[group >> 12 & 63];
  if (two) *to = kAlphabet[group >> 6 & 63];
}

std::optional<std::string> decode_base64(std::string_view text) {
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  // EVP_DecodeBlock takes blanks and padding anywhere.
  const bool plain = std::ranges::all_of(text.substr(0, text.size() - padding), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
  });
  if (!plain || text.size() % 4 != 0) return std::nullopt;
  std::string bytes(text.size() / 4 * 3, '\0');
  const int written = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                      reinterpret_cast<const unsigned char*>(text.data()),
                                      static_cast<int>(text.size()));
  if (written < 0) return std::nullopt;
  bytes.resize(static_cast<std::size_t>(written) - padding);
  return bytes;
}

void append_hex32(std::string& out, std::uint32_t value) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (int shift = 28; shift >= 0; shift -= 4) out += kDigits[value >> shift & 15];
}

}  // namespace weir::operators
