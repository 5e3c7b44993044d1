#pragma once
// Which verdicts a feed shows, from its query: action=a,b min_p min_amount_minor currency user
// merchant degraded=1.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/console/kept_verdicts.h"
#include "pipeline/core/error.h"

namespace weir::console {

struct FeedFilter {
  std::vector<std::string> actions;  // empty: all
  std::optional<double> min_p;       // a verdict without p does not pass
  std::optional<std::int64_t> min_amount_minor;
  std::string currency, user, merchant;
  bool degraded = false;  // only those

  [[nodiscard]] bool matches(const KeptVerdict& verdict) const;
};

/// A value of the query, nullptr when it is not there.
using Query = std::function<const char*(const char* name)>;

/// The error names the parameter.
Result<FeedFilter> parse_feed_filter(const Query& query);

}  // namespace weir::console
