#pragma once
// Processing time as a port: never part of a verdict, always replaceable in a test.

#include <chrono>

namespace weir {

class Clock {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  virtual ~Clock() = default;
  /// Monotonic; for intervals and deadlines.
  [[nodiscard]] virtual TimePoint now() const = 0;
  /// Milliseconds since the Unix epoch; for lag in seconds and log lines.
  [[nodiscard]] virtual std::int64_t wall_ms() const = 0;
};

}  // namespace weir
