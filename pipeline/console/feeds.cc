#include "pipeline/console/feeds.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "pipeline/console/page_json.h"

namespace weir::console {
namespace {

constexpr std::size_t kShownMax = 25;      // of one turn
constexpr std::size_t kLookedMax = 5'000;  // verdicts that one feed looks at in one turn
/// With the longest notes 160 KB: whoever reads at all is never dropped for what one turn brings.
constexpr std::size_t kSaidMax = 64;

}  // namespace

std::string sse_event(std::string_view name, std::uint64_t id, std::string_view data) {
  return id == 0 ? fmt::format("event: {}\ndata: {}\n\n", name, data)
                 : fmt::format("event: {}\nid: {}\ndata: {}\n\n", name, id, data);
}

bool Feeds::has_place() const {
  const std::scoped_lock lock(mutex_);
  return !closed_ && feeds_.size() < max_;
}

void Feeds::connect(std::shared_ptr<Outlet> outlet, FeedFilter filter,
                    const std::string& last_event_id) {
  const std::uint64_t newest = kept_.newest_sequence();
  std::uint64_t seen = newest > kShownMax ? newest - kShownMax : 0;
  std::uint64_t last = 0;
  const auto [end, failure] =
      std::from_chars(last_event_id.data(), last_event_id.data() + last_event_id.size(), last);
  // A position of another start of the server may lie ahead of ours: then as at the first time.
  if (failure == std::errc{} && last > 0 && last <= newest) seen = last;
  const std::scoped_lock lock(mutex_);
  if (closed_) return outlet->end();
  outlet->push(": weir\n\n");
  feeds_.push_back({std::move(outlet), std::move(filter), seen, kept_.disposition_position()});
  clients_.store(feeds_.size(), std::memory_order_relaxed);
}

std::string Feeds::news_for(Feed& feed) const {
  const auto fresh = kept_.after(feed.seen, kLookedMax);
  std::string news;
  if (!fresh.empty()) {
    // What was not even looked at is skipped too, and may have matched.
    std::vector<Verdict> shown;
    for (const Verdict& verdict : fresh) {
      if (feed.filter.matches(*verdict)) shown.push_back(verdict);
    }
    const std::size_t skipped = shown.size() > kShownMax ? shown.size() - kShownMax : 0;
    shown.erase(shown.begin(), shown.begin() + static_cast<std::ptrdiff_t>(skipped));
    feed.seen = fresh.back()->sequence;
    if (!shown.empty()) {
      const Json json = {{"verdicts", summaries(shown, kept_)}, {"skipped", skipped}};
      news += sse_event("verdicts", feed.seen, dump(json));
    }
  }
  for (const Disposition& said : kept_.dispositions_after(feed.disposition, kSaidMax)) {
    news += sse_event("disposition", 0, dump(to_json(said)));
  }
  return news;
}

void Feeds::turn(const std::string& figures, bool comment_due) {
  const std::scoped_lock lock(mutex_);
  for (Feed& feed : feeds_) {
    std::string news = news_for(feed);
    if (!figures.empty()) news += sse_event("figures", 0, figures);
    if (comment_due) news += ": still here\n\n";
    if (news.empty() || feed.outlet->push(news)) continue;
    if (feed.outlet->too_slow()) dropped_.fetch_add(1, std::memory_order_relaxed);
    feed.outlet.reset();
  }
  std::erase_if(feeds_, [](const Feed& feed) { return feed.outlet == nullptr; });
  clients_.store(feeds_.size(), std::memory_order_relaxed);
}

void Feeds::close() {
  const std::scoped_lock lock(mutex_);
  closed_ = true;
  for (Feed& feed : feeds_) feed.outlet->end();
  feeds_.clear();
  clients_.store(0, std::memory_order_relaxed);
}

}  // namespace weir::console
