#include "pipeline/telemetry/listen_address.h"

#include <charconv>

#include <arpa/inet.h>
#include <fmt/format.h>

namespace weir::telemetry {

std::optional<ListenAddress> parse_listen_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);

  ListenAddress address;
  const auto [end, failure] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (port.empty() || failure != std::errc{} || end != port.data() + port.size())
    return std::nullopt;

  if (host == "localhost") host = "127.0.0.1";
  address.ipv6 = host.starts_with('[') && host.ends_with(']');
  if (address.ipv6) host = host.substr(1, host.size() - 2);
  address.host = host;
  in6_addr parsed;  // large enough for either family
  if (inet_pton(address.ipv6 ? AF_INET6 : AF_INET, address.host.c_str(), &parsed) != 1)
    return std::nullopt;
  return address;
}

std::string to_string(const ListenAddress& address) {
  return address.ipv6 ? fmt::format("[{}]:{}", address.host, address.port)
                      : fmt::format("{}:{}", address.host, address.port);
}

}  // namespace weir::telemetry
