#pragma once
// A model package on disk, read once and checked: the bytes that were hashed are the bytes that are
// used.

#include <string>
#include <vector>

#include "models/golden.h"
#include "models/manifest.h"
#include "pipeline/core/error.h"

namespace weir {

struct Package {
  Manifest manifest;     // info.digest filled in
  std::string sequence;  // bytes of the TorchScript file; empty without the part
  std::string trees;     // bytes of the UBJSON file; empty without the part
  std::vector<GoldenCase> golden;
};

/// Reads <directory>/manifest.json and the files it names. `allowed_digests` are package digests
/// ("sha256:<64 hex>"); an empty list allows any package. Refused (kFatal, with what, where and
/// what to do): a missing, oversized or changed file, a manifest this build cannot serve, a package
/// that is not allowed.
Result<Package> read_package(const std::string& directory,
                             const std::vector<std::string>& allowed_digests);

}  // namespace weir
