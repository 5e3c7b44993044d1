#pragma once
// A clock that stands still until a test moves it.

#include <atomic>

#include "pipeline/core/clock.h"

namespace weir::telemetry {

class StillClock final : public Clock {
 public:
  [[nodiscard]] TimePoint now() const override {
    return TimePoint(std::chrono::milliseconds(ms_.load()));
  }
  [[nodiscard]] std::int64_t wall_ms() const override { return 1'528'676'687'000 + ms_.load(); }
  void advance(std::chrono::milliseconds by) { ms_ += by.count(); }

 private:
  std::atomic<std::int64_t> ms_{1'000'000};
};

}  // namespace weir::telemetry
