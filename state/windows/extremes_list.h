#pragma once
// Candidates for the minimum or maximum of the windows of one lane: events that no later event
// beats, in order of time. The extreme of a window is its first candidate. A handful for values in
// no particular order.

#include <cstdint>
#include <optional>

#include "state/windows/operation.h"

namespace weir::state {

class ExtremesList {
 public:
  ExtremesList(Operation& operation, std::uint16_t list)
      : operation_(operation), list_(list), plan_(operation.plan.extremes[list]) {}

  /// An event of the lane, at any place in time. What lies at or before `horizon_ms` is dropped: no
  /// window sees it again.
  void add(const EventRow& row, std::int64_t horizon_ms);
  /// Extreme of the events after `after_ms`.
  std::optional<std::int64_t> find(std::int64_t after_ms);
  void clear() { operation_.erase(page()); }
  void prefetch() { operation_.prefetch(page(), 0, 4 * sizeof(Candidate)); }

 private:
#pragma pack(push, 1)
  struct Candidate {
    std::int64_t time_ms = 0;
    std::uint32_t sequence = 0;
    std::int64_t value = 0;
  };
#pragma pack(pop)
  [[nodiscard]] PageId page() const {
    return {PageKind::kExtremes, list_, 0};
  }
  [[nodiscard]] bool beats(std::int64_t a, std::int64_t b) const {
    return plan_.maximum ? a >= b : a <= b;
  }

  Operation& operation_;
  std::uint16_t list_;
  const WindowPlan::Extremes& plan_;
};

}  // namespace weir::state
