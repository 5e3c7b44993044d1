#pragma once
// One HTTP request at a time, bounded in time and size. The only folder that includes libcurl.

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/core/error.h"

namespace weir::http {

struct Request {
  std::string method = "GET";
  std::string url;                   // http:// or https://
  std::vector<std::string> headers;  // "Name: value"
  std::string body;                  // sent with every method but GET
  /// Name and password for basic authentication; empty: none.
  std::string user;
  std::string password;
  std::string bearer_token;  // empty: none
};

struct Response {
  long status = 0;  // 200, 404, ...
  std::string body;
};

struct ClientOptions {
  std::chrono::milliseconds connect_timeout{2'000};
  std::chrono::milliseconds timeout{5'000};    // of the whole exchange
  std::size_t response_bytes_max = 4U << 20U;  // a longer answer is an error
  std::string ca_file{};                       // certificates to trust; empty: the system's
};

/// Keeps its connection from request to request. Follows no redirect, takes no proxy from the
/// environment.
///
/// Threading: one thread at a time.
class Client {
 public:
  explicit Client(ClientOptions options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Any answer is a response, whatever its status. kRetry: there was none, in time and within
  /// bounds; kFatal: no such request can be made. Messages name host and path, never a password, a
  /// token, a header or a query.
  Result<Response> send(const Request& request);

 private:
  struct Handle;
  const ClientOptions options_;
  std::unique_ptr<Handle> handle_;
};

/// For people: without what may be a secret, that is user, password and query.
std::string shown_url(std::string_view url);

/// One path segment: everything but letters, digits and "-._~" as %XX.
std::string escape_segment(std::string_view text);

}  // namespace weir::http
