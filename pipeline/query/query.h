#pragma once
// A condition over JSON records: `weir tap --where`.
//
//   action == "decline" and (risk.fraud.p > 0.5 or merchant_id in ("a", "b"))
//   not duplicate and reasons[0].code ~ "amount" and exists(windows.user_count_1h)
//
//   condition  comparisons with and, or, not and parentheses; not binds tightest, then and
//   comparison == != < <= > >=   numbers by value (2 equals 2.0), texts byte by byte (so times of
//                                one form compare by time), true and false, == null, != null
//              in (..), not in (..)     one of some values
//              ~                 text contains text; a list contains an element equal to it
//   path       names with dots, [n] from 0; a name with other characters in back quotes
//   exists(p)  the field is there and not null
//   a path alone is true where the field is true
//
// What is missing or null compares as false with everything but null, also with !=. Types that do
// not fit are an error where the field's type is known, else false.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "pipeline/core/error.h"
#include "pipeline/query/field_catalogue.h"

namespace weir::query {

inline constexpr std::size_t kTextBytesMax = 4'096;
inline constexpr std::size_t kDepthMax = 32;   // parentheses and nots inside one another
inline constexpr std::size_t kNodesMax = 256;  // comparisons, ands, ors, nots, values

struct Node;

class Query {
 public:
  /// The error is three lines: the column and what is wrong, the text, a caret below the place.
  static Result<Query> parse(std::string_view text, const FieldCatalogue& fields = {});
  ~Query();
  Query(Query&&) noexcept;
  Query& operator=(Query&&) noexcept;

  [[nodiscard]] bool matches(const nlohmann::json& record) const;

 private:
  explicit Query(std::unique_ptr<Node> root);
  std::unique_ptr<Node> root_;
};

}  // namespace weir::query
