#pragma once
// Filters as people write them: "amount >= 100 and channel = web and fraud = yes".

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

#include "pipeline/config/diagnostic.h"
#include "state/windows/declaration.h"

namespace weir::config {

/// What is wrong with a filter, and at which character of its text (from 1).
struct FilterFlaw {
  std::size_t column = 1;
  Complaint complaint;
};

inline constexpr std::size_t kFilterTermsMax = 16;

/// Terms joined by `and`; all must hold. A term is a field, one of = != < <= > >=, and a value:
///
///   amount            a decimal number of major units, at most four places
///   ratio             a decimal number, at most three places
///   fraud, labelled   yes or no; = and != only
///   card_present      yes or no; = and != only. Unknown is neither: != holds
///   mcc               1 to 9999
///   country, merchant_country, currency    codes; = and != only
///   channel           a name; = and != only
///   user, merchant, device, ip, card       an id; = and != only
///
/// A value with spaces or operators in it stands in double quotes.
std::variant<state::Filter, FilterFlaw> parse_filter(std::string_view text);

/// The same filter in one form of words, whatever spaces, quotes and zeros it was written with:
/// "amount >= 100 and channel = web". Terms keep their order. `text` is one that parse_filter()
/// takes.
std::string canonical_filter(std::string_view text);

}  // namespace weir::config
