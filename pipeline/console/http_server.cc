#include "pipeline/console/http_server.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <optional>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "operators/json_text.h"
#include "pipeline/telemetry/listening_socket.h"

namespace weir::console {
namespace {

// As for the admin listener: LibTorch's thread-local storage is taken from every thread's stack.
constexpr std::size_t kStackBytes = 2U << 20;
constexpr std::size_t kConnectionMemoryBytes = 32U << 10;
constexpr unsigned kIdleTimeoutSeconds = 15;
constexpr std::size_t kFeedBlockBytes = 16U << 10;
constexpr std::string_view kFeedPath = "/api/feed";

std::string header(MHD_Connection* connection, const char* name) {
  const char* value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
  return value == nullptr ? std::string() : std::string(value);
}

std::string address_of(MHD_Connection* connection) {
  const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  if (info == nullptr || info->client_addr == nullptr) return {};
  char text[INET6_ADDRSTRLEN] = {};
  const sockaddr* any = info->client_addr;
  const void* bytes =
      any->sa_family == AF_INET6
          ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in6*>(any)->sin6_addr)
          : static_cast<const void*>(&reinterpret_cast<const sockaddr_in*>(any)->sin_addr);
  return ::inet_ntop(any->sa_family, bytes, text, sizeof text) == nullptr ? std::string() : text;
}

MHD_Result add_parameter(void* into, MHD_ValueKind, const char* name, const char* value) {
  static_cast<std::map<std::string, std::string>*>(into)->emplace(name, value ? value : "");
  return MHD_YES;
}

/// A suspended connection is resumed by whoever has the reply; the lock settles who comes first.
class Waiting final : public Later {
 public:
  explicit Waiting(MHD_Connection* connection) : connection_(connection) {}
  void reply(Reply reply) override {
    const std::scoped_lock lock(mutex_);
    if (reply_) return;
    reply_ = std::move(reply);
    if (suspended_) MHD_resume_connection(connection_);
  }
  /// The reply if it is there; else the connection sleeps until it is.
  const Reply* take_or_suspend() {
    const std::scoped_lock lock(mutex_);
    if (reply_) return &*reply_;
    suspended_ = true;
    MHD_suspend_connection(connection_);
    return nullptr;
  }

 private:
  std::mutex mutex_;
  MHD_Connection* connection_;
  bool suspended_ = false;
  std::optional<Reply> reply_;
};

class FeedOutlet final : public Outlet {
 public:
  explicit FeedOutlet(MHD_Connection* connection) : connection_(connection) {}

  bool push(std::string_view bytes) override {
    const std::scoped_lock lock(mutex_);
    if (connection_ == nullptr || ended_) return false;
    if (buffer_.size() - sent_ + bytes.size() > HttpServer::kFeedBytesMax) {
      too_slow_ = ended_ = true;
      // The library sees the end of the stream, and frees it: the client need not read on for that.
      const auto* info = MHD_get_connection_info(connection_, MHD_CONNECTION_INFO_CONNECTION_FD);
      if (info != nullptr) ::shutdown(info->connect_fd, SHUT_RDWR);
      wake();
      return false;
    }
    buffer_.append(bytes);
    wake();
    return true;
  }
  void end() override {
    const std::scoped_lock lock(mutex_);
    ended_ = true;
    if (connection_ != nullptr) wake();
  }
  [[nodiscard]] bool too_slow() const override {
    const std::scoped_lock lock(mutex_);
    return too_slow_;
  }

  /// The library's thread, when the client can take more.
  ssize_t read(char* out, std::size_t max) {
    const std::scoped_lock lock(mutex_);
    const std::size_t count = std::min(max, buffer_.size() - sent_);
    if (count == 0) {
      if (ended_) return MHD_CONTENT_READER_END_OF_STREAM;
      suspended_ = true;
      MHD_suspend_connection(connection_);
      return 0;
    }
    std::memcpy(out, buffer_.data() + sent_, count);
    sent_ += count;
    if (sent_ == buffer_.size()) {
      buffer_.clear();
      sent_ = 0;
    } else if (sent_ > HttpServer::kFeedBytesMax / 2) {
      buffer_.erase(0, std::exchange(sent_, 0));
    }
    return static_cast<ssize_t>(count);
  }
  /// The same: nothing of the connection may be used any more.
  void closed() {
    const std::scoped_lock lock(mutex_);
    connection_ = nullptr;
  }

