#include "operators/card_number.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace weir::operators {
namespace {

constexpr std::size_t kDigitsMin = 13;
constexpr std::size_t kDigitsMax = 19;
constexpr std::size_t kDigitsKept = 4;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_separator(char c) {
  return c == ' ' || c == '-';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

constexpr auto kRunTable = [] {
  std::array<bool, 256> table{};
  for (unsigned char c = '0'; c <= '9'; ++c) table[c] = true;
  table[' '] = table['-'] = true;
  return table;
}();
/// Bytes that a written card number consists of.
bool in_run(char c) {
  return kRunTable[static_cast<unsigned char>(c)];
}

struct IssuerRange {
  std::uint32_t low, high;  // first six digits, inclusive
  std::size_t digits_min, digits_max;
};

// Ranges as the schemes publish them, joined where neighbours share lengths.
constexpr IssuerRange kIssuers[] = {
    {222100, 272099, 16, 16},  // Mastercard, second series
    {300000, 305999, 14, 19},  // Diners Club
    {309500, 309599, 14, 19},  // Diners Club
    {340000, 349999, 15, 15},  // American Express
    {352800, 358999, 16, 19},  // JCB
    {360000, 369999, 14, 19},  // Diners Club
    {370000, 379999, 15, 15},  // American Express
    {380000, 399999, 14, 19},  // Diners Club
    {400000, 499999, 13, 13},  // Visa, old length
    {400000, 499999, 16, 16},  // Visa
    {400000, 499999, 19, 19},  // Visa
    {500000, 509999, 13, 19},  // Maestro
    {510000, 559999, 16, 16},  // Mastercard
    {560000, 589999, 13, 19},  // Maestro
    {601100, 601199, 16, 19},  // Discover
    {620000, 629999, 16, 19},  // UnionPay, Discover
    {630400, 630499, 13, 19},  // Maestro
    {639000, 639099, 13, 19},  // Maestro
    {644000, 659999, 16, 19},  // Discover
    {670000, 679999, 13, 19},  // Maestro
    {810000, 817199, 16, 19},  // UnionPay
};

bool has_issuer(std::span<const std::uint8_t> digits) {
  std::uint32_t prefix = 0;
  for (std::size_t i = 0; i < 6; ++i) prefix = prefix * 10 + digits[i];
  for (const IssuerRange& range : kIssuers) {
    if (prefix >= range.low && prefix <= range.high && digits.size() >= range.digits_min &&
        digits.size() <= range.digits_max) {
      return true;
    }
  }
  return false;
}

bool passes_luhn(std::span<const std::uint8_t> digits) {
  unsigned sum = 0;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    unsigned digit = digits[digits.size() - 1 - i];
    if (i % 2 == 1) digit = digit * 2 > 9 ? digit * 2 - 9 : digit * 2;
    sum += digit;
  }
  return sum % 10 == 0;
}

bool is_card_number(std::span<const std::uint8_t> digits) {
  return digits.size() >= kDigitsMin && has_issuer(digits) && passes_luhn(digits);
}

/// Digits before which no card number can start: the tail of a word or of a decimal number.
bool continues_token(std::string_view text, std::size_t at) {
  if (at == 0) return false;
  const char before = text[at - 1];
  return is_letter(before) || is_digit(before) ||
         (before == '.' && at >= 2 && is_digit(text[at - 2]));
}

/// Tries every sequence of whole digit groups that starts at `begin`. Calls found(begin, end) for
/// each card number; stops and returns true when found() does.
template <class Found>
bool examine_from(std::string_view text, std::size_t begin, std::size_t run_end, Found& found) {
  std::array<std::uint8_t, kDigitsMax> digits;
  std::size_t count = 0;
  std::size_t i = begin;
  while (true) {
    for (; i < run_end && is_digit(text[i]); ++i) {
      if (count == kDigitsMax) return false;
      digits[count++] = static_cast<std::uint8_t>(text[i] - '0');
    }
    const bool inside_word = i == run_end && i < text.size() && is_letter(text[i]);
    if (!inside_word && is_card_number(std::span(digits.data(), count)) && found(begin, i)) {
      return true;
    }
    if (i + 1 >= run_end || !is_separator(text[i]) || !is_digit(text[i + 1])) return false;
    ++i;
  }
}

template <class Found>
bool examine_run(std::string_view text, std::size_t begin, std::size_t end, Found& found) {
  for (std::size_t i = begin; i + kDigitsMin <= end; ++i) {
    const bool group_start = is_digit(text[i]) && !continues_token(text, i);
    if (group_start && examine_from(text, i, end, found)) return true;
  }
  return false;
}

/// A card number is at least 13 bytes of one class in a row, so looking at every 13th byte meets
/// each of them.
template <class Found>
bool scan(std::string_view text, Found found) {
  std::size_t done = 0;
  std::size_t probe = kDigitsMin - 1;
  while (probe < text.size()) {
    if (!in_run(text[probe])) {
      probe += kDigitsMin;
      continue;
    }
    std::size_t begin = probe;
    std::size_t end = probe + 1;
    while (begin > done && in_run(text[begin - 1])) --begin;
    while (end < text.size() && in_run(text[end])) ++end;
    if (end - begin >= kDigitsMin && examine_run(text, begin, end, found)) return true;
    done = end;
    probe = end + kDigitsMin;
  }
  return false;
}

/// JSON text with its escapes resolved as far as card numbers go, and where each byte came from.
struct Plain {
  std::string text;
  std::vector<std::size_t> origin;  // text[i] stands for raw[origin[i], origin[i + 1])
};

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// The character of an escape that starts at raw[at] == '\\', and how many bytes it takes.
std::pair<char, std::size_t> resolve_escape(std::string_view raw, std::size_t at) {
  constexpr char kOther = '\x01';  // neither digit, letter nor separator
  if (at + 1 >= raw.size()) return {'\\', 1};
  const char kind = raw[at + 1];
  if (kind == 'u' && at + 6 <= raw.size()) {
    int code = 0;
    for (std::size_t i = at + 2; i < at + 6; ++i) {
      const int digit = hex_value(raw[i]);
      if (digit < 0) return {'\\', 1};
      code = code * 16 + digit;
    }
    return {code >= 0x20 && code < 0x7f ? static_cast<char>(code) : kOther, 6};
  }
  constexpr std::string_view kSimple = "\"\\/bfnrt";
  if (kSimple.find(kind) != std::string_view::npos) return {kOther, 2};
  return {'\\', 1};
}

Plain resolve_escapes(std::string_view raw) {
  Plain plain;
  plain.text.reserve(raw.size());
  plain.origin.reserve(raw.size() + 1);
  for (std::size_t i = 0; i < raw.size();) {
    const auto [c, width] =
        raw[i] == '\\' ? resolve_escape(raw, i) : std::pair<char, std::size_t>{raw[i], 1};
    plain.text += c;
    plain.origin.push_back(i);
    i += width;
  }
  plain.origin.push_back(raw.size());
  return plain;
}

bool has_escapes(std::string_view bytes) {
  return bytes.find('\\') != std::string_view::npos;
}

/// Marks all digits of [begin, end) but the last four.
void mark(std::string_view text, std::size_t begin, std::size_t end, std::vector<bool>& masked) {
  std::size_t kept = 0;
  for (std::size_t i = end; i-- > begin;) {
    if (is_digit(text[i]) && ++kept > kDigitsKept) masked[i] = true;
  }
}

std::string mask_once(std::string_view bytes) {
  const Plain plain = resolve_escapes(bytes);
  std::vector<bool> masked(plain.text.size());
  scan(plain.text, [&](std::size_t begin, std::size_t end) {
    mark(plain.text, begin, end, masked);
    return false;
  });
  std::string out;
  out.reserve(bytes.size());
  for (std::size_t i = 0; i < plain.text.size(); ++i) {
    if (masked[i]) {
      out += '*';
    } else {
      out += bytes.substr(plain.origin[i], plain.origin[i + 1] - plain.origin[i]);
    }
  }
  return out;
}

/// Every card number of digits in a row that starts at `begin`.
void mark_from(std::string_view bytes, std::size_t begin, std::vector<bool>& masked) {
  std::array<std::uint8_t, kDigitsMax> digits;
  std::size_t count = 0;
  for (std::size_t i = begin; i < bytes.size() && count < kDigitsMax; ++i) {
    if (is_digit(bytes[i])) {
      digits[count++] = static_cast<std::uint8_t>(bytes[i] - '0');
      if (is_card_number(std::span(digits.data(), count))) mark(bytes, begin, i + 1, masked);
    } else if (!is_separator(bytes[i])) {
      return;
    }
  }
}

}  // namespace

bool contains_card_number(std::string_view bytes) {
  const auto any = [](std::size_t, std::size_t) { return true; };
  return has_escapes(bytes) ? scan(resolve_escapes(bytes).text, any) : scan(bytes, any);
}

std::string mask_card_numbers_in_binary(std::string_view bytes) {
  std::vector<bool> masked(bytes.size());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (is_digit(bytes[i])) mark_from(bytes, i, masked);
  }
  std::string out(bytes);
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (masked[i]) out[i] = '*';
  }
  return mask_card_numbers(out);
}

std::string mask_card_numbers(std::string_view bytes) {
  // Four kept digits and the group behind them can look like a card number again; each pass takes
  // digits away.
  std::string out(bytes);
  while (contains_card_number(out)) out = mask_once(out);
  return out;
}

}  // namespace weir::operators
