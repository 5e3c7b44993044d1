#include "pipeline/config/filter_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "operators/field_checks.h"
#include "operators/history.h"
#include "pipeline/config/suggest.h"
#include "pipeline/core/money.h"

namespace weir::config {
namespace {

using state::Comparison;
using state::Field;

constexpr std::array<std::string_view, 6> kOperators = {"=", "!=", "<", "<=", ">", ">="};
static_assert(static_cast<std::size_t>(Comparison::kGreaterEqual) == kOperators.size() - 1);

struct Token {
  std::string_view text;  // without its quotes
  std::size_t at = 0;     // byte of the filter's text
  enum class Kind : std::uint8_t { kWord, kQuoted, kOperator, kOpenQuote, kEnd } kind = Kind::kEnd;
};

bool is_operator_character(char c) {
  return c == '=' || c == '!' || c == '<' || c == '>';
}
bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/// Reads one term after the other; the first flaw ends it.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  std::variant<state::Filter, FilterFlaw> parse() {
    state::Filter filter;
    do {
      if (filter.size() == kFilterTermsMax) {
        complain(next().at, fmt::format("more than {} terms", kFilterTermsMax),
                 "split it into several features");
      } else {
        filter.push_back(term());
      }
    } while (!flaw_ && more());
    if (flaw_) return *flaw_;
    return filter;
  }

  /// Of the terms read so far.
  [[nodiscard]] const std::string& canonical() const { return canonical_; }

 private:
  // -- words

  Token next() {
    while (position_ < text_.size() && is_space(text_[position_])) ++position_;
    const std::size_t start = position_;
    if (start == text_.size()) return {{}, start, Token::Kind::kEnd};
    if (text_[start] == '"') {
      const auto end = text_.find('"', start + 1);
      position_ = end == std::string_view::npos ? text_.size() : end + 1;
      if (end == std::string_view::npos) return {{}, start, Token::Kind::kOpenQuote};
      return {text_.substr(start + 1, end - start - 1), start, Token::Kind::kQuoted};
    }
    const bool operation = is_operator_character(text_[start]);
    while (position_ < text_.size() && !is_space(text_[position_]) && text_[position_] != '"' &&
           is_operator_character(text_[position_]) == operation) {
      ++position_;
    }
    return {text_.substr(start, position_ - start), start,
            operation ? Token::Kind::kOperator : Token::Kind::kWord};
  }

  void complain(std::size_t at, std::string what, std::string remedy) {
    if (flaw_) return;
    const auto characters =
        std::count_if(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(at),
                      [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; });
    flaw_ = {static_cast<std::size_t>(characters) + 1, {std::move(what), std::move(remedy)}};
  }

  // -- terms

  bool more() {
    const Token token = next();
    if (token.kind == Token::Kind::kEnd) return false;
    if (token.kind == Token::Kind::kWord && token.text == "and") return true;
    if (token.text == "or" || token.text == "OR" || token.text == "||") {
      complain(token.at, "filters know 'and' only", "declare a feature for each alternative");
    } else if (token.text == "AND" || token.text == "&&" || token.text == ",") {
      complain(token.at, fmt::format("'{}' does not join terms", token.text), "write 'and'");
    } else {
      complain(token.at, "text behind a whole term",
               "join terms with 'and'; a value with spaces needs double quotes");
    }
    return false;
  }

  state::Condition term() {
    state::Condition condition;
    condition.field = field();
    if (!flaw_) condition.comparison = comparison(condition.field);
    if (!flaw_) condition.value = value(condition);
    return condition;
  }

  /// `text` is the value as it was written.
  void note(const state::Condition& condition, std::string_view text) {
    if (!canonical_.empty()) canonical_ += " and ";
    canonical_ +=
        fmt::format("{} {} {}", state::kFieldNames[static_cast<std::size_t>(condition.field)],
                    kOperators[static_cast<std::size_t>(condition.comparison)],
                    canonical_value(condition, text));
  }

  static std::string canonical_value(const state::Condition& condition, std::string_view text) {
    switch (condition.field) {
      case Field::kAmount:
        return decimal_text(condition.value, 4);
      case Field::kRatio:
        return decimal_text(condition.value, 3);
      case Field::kMcc:
        return std::to_string(condition.value);
      default:
        return is_plain(text) ? std::string(text) : fmt::format("\"{}\"", text);
    }
  }

  static std::string decimal_text(std::int64_t value, int places) {
    std::int64_t unit = 1;
    for (int i = 0; i < places; ++i) unit *= 10;
    std::string text = std::to_string(value / unit);
    if (value % unit == 0) return text;
    text += fmt::format(".{:0{}}", value % unit, places);
    text.erase(text.find_last_not_of('0') + 1);
    return text;
  }

  /// Needs no quotes.
  static bool is_plain(std::string_view text) {
    return !text.empty() && std::ranges::none_of(text, [](char c) {
      return is_space(c) || is_operator_character(c) || c == '(' || c == ')' || c == '\\';
    });
  }

  Field field() {
    const Token token = next();
    const auto names = std::span(state::kFieldNames).subspan(1);
    const std::vector<std::string> known(names.begin(), names.end());
    if (token.kind != Token::Kind::kWord) {
      complain(
          token.at, "a field is missing here",
          fmt::format("write a term such as amount >= 100; fields: {}", fmt::join(known, ", ")));
      return Field::kNone;
    }
    const auto found = std::find(names.begin(), names.end(), token.text);
    if (found != names.end()) return static_cast<Field>(found - names.begin() + 1);
    const auto near = nearest(token.text, known);
    complain(token.at, fmt::format("unknown field '{}'", token.text),
             near ? fmt::format("did you mean '{}'?", *near)
                  : fmt::format("known: {}", fmt::join(known, ", ")));
    return Field::kNone;
  }

