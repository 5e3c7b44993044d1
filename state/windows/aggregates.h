#pragma once
// What an event does to the aggregates of the windows it enters, lies in or leaves.

#include <cstdint>

#include "state/windows/operation.h"

namespace weir::state {

/// Asks for what an operation at the frontier will touch, so that all of it comes at once: where an
/// entity was quiet for long, nothing is in a cache, and one step after the other is what a payment
/// costs. To be called as soon as the head is ready; `row`: the one to be added, or nullptr.
void prefetch(Operation& operation, const EventRow* row);

/// Moves every finger to where it belongs at `time_ms` (at least the frontier) and makes it the
/// frontier: events enter windows at their heads and leave them at their tails.
void advance(Operation& operation, std::int64_t time_ms);

/// A row that was just inserted: enters all windows it lies in whose heads have passed its time.
void enter_passed_lanes(Operation& operation, const EventRow& row);

/// A row changed its label. The page already holds `after`.
void relabel(Operation& operation, const EventRow& was, const EventRow& now);

/// Computes all aggregates and fingers from the rows.
void recompute(Operation& operation);

/// Up to which time the tail of a window, or the head of a lane, has passed rows.
std::int64_t tail_of(Operation& operation, const WindowPlan::Window& window);
std::int64_t head_of(Operation& operation, std::size_t lane);

}  // namespace weir::state
