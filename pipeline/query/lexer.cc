#include "pipeline/query/lexer.h"

#include <array>
#include <charconv>
#include <cmath>

namespace weir::query {
namespace {

using Kind = Token::Kind;

constexpr std::array<std::string_view, 13> kSymbols = {"==", "!=", "<=", ">=", "<", ">", "~",
                                                       "(",  ")",  "[",  "]",  ",", "."};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool starts_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

}  // namespace

Token Lexer::made(Kind kind, std::size_t begin, std::string text) const {
  Token token;
  token.kind = kind;
  token.text = std::move(text);
  token.begin = begin;
  token.end = at_;
  return token;
}

Token Lexer::next() {
  while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n'))
    ++at_;
  if (at_ == text_.size()) return made(Kind::kEnd, at_, {});
  const char c = text_[at_];
  if (c == '"' || c == '\'' || c == '`') return quoted(c);
  const bool sign = (c == '-' || c == '+') && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]);
  if (is_digit(c) || sign) return number();
  if (!starts_name(c)) return symbol();
  const std::size_t begin = at_;
  while (at_ < text_.size() && (starts_name(text_[at_]) || is_digit(text_[at_]))) ++at_;
  return made(Kind::kName, begin, std::string(text_.substr(begin, at_ - begin)));
}

Token Lexer::quoted(char quote) {
  const std::size_t begin = at_++;
  std::string content;
  while (at_ < text_.size() && text_[at_] != quote) {
    if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;  // the next one as it is
    content += text_[at_++];
  }
  if (at_ == text_.size()) {
    return made(Kind::kBad, begin, "the text that begins here has no end; close the quote");
  }
  ++at_;
  Token token = made(quote == '`' ? Kind::kName : Kind::kText, begin, std::move(content));
  token.quoted = quote == '`';
  return token;
}

Token Lexer::number() {
  const std::size_t begin = at_;
  if (text_[at_] == '+') ++at_;
  Token token;
  const char* first = text_.data() + at_;
  const auto [end, error] = std::from_chars(first, text_.data() + text_.size(), token.number);
  at_ = static_cast<std::size_t>(end - text_.data());
  const bool runs_on = at_ < text_.size() && (starts_name(text_[at_]) || is_digit(text_[at_]));
  if (error != std::errc() || runs_on || !std::isfinite(token.number)) {
    return made(Kind::kBad, begin, "not a number; text goes in quotes");
  }
  token.kind = Kind::kNumber;
  token.text = text_.substr(begin, at_ - begin);
  token.begin = begin;
  token.end = at_;
  return token;
}

Token Lexer::symbol() {
  const std::size_t begin = at_;
  for (const std::string_view symbol : kSymbols) {
    if (!text_.substr(at_).starts_with(symbol)) continue;
    at_ += symbol.size();
    return made(Kind::kSymbol, begin, std::string(symbol));
  }
  ++at_;
  if (text_[begin] == '=') return made(Kind::kBad, begin, "'=' compares nothing; say '=='");
  if (text_[begin] == '&') return made(Kind::kBad, begin, "say 'and'");
  if (text_[begin] == '|') return made(Kind::kBad, begin, "say 'or'");
  if (text_[begin] == '!') return made(Kind::kBad, begin, "say 'not', or '!='");
  return made(Kind::kBad, begin, "this character means nothing here");
}

}  // namespace weir::query
