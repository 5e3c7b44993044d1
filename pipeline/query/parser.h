#pragma once
// Text to condition: one token ahead, errors with their place.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "pipeline/query/field_catalogue.h"
#include "pipeline/query/lexer.h"
#include "pipeline/query/node.h"

namespace weir::query {

class Parser {
 public:
  Parser(std::string_view text, const FieldCatalogue& fields);

  /// Null: error() says why.
  std::unique_ptr<Node> parse();

  struct Mistake {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::string what;
  };
  [[nodiscard]] const Mistake& mistake() const { return *mistake_; }

 private:
  using Made = std::unique_ptr<Node>;
  struct PathHere {
    Path path;
    std::string plain;  // without numbers of lists
    FieldType type = FieldType::kAny;
    std::size_t begin = 0;
    std::size_t end = 0;
  };

  Made either();
  Made both();
  Made negated();
  Made primary();
  Made comparison();
  Made one_of(PathHere path, bool negate);
  Made exists();
  std::optional<PathHere> path();
  bool path_part(PathHere& path);
  std::optional<Literal> literal();
  bool fits(const PathHere& path, Operator what, const Literal& value, const Token& at);
  Made joined(Operator what, Made left, Made right);

  void step();
  [[nodiscard]] bool is_symbol(std::string_view symbol) const;
  [[nodiscard]] bool is_word(std::string_view word) const;
  bool expect(std::string_view symbol, std::string_view where);
  /// Returns null, so that it can be returned. The first mistake is kept.
  std::nullptr_t wrong(const Token& at, std::string what);
  std::nullptr_t wrong(std::size_t begin, std::size_t end, std::string what);
  Made counted(Made node);

  Lexer lexer_;
  const FieldCatalogue& fields_;
  Token token_;
  std::optional<Mistake> mistake_;
  std::size_t depth_ = 0;
  std::size_t nodes_ = 0;
};

}  // namespace weir::query
