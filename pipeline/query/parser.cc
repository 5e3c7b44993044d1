#include "pipeline/query/parser.h"

#include <array>
#include <utility>

#include <fmt/core.h>

#include "pipeline/query/query.h"

namespace weir::query {
namespace {

using Kind = Token::Kind;

constexpr std::array<std::pair<std::string_view, Operator>, 7> kComparisons = {
    {{"==", Operator::kEqual},
     {"!=", Operator::kUnequal},
     {"<", Operator::kLess},
     {"<=", Operator::kLessOrEqual},
     {">", Operator::kMore},
     {">=", Operator::kMoreOrEqual},
     {"~", Operator::kContains}}};
constexpr std::array<std::string_view, 8> kKeywords = {"and",    "or",   "not",   "in",
                                                       "exists", "true", "false", "null"};

std::string_view type_name(FieldType type) {
  constexpr std::array<std::string_view, 4> kNames = {"anything", "text", "a number",
                                                      "true or false"};
  return kNames[static_cast<std::size_t>(type)];
}

FieldType type_of(const Literal& value) {
  constexpr std::array<FieldType, 4> kTypes = {FieldType::kAny, FieldType::kBool,
                                               FieldType::kNumber, FieldType::kText};
  return kTypes[value.index()];
}

bool is_order(Operator what) {
  return what == Operator::kLess || what == Operator::kLessOrEqual || what == Operator::kMore ||
         what == Operator::kMoreOrEqual;
}

std::unique_ptr<Node> leaf(Operator what, Path path, std::vector<Literal> values) {
  auto node = std::make_unique<Node>();
  node->what = what;
  node->path = std::move(path);
  node->values = std::move(values);
  return node;
}

}  // namespace

Parser::Parser(std::string_view text, const FieldCatalogue& fields)
    : lexer_(text), fields_(fields) {
  step();
}

void Parser::step() {
  token_ = lexer_.next();
  if (token_.kind == Kind::kBad) wrong(token_, token_.text);
}

bool Parser::is_symbol(std::string_view symbol) const {
  return token_.kind == Kind::kSymbol && token_.text == symbol;
}

bool Parser::is_word(std::string_view word) const {
  return token_.kind == Kind::kName && !token_.quoted && token_.text == word;
}

bool Parser::expect(std::string_view symbol, std::string_view where) {
  if (!is_symbol(symbol)) {
    wrong(token_, fmt::format("'{}' expected {}", symbol, where));
    return false;
  }
  step();
  return true;
}

std::nullptr_t Parser::wrong(const Token& at, std::string what) {
  return wrong(at.begin, at.end, std::move(what));
}

std::nullptr_t Parser::wrong(std::size_t begin, std::size_t end, std::string what) {
  if (!mistake_) mistake_ = Mistake{begin, end, std::move(what)};
  return nullptr;
}

Parser::Made Parser::counted(Made node) {
  if (++nodes_ > kNodesMax) return wrong(token_, fmt::format("more than {} parts", kNodesMax));
  return node;
}

std::unique_ptr<Node> Parser::parse() {
  Made root = either();
  if (root && token_.kind != Kind::kEnd) {
    wrong(token_, "'and' or 'or' expected between conditions");
  }
  return mistake_ ? nullptr : std::move(root);
}

Parser::Made Parser::joined(Operator what, Made left, Made right) {
  if (!left || !right) return nullptr;
  if (left->what != what) {
    auto node = std::make_unique<Node>();
    node->what = what;
    node->inner.push_back(std::move(left));
    left = counted(std::move(node));
    if (!left) return nullptr;
  }
  left->inner.push_back(std::move(right));
  return left;
}

Parser::Made Parser::either() {
  Made left = both();
  while (left && is_word("or")) {
    step();
    left = joined(Operator::kOr, std::move(left), both());
  }
  return left;
}

Parser::Made Parser::both() {
  Made left = negated();
  while (left && is_word("and")) {
    step();
    left = joined(Operator::kAnd, std::move(left), negated());
  }
  return left;
}

Parser::Made Parser::negated() {
  if (!is_word("not")) return primary();
  if (++depth_ > kDepthMax) {
    return wrong(token_, fmt::format("more than {} levels inside one another", kDepthMax));
  }
  step();
  auto node = std::make_unique<Node>();
  node->what = Operator::kNot;
  node->inner.push_back(negated());
  --depth_;
  return node->inner.front() ? counted(std::move(node)) : nullptr;
}

Parser::Made Parser::primary() {
  if (is_symbol("(")) {
    if (++depth_ > kDepthMax) {
      return wrong(token_, fmt::format("more than {} levels inside one another", kDepthMax));
    }
    step();
    Made inner = either();
    --depth_;
    return inner && expect(")", "to close the parenthesis") ? std::move(inner) : nullptr;
  }
  if (is_word("exists")) return exists();
  return comparison();
}

Parser::Made Parser::exists() {
  step();
  if (!expect("(", "behind exists")) return nullptr;
  auto here = path();
  if (!here || !expect(")", "behind the path")) return nullptr;
  return counted(leaf(Operator::kExists, std::move(here->path), {}));
}

Parser::Made Parser::comparison() {
  auto here = path();
  if (!here) return nullptr;
  if (is_word("in")) return one_of(std::move(*here), false);
  if (is_word("not")) {
    step();
    if (!is_word("in")) return wrong(token_, "'in' expected behind 'not'");
    return one_of(std::move(*here), true);
  }
  for (const auto& [symbol, what] : kComparisons) {
    if (!is_symbol(symbol)) continue;
    step();
    const Token at = token_;
    auto value = literal();
    if (!value || !fits(*here, what, *value, at)) return nullptr;
    return counted(leaf(what, std::move(here->path), {std::move(*value)}));
  }
  if (here->type != FieldType::kAny && here->type != FieldType::kBool) {
    return wrong(token_, fmt::format("{} is {}: a comparison expected (== != < <= > >= ~ in)",
                                     here->plain, type_name(here->type)));
  }
  return counted(leaf(Operator::kTrue, std::move(here->path), {}));
}

Parser::Made Parser::one_of(PathHere here, bool negate) {
  step();
  if (!expect("(", "behind in")) return nullptr;
  std::vector<Literal> values;
  do {
    if (is_symbol(",")) step();
    const Token at = token_;
    auto value = literal();
    if (!value || !fits(here, Operator::kEqual, *value, at)) return nullptr;
    values.push_back(std::move(*value));
    if (++nodes_ > kNodesMax) return wrong(at, fmt::format("more than {} parts", kNodesMax));
  } while (is_symbol(","));
  if (!expect(")", "behind the values")) return nullptr;
  Made in = counted(leaf(Operator::kIn, here.path, std::move(values)));
  if (!negate || !in) return in;
  auto outside = std::make_unique<Node>();  // as != : what is missing is not outside either
  outside->what = Operator::kNot;
  outside->inner.push_back(std::move(in));
  return joined(Operator::kAnd, leaf(Operator::kExists, std::move(here.path), {}),
                std::move(outside));
}

std::optional<Parser::PathHere> Parser::path() {
  PathHere here;
  here.begin = token_.begin;
  if (token_.kind != Kind::kName) {
    wrong(token_, token_.kind == Kind::kText || token_.kind == Kind::kNumber
                      ? "a field stands on the left: action == \"decline\""
                      : "a field expected");
    return std::nullopt;
  }
  for (const std::string_view keyword : kKeywords) {
    if (!is_word(keyword)) continue;
    wrong(token_, fmt::format("a field expected, not '{}'; a field of that name goes in back "
                              "quotes",
                              keyword));
    return std::nullopt;
  }
  here.path.emplace_back(token_.text);
  here.plain = token_.text;
  here.end = token_.end;
  step();
  while (is_symbol(".") || is_symbol("[")) {
    if (!path_part(here)) return std::nullopt;
  }
  const auto type = fields_.find(here.plain);
  if (!type) {
    const auto nearest = fields_.nearest(here.plain);
    wrong(here.begin, here.end,
          fmt::format("there is no field '{}'{}", here.plain,
                      nearest ? fmt::format("; did you mean '{}'?", *nearest) : std::string()));
    return std::nullopt;
  }
  here.type = *type;
  return here;
}

bool Parser::path_part(PathHere& here) {
  const bool dot = is_symbol(".");
  step();
  if (dot) {
    if (token_.kind != Kind::kName) {
      wrong(token_, "a name expected behind the dot");
      return false;
    }
    here.path.emplace_back(token_.text);
    here.plain += '.' + token_.text;
    here.end = token_.end;
    step();
    return true;
  }
  constexpr double kIndexMax = 1e6;
  if (token_.kind != Kind::kNumber || token_.number < 0 || token_.number > kIndexMax ||
      token_.text.find_first_not_of("0123456789") != std::string::npos) {
    wrong(token_, "a place in the list expected, from 0: reasons[0].code");
    return false;
  }
  here.path.emplace_back(static_cast<std::size_t>(token_.number));
  step();
  here.end = token_.end;
  return expect("]", "behind the place in the list");
}

std::optional<Literal> Parser::literal() {
  std::optional<Literal> value;
  if (token_.kind == Kind::kText) {
    value = Literal(token_.text);
  } else if (token_.kind == Kind::kNumber) {
    value = Literal(token_.number);
  } else if (is_word("true") || is_word("false")) {
    value = Literal(token_.text == "true");
  } else if (is_word("null")) {
    value = Literal();
  } else {
    wrong(token_, token_.kind == Kind::kName
                      ? fmt::format("a value expected: text goes in quotes, \"{}\"", token_.text)
                      : "a value expected: \"text\", a number, true, false or null");
    return std::nullopt;
  }
  step();
  return value;
}

bool Parser::fits(const PathHere& here, Operator what, const Literal& value, const Token& at) {
  const FieldType given = type_of(value);
  const bool is_null = value.index() == 0;
  if (is_null && what != Operator::kEqual && what != Operator::kUnequal) {
    wrong(at, "null goes with == and != only");
    return false;
  }
  if (is_order(what) && given == FieldType::kBool) {
    wrong(at, "true and false have no order; compare with == or !=");
    return false;
  }
  if (what == Operator::kContains && here.type != FieldType::kAny &&
      (here.type != FieldType::kText || given != FieldType::kText)) {
    wrong(at, fmt::format("~ looks for a text inside a text; {} is {}", here.plain,
                          type_name(here.type)));
    return false;
  }
  if (!is_null && here.type != FieldType::kAny && here.type != given) {
    wrong(at,
          fmt::format("{} is {}, this is {}", here.plain, type_name(here.type), type_name(given)));
    return false;
  }
  return true;
}

}  // namespace weir::query
