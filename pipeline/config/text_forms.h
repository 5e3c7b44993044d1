#pragma once
// Which texts can be what they are meant to be: names, addresses, digests.

#include <string_view>

namespace weir::config {

/// What Kafka accepts as a topic name.
bool is_topic_name(std::string_view text);
/// Names that become parts of transactional ids, member ids and directories.
bool is_identity(std::string_view text);
/// "host:port", several separated by commas, without spaces.
bool is_broker_list(std::string_view text);
bool is_listen_address(std::string_view text);
/// The same, or empty: no console.
bool is_console_address(std::string_view text);
/// Printable, at most 128 bytes; may be empty. It becomes a part of records and pages.
bool is_analyst(std::string_view text);
/// A name of an HTTP header, or empty.
bool is_header_name(std::string_view text);
/// A numeric address, IPv4 or IPv6.
bool is_ip_address(std::string_view text);
/// "sha256:" and 64 lower-case hex digits.
bool is_digest(std::string_view text);
/// "http://host:port/path" or https; no user, query or fragment.
bool is_http_url(std::string_view text);
bool is_http_url_or_nothing(std::string_view text);
/// An active ISO 4217 code.
bool is_currency(std::string_view text);
/// What may stand as a property name below kafka.properties.
bool is_property_name(std::string_view text);

/// A name that needs no quotes anywhere: in YAML, JSON, CSV, SQL.
bool is_feature_name(std::string_view text);

}  // namespace weir::config
