#pragma once
// The smallest HTTP client a test can trust: one socket, bytes in and out, a deadline on every
// read.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace weir::telemetry {

class Connection {
 public:
  explicit Connection(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval patience{5, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  }
  ~Connection() {
    if (fd_ >= 0) ::close(fd_);
  }
  Connection(Connection&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), connected_(other.connected_) {}
  Connection& operator=(Connection&&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }
  bool send(std::string_view bytes) const {
    return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }
  /// Everything until the server closes; what came so far when nothing comes for five seconds.
  [[nodiscard]] std::string read_all() const {
    std::string text;
    char buffer[16384];
    for (ssize_t got; (got = ::recv(fd_, buffer, sizeof buffer, 0)) > 0;) {
      text.append(buffer, static_cast<std::size_t>(got));
    }
    return text;
  }
  /// True when the server has closed this connection, or does within five seconds.
  [[nodiscard]] bool closed_by_server() const {
    char byte = 0;
    const ssize_t got = ::recv(fd_, &byte, 1, 0);
    return got == 0 || (got < 0 && errno == ECONNRESET);
  }

 private:
  int fd_;
  bool connected_ = false;
};

/// One request, the whole response with head and body.
inline std::string fetch(std::uint16_t port, std::string_view method, std::string_view path) {
  const Connection connection(port);
  connection.send(std::string(method) + " " + std::string(path) +
                  " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  return connection.read_all();
}

}  // namespace weir::telemetry
