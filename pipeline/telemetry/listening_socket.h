#pragma once
// The socket that an HTTP server of this process listens on.

#include <cstdint>
#include <string_view>

#include "pipeline/core/error.h"
#include "pipeline/telemetry/listen_address.h"

namespace weir::telemetry {

/// An open, non-blocking, listening socket, the caller's to close. `key` is the setting that the
/// message names when the address cannot be used (kFatal).
Result<int> open_listener(const ListenAddress& address, std::string_view key);

/// The port in use, also where any free one was asked for.
std::uint16_t bound_port(int fd);

}  // namespace weir::telemetry