  static bool has_order(Field field) {
    return field == Field::kAmount || field == Field::kRatio || field == Field::kMcc;
  }

  Comparison comparison(Field field) {
    const Token token = next();
    const auto name = state::kFieldNames[static_cast<std::size_t>(field)];
    const auto found = std::find(kOperators.begin(), kOperators.end(), token.text);
    if (token.kind != Token::Kind::kOperator || found == kOperators.end()) {
      complain(token.at, fmt::format("an operator is missing behind '{}'", name),
               has_order(field) ? "use one of = != < <= > >=" : "use = or !=");
      return Comparison::kEqual;
    }
    const auto comparison = static_cast<Comparison>(found - kOperators.begin());
    if (comparison > Comparison::kNotEqual && !has_order(field)) {
      complain(token.at, fmt::format("'{}' has no order", name), "use = or !=");
    }
    return comparison;
  }

  std::int64_t value(state::Condition condition) {
    const Token token = next();
    condition.value = value_in(token, condition.field);
    if (!flaw_) note(condition, token.text);
    return condition.value;
  }

  std::int64_t value_in(const Token& token, Field field) {
    if (token.kind == Token::Kind::kOpenQuote) {
      complain(token.at, "the quote that starts here is never closed", "add the closing quote");
    } else if (token.kind == Token::Kind::kOperator || token.kind == Token::Kind::kEnd) {
      complain(token.at, "a value is missing here",
               "write one; a value with spaces or operators needs double quotes");
    }
    if (flaw_) return 0;
    switch (field) {
      case Field::kAmount:
        return decimal(token, 4, "an amount such as 100 or 99.95");
      case Field::kRatio:
        return decimal(token, 3, "a ratio such as 2 or 1.5");
      case Field::kFraud:
      case Field::kLabelled:
        return yes_or_no(token, 0);
      case Field::kCardPresent:
        return yes_or_no(token, 1);
      case Field::kMcc:
        return mcc(token);
      case Field::kCountry:
      case Field::kMerchantCountry:
        return country(token);
      case Field::kCurrency:
        return currency(token);
      case Field::kChannel:
        return text(token, operators::kChannelBytesMax) ? operators::hash_name(token.text) : 0;
      default:
        return text(token, operators::kIdBytesMax)
                   ? static_cast<std::int64_t>(operators::hash_id(token.text))
                   : 0;
    }
  }

  // -- values

  std::int64_t decimal(const Token& token, std::uint8_t places, std::string_view wanted) {
    Currency unit;
    unit.exponent = places;
    const auto number = parse_amount(token.text, unit);
    if (number && token.kind == Token::Kind::kWord) return *number;
    complain(token.at, fmt::format("'{}' does not fit", token.text),
             fmt::format("write {}, at most {} places", wanted, places));
    return 0;
  }

  /// no is `no`, yes one more.
  std::int64_t yes_or_no(const Token& token, std::int64_t no) {
    if (token.text == "yes") return no + 1;
    if (token.text == "no") return no;
    const bool unknown = token.text == "unknown" && no == 1;
    complain(token.at,
             unknown ? "'unknown' is the absence of a value"
                     : fmt::format("'{}' is not yes or no", token.text),
             unknown ? "write card_present != yes and card_present != no" : "write yes or no");
    return 0;
  }

  std::int64_t mcc(const Token& token) {
    int code = 0;
    const char* const end = token.text.data() + token.text.size();
    const auto [read, failure] = std::from_chars(token.text.data(), end, code);
    if (failure == std::errc{} && read == end && code >= 1 && code <= 9'999) return code;
    complain(token.at, fmt::format("'{}' is not a merchant category", token.text),
             "write 1 to 9999");
    return 0;
  }

  std::int64_t country(const Token& token) {
    const auto letter = [](char c) { return c >= 'A' && c <= 'Z'; };
    if (token.text.size() == 2 && letter(token.text[0]) && letter(token.text[1])) {
      return operators::pack_country({token.text[0], token.text[1]});
    }
    complain(token.at, fmt::format("'{}' is not a country", token.text),
             "write two capital letters, such as DE");
    return 0;
  }

  std::int64_t currency(const Token& token) {
    if (const Currency* known = find_currency(token.text)) return known->numeric;
    complain(token.at, fmt::format("'{}' is not a currency", token.text),
             "use an ISO 4217 code such as EUR");
    return 0;
  }

  bool text(const Token& token, std::size_t bytes_max) {
    if (!token.text.empty() && token.text.size() <= bytes_max) return true;
    complain(token.at,
             token.text.empty() ? "an empty value is never there" : "the value is too long",
             fmt::format("write 1 to {} bytes", bytes_max));
    return false;
  }

  std::string_view text_;
  std::size_t position_ = 0;
  std::string canonical_;
  std::optional<FilterFlaw> flaw_;
};

}  // namespace

std::variant<state::Filter, FilterFlaw> parse_filter(std::string_view text) {
  return Parser(text).parse();
}

std::string canonical_filter(std::string_view text) {
  Parser parser(text);
  WEIR_CHECK(std::holds_alternative<state::Filter>(parser.parse()));
  return parser.canonical();
}

}  // namespace weir::config
