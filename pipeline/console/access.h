#pragma once
// Who asks, and whether they may: identity, and what keeps other pages of the same browser from
// deciding in an analyst's name.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::console {

struct AccessSettings {
  std::string analyst;                       // console.analyst
  std::string identity_header;               // console.identity_header
  std::vector<std::string> trusted_proxies;  // console.trusted_proxies
  bool on_loopback = true;                   // where the console listens
};

/// What the checks need of a request; absent headers are empty.
struct Caller {
  std::string address;  // numeric, of the socket
  std::string host, origin, content_type, console_header;
  std::string identity;  // value of the identity header
};

/// Why a request is refused.
struct Refusal {
  unsigned status;
  std::string error, next;
};

/// The analyst, or nullopt with `why_not` set to a sentence for the page.
std::optional<std::string> identify(const AccessSettings& settings, const Caller& caller,
                                    std::string& why_not);

/// Of every request. On loopback the Host must be one of this machine: a foreign page whose name
/// resolves to 127.0.0.1 reads nothing.
std::optional<Refusal> refuse_host(const AccessSettings& settings, const Caller& caller);

/// Of a request that changes something: the header X-Weir-Console (no foreign page can set it
/// without being asked by the browser whether it may), an Origin that is ours, JSON.
std::optional<Refusal> refuse_change(const Caller& caller);

}  // namespace weir::console
