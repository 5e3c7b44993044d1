#include "pipeline/telemetry/admin_server.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <microhttpd.h>
#include <sys/socket.h>

#include "pipeline/telemetry/accept.h"
#include "pipeline/telemetry/listening_socket.h"

namespace weir::telemetry {
namespace {

// LibTorch's static thread-local storage is taken from every thread's stack; small stacks then fail
// to start.
constexpr std::size_t kStackBytes = 2U << 20;
constexpr std::size_t kConnectionMemoryBytes = 16U << 10;
constexpr unsigned kIdleTimeoutSeconds = 10;
// The library stops accepting at its own limit. It stays above ours, so that a new client is always
// let in.
constexpr unsigned kLibraryConnectionsMax = AdminServer::kConnectionsMax + 64;

struct Reply {
  unsigned status = MHD_HTTP_OK;
  const char* content_type = "application/json";
  std::string body;
};

void append_json_list(std::string& out, const std::vector<std::string>& texts) {
  out += '[';
  for (const std::string& text : texts) {  // our own words: nothing to escape
    if (out.back() != '[') out += ',';
    out += '"' + text + '"';
  }
  out += ']';
}

Reply probe(std::string_view state, std::string_view reasons_name,
            const std::vector<std::string>& reasons) {
  const bool good = reasons.empty();
  Reply reply;
  reply.status = good ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
  reply.body = fmt::format(R"({{"{}":{},"{}":)", state, good, reasons_name);
  append_json_list(reply.body, reasons);
  reply.body += "}\n";
  return reply;
}

}  // namespace

/// Everything below runs on the library's one thread, except start and stop.
struct AdminServer::Impl {
  const Exposition& exposition;
  const Health& health;
  MHD_Daemon* daemon = nullptr;
  std::uint16_t port = 0;
  std::deque<MHD_Connection*> connections;  // oldest first

  Impl(const Exposition& e, const Health& h) : exposition(e), health(h) {}
  ~Impl() {
    if (daemon != nullptr) MHD_stop_daemon(daemon);
  }

  [[nodiscard]] Reply reply_to(std::string_view path, std::string_view accept) const {
    if (path == "/metrics" && wants_openmetrics(accept)) {
      return {MHD_HTTP_OK, "application/openmetrics-text; version=1.0.0; charset=utf-8",
              exposition.render_openmetrics()};
    }
    if (path == "/metrics") {
      return {MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8",
              exposition.render_prometheus()};
    }
    if (path == "/livez") return probe("live", "stalled", health.stalled());
    if (path == "/readyz") return probe("ready", "waiting_for", health.waiting_for());
    return {MHD_HTTP_NOT_FOUND, "application/json",
            "{\"error\":\"not found\",\"paths\":[\"/metrics\",\"/livez\",\"/readyz\"]}\n"};
  }

  /// A new client when all places are taken: the oldest one goes. Its socket is only shut down
  /// here; the library sees the end of the stream and frees it.
  void admit(MHD_Connection* connection) {
    if (connections.size() >= kConnectionsMax) {
      const auto* info =
          MHD_get_connection_info(connections.front(), MHD_CONNECTION_INFO_CONNECTION_FD);
      if (info != nullptr) ::shutdown(info->connect_fd, SHUT_RDWR);
      connections.pop_front();
    }
    connections.push_back(connection);
  }

  void forget(const MHD_Connection* connection) {
    const auto found = std::find(connections.begin(), connections.end(), connection);
    if (found != connections.end()) connections.erase(found);
  }

  static void on_connection(void* self, MHD_Connection* connection, void**,
                            MHD_ConnectionNotificationCode code) {
    auto& impl = *static_cast<Impl*>(self);
    code == MHD_CONNECTION_NOTIFY_STARTED ? impl.admit(connection) : impl.forget(connection);
  }

  /// Called when a request's head is there, and once more when the request is complete. Answered at
  /// the second call, so that the connection stays open for the next request; a method that may
  /// bring a body is refused at the first.
  static MHD_Result on_request(void* self, MHD_Connection* connection, const char* url,
                               const char* method, const char*, const char*, size_t*,
                               void** request) {
    static char seen = 0;
    const bool reads = std::string_view(method) == "GET" || std::string_view(method) == "HEAD";
    if (reads && *request == nullptr) {
      *request = &seen;
      return MHD_YES;
    }
    Reply reply{MHD_HTTP_METHOD_NOT_ALLOWED, "application/json",
                "{\"error\":\"method not allowed\",\"allowed\":[\"GET\",\"HEAD\"]}\n"};
    if (reads) {
      const char* accept = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Accept");
      reply = static_cast<Impl*>(self)->reply_to(url, accept == nullptr ? "" : accept);
    }

    MHD_Response* response = MHD_create_response_from_buffer(reply.body.size(), reply.body.data(),
                                                             MHD_RESPMEM_MUST_COPY);
    if (response == nullptr) return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply.content_type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (!reads) MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    const MHD_Result queued = MHD_queue_response(connection, reply.status, response);
    MHD_destroy_response(response);
    return queued;
  }
};

AdminServer::AdminServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AdminServer::~AdminServer() = default;

std::uint16_t AdminServer::port() const {
  return impl_->port;
}

Result<std::unique_ptr<AdminServer>> AdminServer::start(const ListenAddress& address,
                                                        const Exposition& exposition,
                                                        const Health& health) {
  auto listener = open_listener(address, "admin.listen");
  if (!listener) return listener.error();
  auto impl = std::make_unique<Impl>(exposition, health);
  impl->port = bound_port(*listener);
  impl->daemon =
      MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, 0, nullptr, nullptr,
                       &Impl::on_request, impl.get(), MHD_OPTION_LISTEN_SOCKET, *listener,  //
                       MHD_OPTION_THREAD_STACK_SIZE, kStackBytes,                           //
                       MHD_OPTION_CONNECTION_LIMIT, kLibraryConnectionsMax,                 //
                       MHD_OPTION_CONNECTION_TIMEOUT, kIdleTimeoutSeconds,                  //
                       MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionMemoryBytes,          //
                       MHD_OPTION_NOTIFY_CONNECTION, &Impl::on_connection, impl.get(),      //
                       MHD_OPTION_END);
  if (impl->daemon == nullptr) {
    // The listener is the library's by now: it may have closed it already, so it is not closed
    // again here.
    return fatal(fmt::format("admin endpoint cannot start its thread: {}", std::strerror(errno)));
  }
  return std::unique_ptr<AdminServer>(new AdminServer(std::move(impl)));
}

}  // namespace weir::telemetry
