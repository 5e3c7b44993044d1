#pragma once
// manifest.json of a model package: what the engine must know before it touches the model.
// models/README.md has an example.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/blend.h"
#include "models/calibration.h"
#include "pipeline/core/error.h"
#include "pipeline/core/scorer.h"

namespace weir {

/// Format 1 has a sequence part only, and its keys in other places.
inline constexpr std::size_t kManifestFormats[] = {1, 2};

struct PackageFile {
  std::string name;    // a plain file name inside the package
  std::string sha256;  // 64 lower-case hexadecimal digits
};

/// The TorchScript network over rows. Its outputs are ModelInfo::heads.
struct SequencePart {
  std::string version;
  PackageFile file;
  std::vector<std::string> operators;  // all known to this build
};

/// Where one input of the trees comes from.
struct TreesInput {
  enum class Source : std::uint8_t { kDeclared, kSequence };
  Source source = Source::kDeclared;
  std::size_t column = 0;  // of ModelInfo::declared, or of ModelInfo::heads
  friend bool operator==(const TreesInput&, const TreesInput&) = default;
};

/// The boosted trees over declared features and outputs of the sequence part.
struct TreesPart {
  std::string version;
  PackageFile file;
  std::vector<TreesInput> inputs;
  std::size_t rounds = 0;
};

/// At least one part is there; `blend` is there exactly when both are.
struct Manifest {
  ModelInfo info;  // without the digest, which is that of the manifest's bytes
  std::optional<SequencePart> sequence;
  std::optional<TreesPart> trees;
  PackageFile golden;
  std::size_t golden_cases = 0;
  std::optional<Blend> blend;
  Calibration calibration;  // of the package's log odds of fraud
};

/// Checks all that can be checked without the other files. The Error (kFatal) says where in the
/// file and what.
Result<Manifest> parse_manifest(std::string_view bytes);

}  // namespace weir
