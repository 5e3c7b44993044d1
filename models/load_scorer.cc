#include "models/load_scorer.h"

#include <utility>

#include "models/package.h"
#include "models/package_scorer.h"
#include "models/parts.h"
#include "models/proof.h"
#include "models/torch_network.h"
#include "models/trees.h"

namespace weir {
namespace {

/// LibTorch is woken only by a package that has a network.
Result<Parts> load_parts(const Package& package) {
  const Manifest& manifest = package.manifest;
  std::unique_ptr<Network> network;
  if (manifest.sequence) {
    auto loaded = load_torch_network(package.sequence, manifest.sequence->operators);
    if (!loaded) return loaded.error();
    network = std::move(*loaded);
  }
  std::unique_ptr<Trees> trees;
  if (manifest.trees) {
    auto loaded = Trees::load(package.trees, manifest.trees->inputs.size(), manifest.trees->rounds);
    if (!loaded) return loaded.error();
    trees = std::move(*loaded);
  }
  return Parts(manifest, std::move(network), std::move(trees));
}

}  // namespace

Result<std::unique_ptr<Scorer>> load_scorer(const std::string& package_directory,
                                            const ScorerOptions& options) {
  Result<Package> package = read_package(package_directory, options.allowed_digests);
  if (!package) return package.error();
  const auto refuse = [&](const Error& error) {
    return fatal("model package " + package_directory + ": " + error.message);
  };
  Result<Parts> parts = load_parts(*package);
  if (!parts) return refuse(parts.error());
  if (const Status proven = prove(*package, *parts, options.warm_up_batch); !proven) {
    return refuse(proven.error());
  }
  return std::unique_ptr<Scorer>(
      std::make_unique<PackageScorer>(std::move(package->manifest), std::move(*parts)));
}

}  // namespace weir
