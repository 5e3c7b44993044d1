#pragma once
// Words of a condition. Columns count bytes from 0.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace weir::query {

struct Token {
  enum class Kind : std::uint8_t { kEnd, kName, kText, kNumber, kSymbol, kBad };
  Kind kind = Kind::kEnd;
  std::string text;     // a name or text without its quotes, a symbol as it stands, what is wrong
  bool quoted = false;  // a name in back quotes: never a keyword
  double number = 0;
  std::size_t begin = 0;
  std::size_t end = 0;
};

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}
  Token next();

 private:
  Token quoted(char quote);
  Token number();
  Token symbol();
  [[nodiscard]] Token made(Token::Kind kind, std::size_t begin, std::string text) const;

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace weir::query
