#pragma once
// remember: what each payment leaves in the state of its user. Staged only; the commit makes it
// last.

#include <span>

#include "operators/decide.h"
#include "operators/dedupe.h"
#include "pipeline/core/verdict.h"

namespace weir::operators {

/// Adds every decided payment to its user's store, in input order. `users` is the one the payments
/// were recalled from.
Status remember(std::span<const DecidedTransaction> payments, RecalledUsers& users,
                const Lineage& lineage);

}  // namespace weir::operators
