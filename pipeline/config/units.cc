#include "pipeline/config/units.h"

#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <span>

#include <fmt/format.h>

namespace weir::config {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;  // in the base unit: milliseconds or bytes
};
constexpr std::array<Unit, 5> kDurationUnits = {
    {{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
constexpr std::array<Unit, 4> kByteUnits = {
    {{"B", 1}, {"KiB", 1ULL << 10}, {"MiB", 1ULL << 20}, {"GiB", 1ULL << 30}}};

/// What people write and mean one of ours.
struct Alias {
  std::string_view written;
  std::string_view meant;
};
constexpr std::array<Alias, 20> kAliases = {
    {{"msec", "ms"}, {"millis", "ms"}, {"sec", "s"},     {"secs", "s"}, {"seconds", "s"},
     {"min", "m"},   {"mins", "m"},    {"minutes", "m"}, {"hr", "h"},   {"hours", "h"},
     {"day", "d"},   {"days", "d"},    {"KB", "KiB"},    {"kB", "KiB"}, {"K", "KiB"},
     {"MB", "MiB"},  {"M", "MiB"},     {"GB", "GiB"},    {"G", "GiB"},  {"b", "B"}}};

std::string names(std::span<const Unit> units) {
  std::string text;
  for (const Unit& unit : units) {
    if (!text.empty()) text += &unit == &units.back() ? " or " : ", ";
    text += unit.name;
  }
  return text;
}

const Unit* find(std::span<const Unit> units, std::string_view name) {
  for (const Unit& unit : units) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

const Unit& largest_divisor(std::span<const Unit> units, std::uint64_t value) {
  const Unit* best = &units.front();
  for (const Unit& unit : units) {
    if (value != 0 && value % unit.factor == 0) best = &unit;
  }
  return *best;
}

Complaint bad_unit(std::string_view number, std::string_view written, std::span<const Unit> units) {
  for (const Alias& alias : kAliases) {
    if (alias.written == written && find(units, alias.meant) != nullptr) {
      return {fmt::format("unknown unit '{}'", written),
              fmt::format("write {}{}", number, alias.meant)};
    }
  }
  return {fmt::format("unknown unit '{}'", written), fmt::format("use {}", names(units))};
}

Reading<std::uint64_t> read_quantity(std::string_view text, std::span<const Unit> units,
                                     std::uint64_t usual) {
  const std::string example = fmt::format("{}{}", usual / largest_divisor(units, usual).factor,
                                          largest_divisor(units, usual).name);
  std::uint64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  const auto digits = static_cast<std::size_t>(end - text.data());
  if (digits == 0) {
    return Complaint{fmt::format("'{}' is not a number with a unit", text),
                     fmt::format("write it like {}", example)};
  }
  const std::string_view unit_name = text.substr(digits);
  if (unit_name.empty()) {
    return Complaint{fmt::format("'{}' has no unit", text),
                     fmt::format("write {}{} (units: {})", text, largest_divisor(units, usual).name,
                                 names(units))};
  }
  if (unit_name.front() == '.' || unit_name.front() == ',') {
    return Complaint{fmt::format("'{}' is not a whole number", text),
                     "use a whole number of a smaller unit"};
  }
  if (unit_name.front() == ' ') {
    return Complaint{fmt::format("'{}' has a space before its unit", text), "remove the space"};
  }
  const Unit* unit = find(units, unit_name);
  if (unit == nullptr) return bad_unit(text.substr(0, digits), unit_name, units);
  // Signed milliseconds must hold the result too.
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (failure != std::errc{} || number > kMax / unit->factor) {
    return Complaint{fmt::format("'{}' is too large", text),
                     fmt::format("write it like {}", example)};
  }
  return number * unit->factor;
}

std::string format_quantity(std::uint64_t value, std::span<const Unit> units) {
  const Unit& unit = largest_divisor(units, value);
  return fmt::format("{}{}", value / unit.factor, unit.name);
}

}  // namespace

Reading<std::chrono::milliseconds> read_duration(std::string_view text,
                                                 std::chrono::milliseconds usual) {
  auto quantity = read_quantity(text, kDurationUnits, static_cast<std::uint64_t>(usual.count()));
  if (auto* complaint = std::get_if<Complaint>(&quantity)) return std::move(*complaint);
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::get<std::uint64_t>(quantity)));
}

Reading<std::uint64_t> read_bytes(std::string_view text, std::uint64_t usual) {
  return read_quantity(text, kByteUnits, usual);
}

std::string format_duration(std::chrono::milliseconds value) {
  return format_quantity(static_cast<std::uint64_t>(value.count()), kDurationUnits);
}
std::string format_bytes(std::uint64_t value) {
  return format_quantity(value, kByteUnits);
}

}  // namespace weir::config
