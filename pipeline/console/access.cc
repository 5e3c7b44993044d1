#include "pipeline/console/access.h"

#include <algorithm>

#include "pipeline/config/text_forms.h"

namespace weir::console {
namespace {

bool is_loopback(std::string_view address) {
  return address.starts_with("127.") || address == "::1" || address.starts_with("::ffff:127.");
}

/// Without the port: "[::1]:80" and "localhost:80" as "[::1]" and "localhost".
std::string_view name_of_host(std::string_view host) {
  if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
  return host.substr(0, host.find(':'));
}

}  // namespace

std::optional<std::string> identify(const AccessSettings& settings, const Caller& caller,
                                    std::string& why_not) {
  if (!settings.identity_header.empty()) {
    const bool believed = is_loopback(caller.address) ||
                          std::ranges::find(settings.trusted_proxies, caller.address) !=
                              settings.trusted_proxies.end();
    if (!believed) {
      why_not = "You came past the proxy that says who you are: open the console through it.";
      return std::nullopt;
    }
    if (!caller.identity.empty() && config::is_analyst(caller.identity)) return caller.identity;
    if (settings.analyst.empty()) {
      why_not = "The proxy did not say who you are: header " + settings.identity_header +
                " is missing or unusable.";
      return std::nullopt;
    }
  }
  if (!settings.analyst.empty()) return settings.analyst;
  why_not =
      "Nobody says who you are: set console.identity_header (behind a proxy) or console.analyst.";
  return std::nullopt;
}

std::optional<Refusal> refuse_host(const AccessSettings& settings, const Caller& caller) {
  if (!settings.on_loopback || !is_loopback(caller.address)) return std::nullopt;
  if (!settings.identity_header.empty()) return std::nullopt;  // a proxy passes the public name on
  const auto name = name_of_host(caller.host);
  // 127.0.0.1 is an address; 127.evil.example is a name.
  if (name == "localhost" || name == "[::1]") return std::nullopt;
  if (is_loopback(name) && config::is_ip_address(name)) return std::nullopt;
  return Refusal{403, "this name is not the console's", "open it as 127.0.0.1 or localhost"};
}

std::optional<Refusal> refuse_change(const Caller& caller) {
  if (caller.console_header != "1") {
    return Refusal{403, "header X-Weir-Console: 1 is missing", "use the console's own page"};
  }
  if (!caller.origin.empty()) {
    const auto scheme = caller.origin.find("://");
    const auto theirs =
        scheme == std::string::npos ? std::string() : caller.origin.substr(scheme + 3);
    if (theirs != caller.host) {
      return Refusal{403, "the request comes from another page", "use the console's own page"};
    }
  }
  if (!caller.content_type.starts_with("application/json")) {
    return Refusal{415, "the body must be application/json", "use the console's own page"};
  }
  return std::nullopt;
}

}  // namespace weir::console
