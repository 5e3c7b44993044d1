#pragma once
// The one door into models/: a package folder in, a Scorer that has proven itself out.

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/core/error.h"
#include "pipeline/core/scorer.h"

namespace weir {

struct ScorerOptions {
  /// Package digests ("sha256:<64 hex>") that may be loaded; empty allows any.
  std::vector<std::string> allowed_digests;
  /// Largest batch of the warm-up, in payments; at least the largest that will be scored, or its
  /// first call is slow.
  std::size_t warm_up_batch = 128;
};

/// Reads, checks, freezes, proves (golden cases bit for bit, alone and in batches) and thereby
/// warms up the model. Error (kFatal): the package is refused; the message says what, where and
/// what to do, and a model that serves already can go on serving.
///
/// One Scorer per worker thread: each has its own copy of the weights. The first costs LibTorch's
/// own memory. Scorer::score() reads the batch where it lies, never throws and never answers
/// kFatal: a model that fails says nothing about our state. Its Error (kRetry) concerns the batch;
/// a caller that cannot wait takes its safe action.
Result<std::unique_ptr<Scorer>> load_scorer(const std::string& package_directory,
                                            const ScorerOptions& options);

}  // namespace weir
