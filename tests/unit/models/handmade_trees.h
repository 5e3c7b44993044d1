#pragma once
// Boosted trees trained on the spot, and what the library itself says of rows: the slow way, one
// matrix made for one call.

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace weir::testing {

struct TreesShape {
  std::size_t inputs = 5;
  std::size_t rounds = 20;
  std::size_t depth = 3;
  std::size_t payments = 2'000;  // to train on
};

/// Bytes of trees.ubj, learned from made-up rows with gaps. `parameters` are the library's, over
/// those of a package.
std::string trained_trees(const TreesShape& shape, std::uint32_t seed = 7,
                          const std::vector<std::pair<std::string, std::string>>& parameters = {});

/// [count, inputs] of numbers around zero, a tenth missing.
std::vector<float> random_rows(std::size_t count, std::size_t inputs, std::mt19937& random);

std::vector<float> margins_by_matrix(const std::string& trees, const std::vector<float>& rows,
                                     std::size_t inputs);

}  // namespace weir::testing
