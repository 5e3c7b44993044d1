#include "pipeline/console/feed_filter.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>

#include <fmt/core.h>

namespace weir::console {
namespace {

template <class T>
Status read_number(const Query& query, const char* name, std::optional<T>& out) {
  const char* text = query(name);
  if (text == nullptr || *text == 0) return ok();
  const std::string_view view(text);
  T value{};
  const auto [end, failure] = std::from_chars(view.data(), view.data() + view.size(), value);
  if (failure != std::errc{} || end != view.data() + view.size() ||
      !std::isfinite(static_cast<double>(value))) {
    return fatal(fmt::format("{} must be a number", name));
  }
  out = value;
  return ok();
}

std::string text_of(const Query& query, const char* name) {
  const char* text = query(name);
  return text == nullptr ? std::string() : std::string(text);
}

}  // namespace

bool FeedFilter::matches(const KeptVerdict& v) const {
  if (!actions.empty() && std::ranges::find(actions, v.action) == actions.end()) return false;
  if (min_p && (!v.p || *v.p < *min_p)) return false;
  if (min_amount_minor && v.amount_minor < *min_amount_minor) return false;
  if (!currency.empty() && v.currency != currency) return false;
  if (!user.empty() && v.user_id != user) return false;
  if (!merchant.empty() && v.merchant_id != merchant) return false;
  return !degraded || !v.degraded.empty();
}

Result<FeedFilter> parse_feed_filter(const Query& query) {
  FeedFilter filter;
  const std::string actions = text_of(query, "action");
  for (std::size_t at = 0; at < actions.size();) {
    const auto end = std::min(actions.find(',', at), actions.size());
    if (end > at) filter.actions.push_back(actions.substr(at, end - at));
    at = end + 1;
  }
  WEIR_RETURN_IF_ERROR(read_number(query, "min_p", filter.min_p));
  WEIR_RETURN_IF_ERROR(read_number(query, "min_amount_minor", filter.min_amount_minor));
  filter.currency = text_of(query, "currency");
  filter.user = text_of(query, "user");
  filter.merchant = text_of(query, "merchant");
  filter.degraded = text_of(query, "degraded") == "1";
  return filter;
}

}  // namespace weir::console
