#include "pipeline/config/read_value.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "pipeline/config/suggest.h"
#include "pipeline/config/units.h"

namespace weir::config {
namespace {

using Outcome = std::optional<Complaint>;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

/// Words YAML 1.1 reads as booleans: "no" is also a country.
std::optional<bool> as_boolean_word(std::string_view text) {
  static constexpr std::array<std::string_view, 4> kTrue = {"true", "yes", "on", "y"};
  static constexpr std::array<std::string_view, 4> kFalse = {"false", "no", "off", "n"};
  const std::string word = lower(text);
  if (std::find(kTrue.begin(), kTrue.end(), word) != kTrue.end()) return true;
  if (std::find(kFalse.begin(), kFalse.end(), word) != kFalse.end()) return false;
  return std::nullopt;
}

bool is_number(std::string_view text) {
  double number = 0;
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failure != std::errc::invalid_argument && end == text.data() + text.size();
}

/// Plain text that could be meant as something else.
Outcome refuse_ambiguous(const Value& value, bool literals_pass) {
  if (value.form != Form::kPlain) return std::nullopt;
  const auto boolean = as_boolean_word(value.text);
  if (boolean && !(literals_pass && (value.text == "true" || value.text == "false"))) {
    const std::string remedy =
        fmt::format("write \"{}\" in quotes if the word is meant", value.text);
    if (!literals_pass)
      return Complaint{fmt::format("unquoted {} is a boolean, not text", value.text), remedy};
    return Complaint{fmt::format("unquoted {} is ambiguous", value.text),
                     fmt::format("write {}, or {}", *boolean ? "true" : "false", remedy.substr(6))};
  }
  if (!literals_pass && is_number(value.text)) {
    return Complaint{fmt::format("{} is a number, not text", value.text),
                     fmt::format("put it in quotes: \"{}\"", value.text)};
  }
  return std::nullopt;
}

Outcome refuse_quoted(const Value& value, std::string_view wanted) {
  if (value.form != Form::kQuoted) return std::nullopt;
  return Complaint{fmt::format("\"{}\" in quotes is text, not {}", value.text, wanted),
                   "remove the quotes"};
}

struct Reader {
  Config& config;
  std::string_view name;
  const Value& value;
  const std::filesystem::path& base;

  Outcome operator()(const DurationKey& key) const {
    auto& field = key.field(config, name);
    return store(read_duration(value.text, field), key, format_duration);
  }
  Outcome operator()(const BytesKey& key) const {
    auto& field = key.field(config, name);
    return store(read_bytes(value.text, field), key, format_bytes);
  }
  Outcome operator()(const CountKey& key) const {
    if (auto complaint = refuse_quoted(value, "a number")) return complaint;
    return store(read_count(), key, [](std::uint64_t n) { return fmt::format("{}", n); });
  }
  Outcome operator()(const NumberKey& key) const {
    if (auto complaint = refuse_quoted(value, "a number")) return complaint;
    return store(read_number(), key, [](double n) { return fmt::format("{}", n); });
  }
  Outcome operator()(const SwitchKey& key) const {
    if (auto complaint = refuse_quoted(value, "true or false")) return complaint;
    if (value.text == "true" || value.text == "false") {
      key.field(config, name) = value.text == "true";
      return std::nullopt;
    }
    const auto meant = as_boolean_word(value.text);
    return Complaint{
        fmt::format("'{}' is not true or false", value.text),
        meant ? fmt::format("write {}", *meant ? "true" : "false") : "write true or false"};
  }
  Outcome operator()(const TextKey& key) const {
    if (auto complaint = refuse_ambiguous(value, key.accepts == nullptr)) return complaint;
    if (auto complaint = refuse_form(key.accepts, key.form)) return complaint;
    key.field(config, name) = value.text;
    return std::nullopt;
  }
  Outcome operator()(const TextListKey& key) const {
    if (auto complaint = refuse_ambiguous(value, false)) return complaint;
    if (auto complaint = refuse_form(key.accepts, key.form)) return complaint;
    key.field(config, name).push_back(value.text);
    return std::nullopt;
  }
  Outcome operator()(const PathKey& key) const {
    if (auto complaint = refuse_ambiguous(value, false)) return complaint;
    auto& field = key.field(config, name);
    field = value.text.empty() ? std::filesystem::path{} : (base / value.text).lexically_normal();
    return std::nullopt;
  }
  Outcome operator()(const ChoiceKey& key) const {
    const auto found = std::find(key.options.begin(), key.options.end(), value.text);
    if (found != key.options.end()) {
      key.set(config, name, static_cast<std::size_t>(found - key.options.begin()));
      return std::nullopt;
    }
    const auto near = nearest(lower(value.text), {key.options.begin(), key.options.end()});
    return Complaint{fmt::format("'{}' is not {}", value.text, type_of(key)),
                     near ? fmt::format("did you mean '{}'?", *near) : "use one of these"};
  }

 private:
  template <class T, class K, class Write>
  Outcome store(const Reading<T>& reading, const K& key, const Write& write) const {
    if (const auto* complaint = std::get_if<Complaint>(&reading)) return *complaint;
    const T& number = std::get<T>(reading);
    if (number < key.min || number > key.max) {
      return Complaint{fmt::format("{} is out of range", value.text),
                       fmt::format("use {} to {}", write(key.min), write(key.max))};
    }
    key.field(config, name) = number;
    return std::nullopt;
  }

  [[nodiscard]] Reading<std::uint64_t> read_count() const {
    const std::string& text = value.text;
    std::uint64_t number = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure == std::errc::result_out_of_range) return std::numeric_limits<std::uint64_t>::max();
    if (failure != std::errc{} || end != text.data() + text.size()) {
      return Complaint{fmt::format("'{}' is not a whole number", text), "write digits only"};
    }
    if (text.size() > 1 && text.front() == '0') {
      return Complaint{fmt::format("'{}' starts with 0, which some read as octal", text),
                       fmt::format("write {}", number)};
    }
    return number;
  }

  [[nodiscard]] Reading<double> read_number() const {
    const std::string& text = value.text;
    double number = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure != std::errc{} || end != text.data() + text.size() || !std::isfinite(number)) {
      return Complaint{fmt::format("'{}' is not a number", text), "write it like 0.25 or 15"};
    }
    return number;
  }

  [[nodiscard]] Outcome refuse_form(Accepts accepts, std::string_view form) const {
    if (accepts == nullptr || accepts(value.text)) return std::nullopt;
    return Complaint{fmt::format("'{}' does not fit", value.text), fmt::format("use {}", form)};
  }
};

}  // namespace

std::optional<Complaint> read_value(const Slot& slot, Config& config, std::string_view name,
                                    const Value& value, const std::filesystem::path& base) {
  return std::visit(Reader{config, name, value, base}, slot);
}

}  // namespace weir::config
