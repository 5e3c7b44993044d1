#pragma once
// manifest.json of a model package: what the engine must know before it touches the model.
// models/README.md has an example.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "models/calibration.h"
#include "pipeline/core/error.h"
#include "pipeline/core/scorer.h"

namespace weir {

inline constexpr std::size_t kManifestFormat = 1;

struct PackageFile {
  std::string name;    // a plain file name inside the package
  std::string sha256;  // 64 lower-case hexadecimal digits
};

struct Manifest {
  ModelInfo info;  // without the digest, which is that of the manifest's bytes
  PackageFile model;
  PackageFile golden;
  std::size_t golden_cases = 0;
  std::vector<std::string> operators;  // all known to this build
  Platt calibration;                   // of the head "fraud"
};

/// Checks all that can be checked without the other files. The Error (kFatal) says where in the
/// file and what.
Result<Manifest> parse_manifest(std::string_view bytes);

}  // namespace weir