 private:
  void wake() {
    if (std::exchange(suspended_, false)) MHD_resume_connection(connection_);
  }

  mutable std::mutex mutex_;
  MHD_Connection* connection_;  // null: gone
  std::string buffer_;
  std::size_t sent_ = 0;
  bool suspended_ = false, ended_ = false, too_slow_ = false;
};

ssize_t read_feed(void* self, std::uint64_t, char* out, size_t max) {
  return (*static_cast<std::shared_ptr<FeedOutlet>*>(self))->read(out, max);
}
void free_feed(void* self) {
  auto* outlet = static_cast<std::shared_ptr<FeedOutlet>*>(self);
  (*outlet)->closed();
  delete outlet;
}

/// One request while it is read and answered.
struct Open {
  Request request;
  bool too_large = false;
  std::shared_ptr<Waiting> waiting;
};

void add_headers(MHD_Response* response, std::string_view type) {
  MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, std::string(type).c_str());
  MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
  MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
  MHD_add_response_header(response, "Content-Security-Policy",
                          "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
                          "form-action 'self'");
}

MHD_Result send(MHD_Connection* connection, const Reply& reply) {
  MHD_Response* response = MHD_create_response_from_buffer(
      reply.body.size(), const_cast<char*>(reply.body.data()), MHD_RESPMEM_MUST_COPY);
  if (response == nullptr) return MHD_NO;
  add_headers(response, reply.content_type);
  bool cached = false;
  for (const auto& [name, value] : reply.headers) {
    cached = cached || name == MHD_HTTP_HEADER_CACHE_CONTROL;
    MHD_add_response_header(response, name.c_str(), value.c_str());
  }
  if (!cached) MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
  const MHD_Result queued = MHD_queue_response(connection, reply.status, response);
  MHD_destroy_response(response);
  return queued;
}

}  // namespace

Reply json_reply(std::string body) {
  Reply reply;
  reply.body = std::move(body);
  return reply;
}

Reply error_reply(unsigned status, std::string_view error, std::string_view next) {
  Reply reply;
  reply.status = status;
  reply.body = R"({"error":)";
  operators::append_json_string(reply.body, error);
  reply.body += R"(,"next":)";
  operators::append_json_string(reply.body, next);
  reply.body += '}';
  return reply;
}

struct HttpServer::Impl {
  HttpOptions options;
  Handler handler;
  MHD_Daemon* daemon = nullptr;
  std::uint16_t port = 0;
  std::size_t connections = 0;  // of the library's thread

  ~Impl() {
    if (daemon != nullptr) MHD_stop_daemon(daemon);
  }

