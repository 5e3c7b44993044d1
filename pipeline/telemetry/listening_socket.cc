#include "pipeline/telemetry/listening_socket.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace weir::telemetry {
namespace {

/// An open socket that closes itself.
class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  [[nodiscard]] int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

union SocketAddress {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

}  // namespace

std::uint16_t bound_port(int fd) {
  SocketAddress bound{};
  socklen_t length = sizeof bound;
  if (::getsockname(fd, &bound.any, &length) != 0) return 0;
  return ntohs(bound.any.sa_family == AF_INET6 ? bound.v6.sin6_port : bound.v4.sin_port);
}

Result<int> open_listener(const ListenAddress& address, std::string_view key) {
  const auto failed = [&](std::string_view advice) {
    return fatal(fmt::format("{} cannot be used: {}; {}: {}", key, std::strerror(errno), advice,
                             to_string(address)));
  };
  SocketAddress where{};
  socklen_t length = sizeof where.v4;
  if (address.ipv6) {
    length = sizeof where.v6;
    where.v6.sin6_family = AF_INET6;
    where.v6.sin6_port = htons(address.port);
    ::inet_pton(AF_INET6, address.host.c_str(), &where.v6.sin6_addr);
  } else {
    where.v4.sin_family = AF_INET;
    where.v4.sin_port = htons(address.port);
    ::inet_pton(AF_INET, address.host.c_str(), &where.v4.sin_addr);
  }
  Socket listener(::socket(where.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (listener.get() < 0) return failed("check the address family");
  const int yes = 1;  // a restart need not wait for the old connections' last packets
  ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (::bind(listener.get(), &where.any, length) != 0) {
    return failed(errno == EADDRINUSE ? "another process has the port, choose a free one"
                                      : "choose an address of this machine");
  }
  if (::listen(listener.get(), SOMAXCONN) != 0) return failed("choose a free port");
  return listener.release();
}

}  // namespace weir::telemetry
