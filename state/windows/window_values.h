#pragma once
// From what an entity keeps to the values of its features.

#include <cstdint>
#include <span>
#include <vector>

#include "state/windows/operation.h"
#include "state/windows/row_pages.h"

namespace weir::state {

/// Values of an entity without events.
void write_empty_values(const WindowPlan& plan, std::span<double> values);

/// Those that look at the events before a payment: last, time_since, median. To be called at the
/// frontier, before the payment's own row is there.
void write_values_before(Operation& operation, std::span<double> values);
/// All others, as of the frontier.
void write_window_values(Operation& operation, std::span<double> values);
/// All, as of a row that lies before the frontier and is not stored yet, by reading every row its
/// windows see.
void write_values_by_scan(Operation& operation, const EventRow& row, std::span<double> values);

/// The row's amount over the lower median of the kRatioRows before `place`, as EventRow keeps it.
std::uint32_t ratio_before(Operation& operation, Place place, std::int64_t amount);

}  // namespace weir::state
