#pragma once
// What models/README.md says about the two operators, once more and as plainly as possible: one
// std::fma after the other, no lanes, no blocks; and in double. The kernels are held against both.

#include <cstdint>
#include <random>
#include <vector>

#include "models/kernels.h"

namespace weir::testing {

/// Inputs of weir::linear with room for the outputs of `rows`.
struct LinearCase {
  LinearCase(std::size_t rows, std::size_t in, std::size_t out, bool relu, std::mt19937& random);

  [[nodiscard]] kernels::LinearArgs args(float* y) const;

  std::size_t rows, in, out;
  bool relu;
  std::vector<float> x, weight, bias;
};

/// Inputs of weir::attend. All rows are there until the mask says otherwise.
struct AttendCase {
  AttendCase(std::size_t events, std::size_t window, std::size_t width, std::size_t heads,
             std::mt19937& random);

  [[nodiscard]] std::size_t columns() const { return heads * width + heads; }
  [[nodiscard]] kernels::AttendArgs args(float* y) const;
  /// One event of this case, alone.
  [[nodiscard]] AttendCase only(std::size_t event) const;

  std::size_t events, window, width, heads;
  std::vector<float> query, rows, log_gap, mask, slope, gap_table;
};

/// The exact order, in float32.
std::vector<float> linear_in_order(const LinearCase& c);
std::vector<float> attend_in_order(const AttendCase& c);

/// The mathematics, in double; `bound` receives a limit of what float32 may lose.
std::vector<double> linear_in_double(const LinearCase& c, std::vector<double>& bound);
std::vector<double> attend_in_double(const AttendCase& c);

/// What the kernels of one path answer.
std::vector<float> run_linear(const LinearCase& c, kernels::CpuPath path);
std::vector<float> run_attend(const AttendCase& c, kernels::CpuPath path);

/// The paths this machine has.
std::vector<kernels::CpuPath> paths_here();

/// Bit patterns, so that -0 is not 0 and a NaN equals itself.
std::vector<std::uint32_t> bits(const std::vector<float>& values);

}  // namespace weir::testing
