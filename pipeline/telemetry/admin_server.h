#pragma once
// The HTTP endpoint for machines that watch: GET or HEAD of /metrics, /livez and /readyz. No login
// and nothing that changes anything; it listens on loopback unless configured otherwise.
//
// One thread of its own (epoll), so that no payment ever waits for a scrape and no other traffic
// can keep a probe waiting. Clients that idle or dribble bytes cannot either: connections are
// bounded, and a new one takes the place of the oldest when all places are taken.

#include <cstdint>
#include <memory>

#include "pipeline/core/error.h"
#include "pipeline/telemetry/exposition.h"
#include "pipeline/telemetry/health.h"
#include "pipeline/telemetry/listen_address.h"

namespace weir::telemetry {

class AdminServer {
 public:
  /// Serves until destroyed; the destructor waits for the thread. `exposition` and `health` must
  /// outlive the server. kFatal with a clear message when the address cannot be used.
  static Result<std::unique_ptr<AdminServer>> start(const ListenAddress& address,
                                                    const Exposition& exposition,
                                                    const Health& health);
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  /// The port in use, also when the address asked for any.
  [[nodiscard]] std::uint16_t port() const;

  /// Most connections at a time; one more closes the oldest.
  static constexpr std::size_t kConnectionsMax = 128;

 private:
  struct Impl;
  explicit AdminServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace weir::telemetry
