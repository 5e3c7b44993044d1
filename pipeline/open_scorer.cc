#include "pipeline/open_scorer.h"

#include "models/load_scorer.h"
#include "operators/score.h"
#include "pipeline/exit_code.h"

namespace weir {

Result<std::unique_ptr<Scorer>> open_scorer(const config::Config& config) {
  if (config.model.package.empty()) return std::unique_ptr<Scorer>();
  auto scorer =
      load_scorer(config.model.package.string(), {config.model.allow, config.batch.records_max});
  if (!scorer) {
    return with_next_step(scorer.error(),
                          "export or fetch the package again, or set model.package to another");
  }
  WEIR_RETURN_IF_ERROR(operators::check_model((*scorer)->info(), config.operators));
  return scorer;
}

}  // namespace weir
