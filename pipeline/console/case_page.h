#pragma once
// `Case` of api.md: all that is known of one verdict, from what is kept and from its features
// record, read back by its place.

#include <optional>
#include <string>

#include "pipeline/config/config.h"
#include "pipeline/console/attended.h"
#include "pipeline/console/kept_verdicts.h"
#include "pipeline/console/named_payments.h"

namespace weir::console {

/// What was read for the case; absent parts say why.
struct CaseSources {
  std::optional<FeaturesRecord> features;
  std::string no_features;  // why there are none
  NamedIds ids;
  Attended attended;
  std::vector<std::string> model_features;  // names of `current`; empty: not known
};

std::string render_case(const KeptVerdict& verdict, const KeptVerdicts& kept,
                        const NamedPayments& named, const CaseSources& sources,
                        const config::Config& config);

}  // namespace weir::console
