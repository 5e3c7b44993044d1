// Kernels: one order of operations on every path, close to the mathematics, rows independent of
// each other. Method: each path of this machine against a plain std::fma loop (bits) and against
// double (error).

#include "models/kernels.h"

#include <cmath>
#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "tests/unit/models/reference_kernels.h"

namespace weir::testing {
namespace {

using kernels::CpuPath;
using kernels::kernels_of;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

class KernelsTest : public ::testing::TestWithParam<CpuPath> {
 protected:
  std::mt19937 random_{20180401};  // fixed: a failure repeats
};

class LinearTest : public KernelsTest {};
class AttendTest : public KernelsTest {};

/// Drops about a third of the rows of every event, at scattered places.
void scatter_mask(AttendCase& c, std::mt19937& random) {
  for (float& m : c.mask) m = random() % 3 == 0 ? 0.0F : 1.0F;
}

TEST_P(LinearTest, GivesTheBitsOfAScalarLoopForEverySizeOfBlockAndTail) {
  for (const std::size_t rows : {1U, 2U, 3U, 4U, 5U, 6U, 7U, 11U, 12U, 13U, 24U, 31U, 127U, 128U}) {
    for (const std::size_t in : {1U, 2U, 12U, 64U, 132U}) {
      for (const std::size_t out :
           {1U, 2U, 7U, 8U, 9U, 15U, 16U, 17U, 31U, 32U, 33U, 48U, 64U, 127U, 132U}) {
        const LinearCase c(rows, in, out, (rows + out) % 2 == 0, random_);
        ASSERT_EQ(bits(run_linear(c, GetParam())), bits(linear_in_order(c)))
            << rows << " x " << in << " x " << out;
      }
    }
  }
}

TEST_P(LinearTest, StaysWithinTheRoundingErrorOfOneFmaPerTerm) {
  const LinearCase c(64, 132, 67, false, random_);
  std::vector<double> bound;
  const std::vector<double> exact = linear_in_double(c, bound);
  const std::vector<float> y = run_linear(c, GetParam());
  for (std::size_t i = 0; i < y.size(); ++i)
    ASSERT_LE(std::fabs(double{y[i]} - exact[i]), bound[i]);
}

TEST_P(LinearTest, GivesARowTheSameBitsInEveryBatchSizeAndPlace) {
  const LinearCase all(128, 64, 132, true, random_);
  const std::vector<float> together = run_linear(all, GetParam());
  for (std::size_t rows = 1; rows <= 128; ++rows) {
    LinearCase last =
        all;  // the last `rows` rows: every row gets a new place and a new size around it
    last.rows = rows;
    last.x.assign(all.x.end() - static_cast<std::ptrdiff_t>(rows * all.in), all.x.end());
    const std::vector<float> expected(together.end() - static_cast<std::ptrdiff_t>(rows * all.out),
                                      together.end());
    ASSERT_EQ(bits(run_linear(last, GetParam())), bits(expected)) << rows;
  }
}

TEST_P(LinearTest, WritesNoFurtherThanItsOutputs) {
  for (const std::size_t out : {1U, 15U, 17U, 132U}) {
    const LinearCase c(5, 8, out, false, random_);
    std::vector<float> y(c.rows * out + 32, 77.0F);
    kernels_of(GetParam()).linear(c.args(y.data()));
    for (std::size_t i = c.rows * out; i < y.size(); ++i) ASSERT_EQ(y[i], 77.0F) << out;
  }
}

TEST_P(LinearTest, LetsNanAndInfinityThroughItsRelu) {
  LinearCase c(2, 3, 5, true, random_);
  c.x[0] = kNan;
  c.x[4] = kInfinity;
  const std::vector<float> y = run_linear(c, GetParam());
  for (std::size_t n = 0; n < c.out; ++n) {
    EXPECT_TRUE(std::isnan(y[n]));
    EXPECT_EQ(y[c.out + n], c.weight[c.out + n] > 0 ? kInfinity : 0.0F);
  }
}

TEST_P(LinearTest, AcceptsNoRowsAndNoInputs) {
  const LinearCase none(0, 4, 20, false, random_);
  EXPECT_TRUE(run_linear(none, GetParam()).empty());
  const LinearCase bias_only(3, 0, 20, false, random_);
  EXPECT_EQ(bits(run_linear(bias_only, GetParam())), bits(linear_in_order(bias_only)));
}

TEST_P(AttendTest, GivesTheBitsOfAScalarLoopForEveryWindow) {
  for (std::size_t window = 1; window <= kernels::kWindowMax; ++window) {
    AttendCase c(2, window, 32, 4, random_);
    ASSERT_EQ(bits(run_attend(c, GetParam())), bits(attend_in_order(c))) << window;
    scatter_mask(c, random_);
    ASSERT_EQ(bits(run_attend(c, GetParam())), bits(attend_in_order(c))) << window << ", scattered";
  }
}

TEST_P(AttendTest, GivesTheBitsOfAScalarLoopForEveryShape) {
  for (std::size_t heads = 1; heads <= kernels::kHeadsMax; ++heads) {
    for (const std::size_t width : {16U, 32U, 48U, 64U}) {
      AttendCase c(3, 17, width, heads, random_);
      scatter_mask(c, random_);
      ASSERT_EQ(bits(run_attend(c, GetParam())), bits(attend_in_order(c)))
          << heads << " x " << width;
    }
  }
}

TEST_P(AttendTest, StaysCloseToDouble) {
  AttendCase c(64, 64, 32, 4, random_);
  scatter_mask(c, random_);
  const std::vector<double> exact = attend_in_double(c);
  const std::vector<float> y = run_attend(c, GetParam());
  // Logits reach about 20 with 2^-24 each, weights are a mean: a few 1e-6 on rows of size 1 and
  // gaps up to 13.
  for (std::size_t i = 0; i < y.size(); ++i) ASSERT_NEAR(double{y[i]}, exact[i], 1e-5);
}

TEST_P(AttendTest, StaysCloseToDoubleWhenOneLogitTowersOverTheRest) {
  AttendCase c(16, 16, 32, 4, random_);
  for (float& q : c.query) q *= 40;  // differences of hundreds: weights reach the floor of e^-64
  const std::vector<double> exact = attend_in_double(c);
  const std::vector<float> y = run_attend(c, GetParam());
  for (std::size_t i = 0; i < y.size(); ++i) ASSERT_NEAR(double{y[i]}, exact[i], 1e-3);
}

TEST_P(AttendTest, DoesNotLookAtARowThatIsNotThere) {
  AttendCase c(8, 21, 32, 4, random_);
  scatter_mask(c, random_);
  const std::vector<float> clean = run_attend(c, GetParam());
  const float garbage[] = {kNan, kInfinity, -kInfinity, 1e38F};
  for (std::size_t cell = 0; cell < c.mask.size(); ++cell) {
    if (c.mask[cell] != 0) continue;
    c.log_gap[cell] = garbage[cell % 4];
    for (std::size_t r = 0; r < c.width; ++r) c.rows[cell * c.width + r] = garbage[(cell + r) % 4];
  }
  EXPECT_EQ(bits(run_attend(c, GetParam())), bits(clean));
}

TEST_P(AttendTest, GivesTheSameBitsWhereverThePaddingIs) {
  AttendCase dense(4, 5, 32, 4, random_);
  const std::vector<float> expected = run_attend(dense, GetParam());
  for (const std::size_t before : {0U, 1U, 3U, 59U}) {
    AttendCase padded(4, 64, 32, 4, random_);
    padded.query = dense.query;
    padded.slope = dense.slope;
    padded.gap_table = dense.gap_table;
    padded.mask.assign(padded.mask.size(), 0);
    for (std::size_t cell = 0; cell < dense.mask.size(); ++cell) {
      const std::size_t to = cell / 5 * 64 + before + cell % 5;
      padded.mask[to] = 1;
      padded.log_gap[to] = dense.log_gap[cell];
      for (std::size_t r = 0; r < 32; ++r) padded.rows[to * 32 + r] = dense.rows[cell * 32 + r];
    }
    EXPECT_EQ(bits(run_attend(padded, GetParam())), bits(expected)) << before;
  }
}

TEST_P(AttendTest, AnswersZerosWhenNoRowIsThere) {
  AttendCase c(3, 9, 16, 4, random_);
  c.mask.assign(c.mask.size(), 0);
  EXPECT_EQ(bits(run_attend(c, GetParam())), bits(std::vector<float>(3 * c.columns(), 0.0F)));
  const AttendCase no_window(3, 0, 16, 4, random_);
  EXPECT_EQ(bits(run_attend(no_window, GetParam())),
            bits(std::vector<float>(3 * c.columns(), 0.0F)));
}

TEST_P(AttendTest, GivesAnEventTheSameBitsInEveryBatchSizeAndPlace) {
  AttendCase all(128, 16, 32, 4, random_);
  scatter_mask(all, random_);
  const std::vector<float> together = run_attend(all, GetParam());
  for (std::size_t event = 0; event < all.events; ++event) {
    const auto first = together.begin() + static_cast<std::ptrdiff_t>(event * all.columns());
    const std::vector<float> expected(first, first + static_cast<std::ptrdiff_t>(all.columns()));
    ASSERT_EQ(bits(run_attend(all.only(event), GetParam())), bits(expected)) << event;
  }
}

TEST_P(AttendTest, PutsAGapIntoTheRightBucketOnBothSidesOfEachBorder) {
  for (std::size_t bucket = 0; bucket <= kernels::kGapBuckets + 2; ++bucket) {
    const float border = static_cast<float>(bucket) / 2;
    AttendCase c(3, 1, 16, 4, random_);
    c.log_gap = {std::nextafter(border, -1.0F), border, std::nextafter(border, 100.0F)};
    ASSERT_EQ(bits(run_attend(c, GetParam())), bits(attend_in_order(c))) << border;
  }
  AttendCase far(2, 1, 16, 4, random_);
  far.log_gap = {-5.0F, 3e9F};
  EXPECT_EQ(bits(run_attend(far, GetParam())), bits(attend_in_order(far)));
}

TEST_P(AttendTest, TellsOfNanInARowThatIsThere) {
  AttendCase c(2, 3, 16, 4, random_);
  const std::vector<float> clean = run_attend(c, GetParam());
  c.rows[1 * 16 + 5] = kNan;  // event 0
  const std::vector<float> y = run_attend(c, GetParam());
  for (std::size_t i = 0; i < c.columns(); ++i) EXPECT_TRUE(std::isnan(y[i])) << i;
  for (std::size_t i = c.columns(); i < y.size(); ++i) EXPECT_EQ(y[i], clean[i]) << i;
}

std::string path_name(const ::testing::TestParamInfo<CpuPath>& info) {
  return std::string(kernels_of(info.param).name);
}
INSTANTIATE_TEST_SUITE_P(Paths, LinearTest, ::testing::ValuesIn(paths_here()), path_name);
INSTANTIATE_TEST_SUITE_P(Paths, AttendTest, ::testing::ValuesIn(paths_here()), path_name);

TEST(ChooseKernelsTest, TakesTheNamedPathAndTheBestWithoutAName) {
  for (const CpuPath path : paths_here()) {
    const auto chosen = kernels::choose_kernels(kernels_of(path).name);
    ASSERT_TRUE(chosen);
    EXPECT_EQ((*chosen)->path, path);
  }
  const auto best = kernels::choose_kernels("");
  ASSERT_TRUE(best);
  EXPECT_EQ((*best)->path, paths_here().back());
}

TEST(ChooseKernelsTest, RefusesAnUnknownOrUnsupportedPathByName) {
  for (const std::string wish : {"avx3", "AVX2", "scalar "}) {
    const auto chosen = kernels::choose_kernels(wish);
    ASSERT_FALSE(chosen);
    EXPECT_EQ(chosen.error().message,
              "WEIR_CPU must be scalar, avx2 or avx512, or unset for the best path: " + wish);
  }
  for (const CpuPath path : kernels::kCpuPaths) {
    const auto chosen = kernels::choose_kernels(kernels_of(path).name);
    EXPECT_EQ(chosen.has_value(), kernels::supported(path));
  }
}

}  // namespace
}  // namespace weir::testing
