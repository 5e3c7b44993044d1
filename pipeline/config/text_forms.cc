#include "pipeline/config/text_forms.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>

#include "pipeline/core/money.h"
#include "pipeline/telemetry/listen_address.h"

namespace weir::config {
namespace {

constexpr std::size_t kTopicNameBytesMax = 249;  // Kafka's own limit
constexpr std::size_t kIdentityBytesMax = 64;

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

bool is_name(std::string_view text, std::size_t bytes_max) {
  return !text.empty() && text.size() <= bytes_max && text != "." && text != ".." &&
         std::all_of(text.begin(), text.end(), is_name_character);
}

bool is_broker(std::string_view text) {
  const auto scheme_end = text.find("://");  // librdkafka takes "SASL_SSL://host:port" too
  if (scheme_end != std::string_view::npos) text.remove_prefix(scheme_end + 3);
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const std::string_view port = text.substr(colon + 1);
  std::uint16_t number = 0;
  const auto [end, failure] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (failure != std::errc{} || end != port.data() + port.size() || number == 0) return false;
  const std::string_view host = text.substr(0, colon);
  if (host.front() == '[') return host.size() > 2 && host.back() == ']';
  return std::all_of(host.begin(), host.end(), is_name_character);
}

}  // namespace

bool is_topic_name(std::string_view text) {
  return is_name(text, kTopicNameBytesMax);
}
bool is_identity(std::string_view text) {
  return is_name(text, kIdentityBytesMax);
}
bool is_property_name(std::string_view text) {
  return is_name(text, kTopicNameBytesMax);
}

bool is_broker_list(std::string_view text) {
  while (true) {
    const auto comma = text.find(',');
    if (!is_broker(text.substr(0, comma))) return false;
    if (comma == std::string_view::npos) return true;
    text.remove_prefix(comma + 1);
  }
}

bool is_listen_address(std::string_view text) {
  return telemetry::parse_listen_address(text).has_value();
}

bool is_console_address(std::string_view text) {
  return text.empty() || is_listen_address(text);
}

bool is_analyst(std::string_view text) {
  return text.size() <= 128 && std::ranges::all_of(text, [](char c) {
           return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
         });
}

bool is_header_name(std::string_view text) {
  return text.size() <= 64 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                  c == '-';
         });
}

bool is_ip_address(std::string_view text) {
  return telemetry::parse_listen_address(std::string(text) + ":0").has_value() ||
         telemetry::parse_listen_address("[" + std::string(text) + "]:0").has_value();
}

bool is_digest(std::string_view text) {
  constexpr std::string_view kPrefix = "sha256:";
  if (!text.starts_with(kPrefix)) return false;
  text.remove_prefix(kPrefix.size());
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

bool is_feature_name(std::string_view text) {
  const auto small = [](char c) { return c >= 'a' && c <= 'z'; };
  return !text.empty() && text.size() <= kIdentityBytesMax && small(text.front()) &&
         std::all_of(text.begin(), text.end(),
                     [&](char c) { return small(c) || (c >= '0' && c <= '9') || c == '_'; });
}

bool is_http_url_or_nothing(std::string_view text) {
  return text.empty() || is_http_url(text);
}

bool is_http_url(std::string_view text) {
  const std::string_view scheme = text.starts_with("https://") ? "https://" : "http://";
  if (!text.starts_with(scheme)) return false;
  text.remove_prefix(scheme.size());
  return !text.empty() && !text.starts_with('/') && std::ranges::all_of(text, [](char c) {
    return c > ' ' && c <= '~' && c != '@' && c != '?' && c != '#';
  });
}

bool is_currency(std::string_view text) {
  return find_currency(text) != nullptr;
}

}  // namespace weir::config
