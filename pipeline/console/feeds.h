#pragma once
// The live feeds: who is connected, what each has seen, and what it gets next.
//
// Bounded: `feeds_max` places; of one turn a feed gets at most 25 verdicts, 64 dispositions and how
// many were left out. Threads: connect() from the HTTP thread, turn() from the console's clock.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/console/feed_filter.h"
#include "pipeline/console/http_server.h"
#include "pipeline/console/kept_verdicts.h"

namespace weir::console {

/// "event: NAME", "id: ID" where not 0, the data on one line (JSON has no line breaks), an empty
/// line.
std::string sse_event(std::string_view name, std::uint64_t id, std::string_view data);

class Feeds {
 public:
  Feeds(const KeptVerdicts& kept, std::size_t feeds_max) : kept_(kept), max_(feeds_max) {}

  /// A place for one more, or why not (503).
  [[nodiscard]] bool has_place() const;
  /// `last_event_id`: what the client saw last, empty at its first time.
  void connect(std::shared_ptr<Outlet> outlet, FeedFilter filter, const std::string& last_event_id);
  /// Four times a second. `figures` is empty where they are not due.
  void turn(const std::string& figures, bool comment_due);
  /// Ends every feed, and whatever connects later.
  void close();

  /// Without the lock: /metrics asks, and must not wait for a turn.
  [[nodiscard]] std::size_t clients() const { return clients_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  struct Feed {
    std::shared_ptr<Outlet> outlet;
    FeedFilter filter;
    std::uint64_t seen = 0;         // sequence of a verdict
    std::uint64_t disposition = 0;  // position
  };
  [[nodiscard]] std::string news_for(Feed& feed) const;

  const KeptVerdicts& kept_;
  const std::size_t max_;
  mutable std::mutex mutex_;
  std::vector<Feed> feeds_;
  bool closed_ = false;
  std::atomic<std::size_t> clients_{0};
  std::atomic<std::uint64_t> dropped_{0};
};

}  // namespace weir::console