  void read_head(MHD_Connection* connection, const char* url, const char* method,
                 Request& request) const {
    request.method = method;
    request.path = url;
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, &add_parameter, &request.query);
    request.caller.address = address_of(connection);
    request.caller.host = header(connection, "Host");
    request.caller.origin = header(connection, "Origin");
    request.caller.content_type = header(connection, "Content-Type");
    request.caller.console_header = header(connection, "X-Weir-Console");
    if (!options.identity_header.empty()) {
      request.caller.identity = header(connection, options.identity_header.c_str());
    }
    request.last_event_id = header(connection, "Last-Event-ID");
    request.if_none_match = header(connection, "If-None-Match");
  }

  MHD_Result start_feed(MHD_Connection* connection, const Request& request) {
    auto answer = handler.feed(request);
    if (const auto* refusal = std::get_if<Reply>(&answer)) return send(connection, *refusal);
    const auto outlet = std::make_shared<FeedOutlet>(connection);
    MHD_Response* response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, kFeedBlockBytes, &read_feed,
                                          new std::shared_ptr<FeedOutlet>(outlet), &free_feed);
    if (response == nullptr) return MHD_NO;
    // Else the kernel takes megabytes for a client that does not read, before anybody notices.
    const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    const int bytes = HttpServer::kFeedKernelBytes;
    ::setsockopt(info->connect_fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    add_headers(response, "text/event-stream");
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(response, "X-Accel-Buffering", "no");  // proxies that would hold it
    const MHD_Result queued = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    std::get<1>(answer)(outlet);
    return queued;
  }

  MHD_Result answer(MHD_Connection* connection, Open& open) {
    if (open.waiting) {
      const Reply* reply = open.waiting->take_or_suspend();
      return reply == nullptr ? MHD_YES : send(connection, *reply);
    }
    if (open.too_large) {
      return send(connection, error_reply(413, "the body is too large", "write a shorter note"));
    }
    if (open.request.path == kFeedPath && open.request.method == "GET") {
      return start_feed(connection, open.request);
    }
    if (!handler.is_slow(open.request)) return send(connection, handler.now(open.request));
    open.waiting = std::make_shared<Waiting>(connection);
    handler.slow(std::move(open.request), open.waiting);
    return answer(connection, open);
  }

  static MHD_Result on_request(void* self, MHD_Connection* connection, const char* url,
                               const char* method, const char*, const char* data, size_t* size,
                               void** context) {
    auto& impl = *static_cast<Impl*>(self);
    if (is_surplus(connection)) return send(connection, full());
    if (*context == nullptr) {
      auto* open = new Open;
      impl.read_head(connection, url, method, open->request);
      *context = open;
      return MHD_YES;
    }
    auto& open = *static_cast<Open*>(*context);
    if (*size > 0) {
      open.too_large = open.too_large || open.request.body.size() + *size > kBodyBytesMax;
      if (!open.too_large) open.request.body.append(data, *size);
      *size = 0;
      return MHD_YES;
    }
    return impl.answer(connection, open);
  }

  static void on_connection(void* self, MHD_Connection*, void** surplus,
                            MHD_ConnectionNotificationCode what) {
    auto& impl = *static_cast<Impl*>(self);
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
      --impl.connections;
    } else if (++impl.connections > impl.options.connections_max) {
      *surplus = self;
    }
  }
  static bool is_surplus(MHD_Connection* connection) {
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
               ->socket_context != nullptr;
  }
  static Reply full() {
    Reply reply = error_reply(503, "all connections of this console are taken",
                              "close pages that nobody looks at, or try again in a moment");
    reply.headers.emplace_back("Retry-After", "2");
    reply.headers.emplace_back("Connection", "close");
    return reply;
  }

  static void on_completed(void*, MHD_Connection*, void** context, MHD_RequestTerminationCode) {
    delete static_cast<Open*>(std::exchange(*context, nullptr));
  }
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

std::uint16_t HttpServer::port() const {
  return impl_->port;
}

Result<std::unique_ptr<HttpServer>> HttpServer::start(const HttpOptions& options, Handler handler) {
  auto listener = telemetry::open_listener(options.address, "console.listen");
  if (!listener) return listener.error();
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  impl->handler = std::move(handler);
  impl->port = telemetry::bound_port(*listener);
  impl->daemon = MHD_start_daemon(
      MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME, 0, nullptr, nullptr,
      &Impl::on_request, impl.get(), MHD_OPTION_LISTEN_SOCKET, *listener,  //
      MHD_OPTION_THREAD_STACK_SIZE, kStackBytes,                           //
      MHD_OPTION_CONNECTION_LIMIT,
      static_cast<unsigned>(options.connections_max) + HttpServer::kRefusedMax,  //
      MHD_OPTION_NOTIFY_CONNECTION, &Impl::on_connection, impl.get(),            //
      MHD_OPTION_CONNECTION_TIMEOUT, kIdleTimeoutSeconds,                        //
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionMemoryBytes,                //
      MHD_OPTION_NOTIFY_COMPLETED, &Impl::on_completed, nullptr,                 //
      MHD_OPTION_END);
  if (impl->daemon == nullptr) {
    return fatal(fmt::format("the console cannot start its thread: {}", std::strerror(errno)));
  }
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

}  // namespace weir::console
