#pragma once
// The proof a package gives before it may score: its golden cases, bit for bit, alone and in
// company.

#include <cstddef>

#include "models/package.h"
#include "models/parts.h"
#include "pipeline/core/error.h"

namespace weir {

/// Runs every golden case alone with its own window, then again padded to the package's window
/// inside batches of 1 to `batch_max` rows (which also warms the parts up). The Error (kFatal)
/// names case, part, bits, CPU path.
Status prove(const Package& package, Parts& parts, std::size_t batch_max);

}  // namespace weir
