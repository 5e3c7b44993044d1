// weir probe: is the instance of this machine alive, or ready? For health checks where there is
// neither a shell nor curl.

#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <string>
#include <system_error>

#include <arpa/inet.h>
#include <fmt/core.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "pipeline/exit_code.h"
#include "pipeline/telemetry/listen_address.h"

namespace weir {
namespace {

constexpr timeval kPatience{2, 0};  // for each of connecting, sending and every read
constexpr std::size_t kAnswerBytesMax = 64 * 1024;

/// A socket that is closed with its scope.
class Socket {
 public:
  explicit Socket(int family) : descriptor_(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (descriptor_ < 0) return;
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
    ::setsockopt(descriptor_, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
  }
  ~Socket() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

/// Who listens on all addresses is asked on loopback.
telemetry::ListenAddress reachable(telemetry::ListenAddress address) {
  if (address.host == "0.0.0.0") address.host = "127.0.0.1";
  if (address.host == "::") address.host = "::1";
  return address;
}

bool connect_to(const Socket& socket, const telemetry::ListenAddress& address) {
  if (address.ipv6) {
    sockaddr_in6 peer{};
    peer.sin6_family = AF_INET6;
    peer.sin6_port = htons(address.port);
    ::inet_pton(AF_INET6, address.host.c_str(), &peer.sin6_addr);
    return ::connect(socket.descriptor(), reinterpret_cast<const sockaddr*>(&peer), sizeof peer) ==
           0;
  }
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  peer.sin_port = htons(address.port);
  ::inet_pton(AF_INET, address.host.c_str(), &peer.sin_addr);
  return ::connect(socket.descriptor(), reinterpret_cast<const sockaddr*>(&peer), sizeof peer) == 0;
}

Error no_answer(const telemetry::ListenAddress& address) {
  const std::error_code why(errno, std::generic_category());
  return retry(fmt::format("no answer from {}: {}; does `weir run` listen there (admin.listen)?",
                           to_string(address), why.message()));
}

/// The whole answer, as sent; the server closes when it is through (HTTP/1.0).
Result<std::string> get(const telemetry::ListenAddress& address, const std::string& path) {
  const Socket socket(address.ipv6 ? AF_INET6 : AF_INET);
  if (socket.descriptor() < 0 || !connect_to(socket, address)) return no_answer(address);
  const auto request = fmt::format("GET {} HTTP/1.0\r\nHost: {}\r\nConnection: close\r\n\r\n", path,
                                   to_string(address));
  if (::send(socket.descriptor(), request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    return no_answer(address);
  }
  std::string answer;
  char part[4096];
  while (answer.size() < kAnswerBytesMax) {
    const auto count = ::recv(socket.descriptor(), part, sizeof part, 0);
    if (count < 0) return no_answer(address);
    if (count == 0) break;
    answer.append(part, static_cast<std::size_t>(count));
  }
  return answer;
}

}  // namespace

int probe_command(const ProbeArguments& arguments) {
  std::string listen = arguments.address;
  if (!arguments.config.file.empty()) {
    const auto loaded = load_or_complain(arguments.config);
    if (!loaded) return kExitConfig;
    listen = loaded->config.admin_listen;
  }
  const auto address = telemetry::parse_listen_address(listen);
  if (!address || address->port == 0) {
    fmt::print(stderr, "weir: '{}' is no address to ask; write HOST:PORT, such as 127.0.0.1:9464\n",
               listen.substr(listen.rfind('@') + 1));  // no user and password
    return kExitUsage;
  }
  const auto answer = get(reachable(*address), arguments.question == "live" ? "/livez" : "/readyz");
  if (!answer) return report(answer.error(), kExitUnavailable);
  const auto head = answer->find("\r\n\r\n");
  if (!answer->starts_with("HTTP/1.") || head == std::string::npos) {
    fmt::print(stderr, "weir: what listens on {} is no Weir; ask where admin.listen says\n",
               to_string(*address));
    return kExitUnavailable;
  }
  const std::string_view body = std::string_view(*answer).substr(head + 4);
  fmt::print("{}{}", body, body.ends_with('\n') ? "" : "\n");
  return answer->substr(9, 3) == "200" ? kExitOk : kExitUnavailable;
}

}  // namespace weir
