#include "pipeline/core/money.h"

#include <algorithm>
#include <charconv>

namespace weir {
namespace {

constexpr std::int64_t kPowersOfTen[] = {1, 10, 100, 1'000, 10'000};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

Error refuse(const char* why) {
  return {ErrorKind::kRejectEvent, why};
}

/// A JSON number split into its parts; leading zeros, signs and empty parts already refused.
struct Decimal {
  std::string_view whole;
  std::string_view fraction;
  std::int32_t exponent = 0;
};

/// Exponents beyond this cannot give an acceptable amount unless all digits are zero.
constexpr std::int32_t kExponentMax = 1'000'000;

Result<Decimal> split(std::string_view text) {
  Decimal parts;
  std::size_t i = 0;
  const auto digits = [&] {
    const std::size_t from = i;
    while (i < text.size() && is_digit(text[i])) ++i;
    return text.substr(from, i - from);
  };
  if (!text.empty() && text[0] == '-') return refuse("negative");
  parts.whole = digits();
  if (parts.whole.empty()) return refuse("not a decimal number");
  if (parts.whole.size() > 1 && parts.whole[0] == '0') return refuse("leading zero");
  if (i < text.size() && text[i] == '.') {
    ++i;
    parts.fraction = digits();
    if (parts.fraction.empty()) return refuse("not a decimal number");
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    const bool negative = i < text.size() && text[i] == '-';
    if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
    const std::string_view exponent = digits();
    if (exponent.empty()) return refuse("not a decimal number");
    for (const char c : exponent) {
      parts.exponent = std::min(kExponentMax, parts.exponent * 10 + (c - '0'));
    }
    if (negative) parts.exponent = -parts.exponent;
  }
  if (i != text.size()) return refuse("not a decimal number");
  return parts;
}

}  // namespace

// The digits are read once, left to right, as if whole and fraction were one string with the
// decimal point moved right by (exponent + minor digits). What would fall behind the point must be
// zeros.
Result<std::int64_t> parse_amount(std::string_view decimal, const Currency& currency) {
  auto split_result = split(decimal);
  if (!split_result) return split_result.error();
  const Decimal& parts = *split_result;
  const auto digit_at = [&](std::size_t i) {
    return i < parts.whole.size() ? parts.whole[i] : parts.fraction[i - parts.whole.size()];
  };
  const std::size_t digit_count = parts.whole.size() + parts.fraction.size();
  const std::int64_t point = static_cast<std::int64_t>(parts.whole.size()) + parts.exponent +
                             static_cast<std::int64_t>(currency.exponent);

  std::int64_t minor = 0;
  bool any_digit = false;
  for (std::size_t i = 0; i < digit_count; ++i) {
    const int digit = digit_at(i) - '0';
    if (static_cast<std::int64_t>(i) >= point) {
      if (digit != 0) return refuse("more decimal places than the currency has");
      continue;
    }
    minor = minor * 10 + digit;
    any_digit = any_digit || digit != 0;
    if (minor > kAmountMinorMax) return refuse("too large");
  }
  if (!any_digit) return std::int64_t{0};
  for (auto i = static_cast<std::int64_t>(digit_count); i < point; ++i) {
    minor *= 10;
    if (minor > kAmountMinorMax) return refuse("too large");
  }
  return minor;
}

void append_amount(std::string& out, std::int64_t amount_minor, const Currency& currency) {
  // The magnitude in unsigned arithmetic: the smallest negative number has no positive twin.
  const bool negative = amount_minor < 0;
  const std::uint64_t magnitude = negative ? ~static_cast<std::uint64_t>(amount_minor) + 1
                                           : static_cast<std::uint64_t>(amount_minor);
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, magnitude).ptr;
  const std::string_view text(digits, static_cast<std::size_t>(end - digits));
  const std::size_t places = currency.exponent;
  if (negative) out += '-';
  if (text.size() > places) {
    out += text.substr(0, text.size() - places);
  } else {
    out += '0';
  }
  if (places == 0) return;
  out += '.';
  out.append(places - std::min(places, text.size()), '0');
  out += text.substr(text.size() - std::min(places, text.size()));
}

std::string format_amount(std::int64_t amount_minor, const Currency& currency) {
  std::string out;
  append_amount(out, amount_minor, currency);
  return out;
}

double major_units(std::int64_t amount_minor, const Currency& currency) {
  return static_cast<double>(amount_minor) / static_cast<double>(kPowersOfTen[currency.exponent]);
}

}  // namespace weir
