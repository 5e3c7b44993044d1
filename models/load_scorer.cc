#include "models/load_scorer.h"

#include <utility>

#include "models/package.h"
#include "models/package_scorer.h"
#include "models/proof.h"
#include "models/torch_network.h"

namespace weir {

Result<std::unique_ptr<Scorer>> load_scorer(const std::string& package_directory,
                                            const ScorerOptions& options) {
  Result<Package> package = read_package(package_directory, options.allowed_digests);
  if (!package) return package.error();
  const auto refuse = [&](const Error& error) {
    return fatal("model package " + package_directory + ": " + error.message);
  };
  Manifest& manifest = package->manifest;
  Result<std::unique_ptr<Network>> network = load_torch_network(package->model, manifest.operators);
  if (!network) return refuse(network.error());
  if (const Status proven = prove(*package, **network, options.warm_up_batch); !proven) {
    return refuse(proven.error());
  }
  return std::unique_ptr<Scorer>(std::make_unique<PackageScorer>(
      std::move(manifest.info), manifest.calibration, std::move(*network)));
}

}  // namespace weir
