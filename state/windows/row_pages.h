#pragma once
// The events of an entity: rows in order of (event time, arrival), in pages numbered without gaps.
// A page is closed when it is full and the next row belongs behind it; a row out of order goes into
// the page of its time, which may then hold more than a full one.

#include <cstdint>
#include <optional>
#include <vector>

#include "state/windows/operation.h"

namespace weir::state {

inline constexpr std::size_t kRowsPerPage = 32;

/// Page and index of a row.
using Place = Finger;

/// Puts a row into its place by (event time, sequence) and moves every finger accordingly: over it
/// where the finger has passed its time already, else not past it.
Place insert_row(Operation& operation, const EventRow& row);

/// The row of this payment; nullopt when it is not there.
std::optional<Place> find_row(Operation& operation, std::int64_t time_ms,
                              std::uint64_t transaction);
/// The row of this payment of this user: an id is a user's own.
std::optional<Place> find_event(Operation& operation, const EventRow& event);

/// First row after `time_ms`; the end when there is none.
Place first_after(Operation& operation, std::int64_t time_ms);

/// Up to `count` amounts of the rows before `place`, in no particular order.
void amounts_before(Operation& operation, Place place, std::size_t count,
                    std::vector<std::int64_t>& amounts);

/// The row with this time and sequence; nullopt when it is not there.
std::optional<Place> find_sequence(Operation& operation, std::int64_t time_ms,
                                   std::uint32_t sequence);

/// Gives pages back whose rows are older than `horizon_ms` and no longer among the newest rows_min;
/// their rows are noted in operation.dropped.
void drop_old_pages(Operation& operation, std::int64_t horizon_ms);

/// Calls `visit` with each finger of the head and the time up to which it has passed rows.
template <class Visit>
void each_finger(Operation& operation, Visit&& visit) {
  const WindowPlan& plan = operation.plan;
  HeadPage& head = operation.head;
  const std::int64_t frontier = head.fixed().frontier_ms;
  for (std::size_t i = 0; i < plan.lanes.size(); ++i) {
    visit(head.lane(i).head, frontier - plan.lanes[i].delay_ms);
  }
  for (std::size_t i = 0; i < plan.windows.size(); ++i) {
    const auto& window = plan.windows[i];
    visit(head.window(i).tail, frontier - plan.lanes[window.lane].delay_ms - window.length_ms);
  }
}

}  // namespace weir::state
