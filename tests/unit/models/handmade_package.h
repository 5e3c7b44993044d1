#pragma once
// A model package made on the spot: the network of models/README.md with random weights, trees
// behind it, golden cases, manifest. Tests bend one thing of it and look who notices.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "models/kernels.h"
#include "pipeline/core/scorer.h"

namespace weir::testing {

struct NetworkShape {
  std::size_t features = 12;   // F
  std::size_t width = 64;      // d
  std::size_t row_width = 32;  // R
  std::size_t attention = 4;   // H
  std::size_t inner = 128;     // of each hop's second step
  std::size_t hops = 2;
  std::size_t window = 16;   // W
  std::size_t heads = 1;     // logits
  std::size_t declared = 0;  // D, read by trees only
};

/// What a package is made of. Trees read every declared feature and every logit there is.
enum class Made : std::uint8_t { kFormat1, kSequence, kTrees, kBoth };

/// Weights by name, in the order of the network.
struct NetworkWeights {
  explicit NetworkWeights(const NetworkShape& shape, std::uint32_t seed = 7);

  struct Array {
    std::string name;
    std::vector<std::size_t> sizes;
    std::vector<float> values;
  };
  [[nodiscard]] const std::vector<float>& of(const std::string& name) const;

  NetworkShape shape;
  std::vector<Array> arrays;
};

/// Bytes of model.pt. `last_line` may replace "return logits": what the module does with them at
/// the end.
std::string torchscript(const NetworkWeights& weights,
                        const std::string& last_line = "return logits");

/// The same function composed of the kernels of one path, without LibTorch: [rows, heads].
std::vector<float> composed_logits(const NetworkWeights& weights, const ScoreBatch& batch,
                                   kernels::CpuPath path);

/// `rows` payments with 0 to W past rows; unused rows are zero and come last. A tenth of the
/// declared features is missing.
ScoreBatch random_batch(const NetworkShape& shape, std::size_t rows, std::mt19937& random);
/// Row `row` of a batch, alone.
ScoreBatch only_row(const ScoreBatch& batch, const NetworkShape& shape, std::size_t row);
void append_row(const ScoreBatch& from, const NetworkShape& shape, std::size_t row, ScoreBatch& to);

/// A folder of its own under the system's temporary one, removed at the end.
class HandmadePackage {
 public:
  explicit HandmadePackage(const NetworkShape& shape = {}, std::uint32_t seed = 7,
                           Made made = Made::kFormat1);
  ~HandmadePackage();
  HandmadePackage(const HandmadePackage&) = delete;
  HandmadePackage& operator=(const HandmadePackage&) = delete;

  /// Puts the parts below on disk with digests that fit, and returns the folder.
  std::string write();
  [[nodiscard]] std::filesystem::path file(const std::string& name) const { return folder_ / name; }
  /// "sha256:..." of the manifest on disk.
  [[nodiscard]] std::string digest() const;

  /// The columns of the trees for each payment of a batch, [rows, inputs].
  [[nodiscard]] std::vector<float> trees_rows(const ScoreBatch& batch) const;

  Made made;
  NetworkShape shape;  // of batches: no rows where there are only trees
  NetworkWeights weights;
  std::string model;                   // model.pt
  std::string trees;                   // trees.ubj
  std::vector<nlohmann::json> golden;  // golden.jsonl
  nlohmann::json manifest;             // "sha256" and "cases" are filled in by write()

 private:
  std::filesystem::path folder_;
};

std::string read_bytes(const std::filesystem::path& path);
void write_bytes(const std::filesystem::path& path, const std::string& bytes);

}  // namespace weir::testing
