#pragma once
// "127.0.0.1:9464", "[::1]:9464", "localhost:0": where a server listens. Names other than localhost
// are refused, because a name may resolve to more than the operator meant to open.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir::telemetry {

struct ListenAddress {
  std::string host;        // numeric, without brackets
  std::uint16_t port = 0;  // 0: any free port
  bool ipv6 = false;
};

std::optional<ListenAddress> parse_listen_address(std::string_view text);
std::string to_string(const ListenAddress& address);

}  // namespace weir::telemetry
