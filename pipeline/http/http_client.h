#pragma once
// A request to somebody's HTTP server and its answer, both of bounded size and time.

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/core/error.h"

namespace weir::http {

struct Request {
  std::string method = "GET";
  std::string url;                                           // http:// or https://
  std::vector<std::pair<std::string, std::string>> headers;  // name, value; never logged
  std::string body;
  std::chrono::milliseconds timeout{5'000};  // of everything, from the name to the last byte
  std::size_t response_bytes_max = 1U << 20;
};

struct Response {
  long status = 0;
  std::string content_type;
  std::string body;
};

/// Keeps its connection from one request to the next. No redirects, no cookies; proxies as the
/// environment says.
///
/// Threading: one thread at a time.
class Client {
 public:
  Client();
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// An answer of any status is an answer. kRetry: there was none, in time and within bounds;
  /// kFatal: no such request can be made. Messages name host and path, never headers or a query.
  Result<Response> send(const Request& request);

 private:
  void* curl_;
};

}  // namespace weir::http
