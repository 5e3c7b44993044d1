#pragma once
// HTTP for the console: one listener, one thread (epoll) for all clients, live feeds included. A
// feed or a request that waits for Kafka costs a connection, no thread.
//
// Bounded: connections, bytes of a body, bytes that wait for a feed's client, here and in the
// kernel. A client that does not take what it asked for is dropped. When all connections are taken,
// some more are accepted only to be told so (503 with Retry-After).

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "pipeline/console/access.h"
#include "pipeline/core/error.h"
#include "pipeline/telemetry/listen_address.h"

namespace weir::console {

struct Request {
  std::string method, path;
  std::map<std::string, std::string> query;
  Caller caller;
  std::string body;
  std::string last_event_id, if_none_match;
};

struct Reply {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};
Reply json_reply(std::string body);
Reply error_reply(unsigned status, std::string_view error, std::string_view next);

/// A reply that another thread gives: exactly once, by whoever holds it.
class Later {
 public:
  virtual ~Later() = default;
  virtual void reply(Reply reply) = 0;
};

/// The server's end of one client's feed. Any thread.
class Outlet {
 public:
  virtual ~Outlet() = default;
  /// False: the client has gone, or was dropped because it reads too slowly.
  virtual bool push(std::string_view bytes) = 0;
  /// Ends the answer.
  virtual void end() = 0;
  [[nodiscard]] virtual bool too_slow() const = 0;
};

/// What becomes of a request: a reply now, one later, or a feed.
struct Handler {
  std::function<bool(const Request&)> is_slow;  // to be answered by `slow`
  std::function<Reply(const Request&)> now;     // on the HTTP thread: short
  std::function<void(Request, std::shared_ptr<Later>)> slow;
  /// nullopt-like: a Reply refuses, an outlet's taker accepts.
  std::function<std::variant<Reply, std::function<void(std::shared_ptr<Outlet>)>>(const Request&)>
      feed;  // of GET /api/feed
};

struct HttpOptions {
  telemetry::ListenAddress address;
  std::string identity_header;
  std::size_t connections_max = 192;
};

class HttpServer {
 public:
  static constexpr std::size_t kBodyBytesMax = 16U << 10;
  static constexpr std::size_t kFeedBytesMax = 512U << 10;
  static constexpr int kFeedKernelBytes = 128 << 10;
  static constexpr unsigned kRefusedMax = 32;  // beyond these, new ones wait to be accepted

  /// Serves until destroyed. kFatal with the key's name when the address cannot be used.
  static Result<std::unique_ptr<HttpServer>> start(const HttpOptions& options, Handler handler);
  /// Every Later must have been answered before, and no push() may come after.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  [[nodiscard]] std::uint16_t port() const;

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace weir::console
