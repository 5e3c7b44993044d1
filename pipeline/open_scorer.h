#pragma once
// From configuration to a model. Apart from runtime_settings.h, so that what scores nothing links
// no model at all. (LibTorch itself comes with the first package that has a network:
// models/torch_module.cc.)

#include <memory>

#include "pipeline/config/config.h"
#include "pipeline/core/error.h"
#include "pipeline/core/scorer.h"

namespace weir {

/// The configured model, loaded, proven and fit for these settings; null when none is configured.
Result<std::unique_ptr<Scorer>> open_scorer(const config::Config& config);

}  // namespace weir
