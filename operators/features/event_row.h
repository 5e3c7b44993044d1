#pragma once
// A payment as the row that users, merchants, devices, addresses and cards remember of it.

#include "pipeline/core/transaction.h"
#include "state/windows/event_row.h"

namespace weir::operators {

/// The amount in 1/kAmountScale major units; what 63 bits cannot hold safely in sums stays at
/// kEventAmountMax (4 * 10^14 major units). Ids are 64-bit hashes. The windows of an entity add
/// sequence, ratio and label.
state::EventRow make_event_row(const Transaction& payment);

inline constexpr std::int64_t kEventAmountMax = 4'000'000'000'000'000'000;

}  // namespace weir::operators
