// Trees: a row's bits depend on that row alone, and are those of the library's other way to ask;
// what is no binary boosted forest of the promised size is refused.
// Method: forests trained on the spot, once with the sizes that ship and once with one thing bent.

#include "models/trees.h"

#include <bit>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/models/handmade_trees.h"
#include "tests/unit/models/reference_kernels.h"

namespace weir::testing {
namespace {

using ::testing::HasSubstr;

constexpr TreesShape kShape{.inputs = 30, .rounds = 120, .depth = 4, .payments = 4'000};

std::vector<float> margins_of(Trees& trees, const std::vector<float>& rows) {
  std::vector<float> margins;
  const Status answered = trees.margins(rows.data(), rows.size() / trees.inputs(), margins);
  EXPECT_TRUE(answered) << answered.error().message;
  return margins;
}

class TreesTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { bytes_ = new std::string(trained_trees(kShape)); }
  static void TearDownTestSuite() { delete bytes_; }

  static std::unique_ptr<Trees> load() {
    auto trees = Trees::load(*bytes_, kShape.inputs, kShape.rounds);
    if (!trees) throw std::runtime_error(trees.error().message);
    return std::move(*trees);
  }
  std::vector<float> rows(std::size_t count) { return random_rows(count, kShape.inputs, random_); }

  std::unique_ptr<Trees> trees_ = load();
  std::mt19937 random_{20180401};  // fixed: a failure repeats
  static std::string* bytes_;
};
std::string* TreesTest::bytes_ = nullptr;

TEST_F(TreesTest, GiveTheBitsOfTheLibrarysOwnMatrix) {
  const std::vector<float> many = rows(500);
  const auto margins = margins_of(*trees_, many);
  EXPECT_EQ(bits(margins), bits(margins_by_matrix(*bytes_, many, kShape.inputs)));
  EXPECT_GT(*std::max_element(margins.begin(), margins.end()), 0);
  EXPECT_LT(*std::min_element(margins.begin(), margins.end()), 0);
}

TEST_F(TreesTest, GiveARowTheSameBitsInEveryBatchSizeAtEveryPlaceInAnyCompany) {
  const std::vector<float> company = rows(128);
  std::vector<float> alone;
  for (std::size_t row = 0; row < 128; ++row) {
    const auto from = company.begin() + static_cast<std::ptrdiff_t>(row * kShape.inputs);
    alone.push_back(margins_of(*trees_, {from, from + kShape.inputs}).front());
  }
  for (std::size_t size = 1; size <= 128; ++size) {  // every row comes to every place it can have
    for (std::size_t first = 0; first + size <= 128; first += 1 + size / 3) {
      const float* from = company.data() + first * kShape.inputs;
      std::vector<float> margins;
      ASSERT_TRUE(trees_->margins(from, size, margins));
      const std::vector<float> expected(alone.begin() + static_cast<std::ptrdiff_t>(first),
                                        alone.begin() + static_cast<std::ptrdiff_t>(first + size));
      ASSERT_EQ(bits(margins), bits(expected)) << size << " rows from " << first;
    }
  }
}

TEST_F(TreesTest, TakeOnlyNanForMissing) {
  std::vector<float> row(kShape.inputs, std::numeric_limits<float>::quiet_NaN());
  const float nothing_known = margins_of(*trees_, row).front();
  row.assign(kShape.inputs, -std::numeric_limits<float>::quiet_NaN());
  EXPECT_EQ(margins_of(*trees_, row).front(), nothing_known);
  row.assign(kShape.inputs, 0);
  EXPECT_EQ(bits(margins_of(*trees_, row)), bits(margins_by_matrix(*bytes_, row, kShape.inputs)));
  EXPECT_NE(margins_of(*trees_, row).front(), nothing_known);
  row.assign(kShape.inputs, std::numeric_limits<float>::infinity());
  EXPECT_NE(margins_of(*trees_, row).front(), nothing_known);
}

TEST_F(TreesTest, GiveEveryInstanceTheSameBits) {
  const std::unique_ptr<Trees> second = load();
  const std::vector<float> some = rows(33);
  EXPECT_EQ(bits(margins_of(*trees_, some)), bits(margins_of(*second, some)));
}

TEST_F(TreesTest, ReadTheRowsOfThisCallAlsoWhereTheirMemoryIsThatOfTheLast) {
  std::vector<float> some = rows(7);
  const auto first = margins_of(*trees_, some);
  std::reverse(some.begin(), some.end());
  EXPECT_EQ(bits(margins_of(*trees_, some)), bits(margins_by_matrix(*bytes_, some, kShape.inputs)));
  EXPECT_NE(bits(margins_of(*trees_, some)), bits(first));
}

TEST_F(TreesTest, AnswerNoRowsWithNothing) {
  std::vector<float> margins = {1, 2};
  ASSERT_TRUE(trees_->margins(nullptr, 0, margins));
  EXPECT_TRUE(margins.empty());
}

// ---- what is refused ----

std::string refusal(std::string_view bytes, std::size_t inputs, std::size_t rounds) {
  const auto trees = Trees::load(bytes, inputs, rounds);
  if (trees) return "loaded";
  EXPECT_EQ(trees.error().kind, ErrorKind::kFatal);
  EXPECT_THAT(trees.error().message, HasSubstr("trees cannot be used: "));
  return trees.error().message;
}

TEST(TreesRefusalTest, NamesWhatIsNotAsPromised) {
  const std::string good = trained_trees({});
  EXPECT_EQ(refusal(good, 5, 20), "loaded");
  EXPECT_THAT(refusal(good, 6, 20), HasSubstr("trained on 5 inputs, the manifest names 6"));
  EXPECT_THAT(refusal(good, 5, 19), HasSubstr("20 rounds, the manifest says 19"));
}

TEST(TreesRefusalTest, TakesOnlyBoostedTreesForOneBinaryOutcome) {
  const auto bent = [](const std::string& name, const std::string& value) {
    return refusal(trained_trees({.rounds = 2}, 7, {{name, value}}), 5, 2);
  };
  EXPECT_THAT(bent("objective", "reg:squarederror"), HasSubstr("must be binary:logistic, not reg"));
  EXPECT_THAT(bent("objective", "binary:logitraw"), HasSubstr("not binary:logitraw"));
  EXPECT_THAT(bent("booster", "dart"), HasSubstr("booster must be gbtree, not dart"));
  EXPECT_EQ(bent("base_score", "0.02"), "loaded");
  EXPECT_EQ(bent("num_parallel_tree", "3"), "loaded");
}

TEST(TreesRefusalTest, SaysWhyBytesAreNoForest) {
  const std::string good = trained_trees({});
  EXPECT_THAT(refusal("", 5, 20), HasSubstr("no UBJSON"));
  EXPECT_THAT(refusal("not a forest", 5, 20), HasSubstr("no UBJSON"));
  EXPECT_THAT(refusal(R"({"learner": {}})", 5, 20), HasSubstr("no UBJSON"));
  for (const std::size_t size : {good.size() / 3, good.size() / 2, good.size() - 1}) {
    EXPECT_NE(refusal(good.substr(0, size), 5, 20), "loaded") << size;
  }
}

}  // namespace
}  // namespace weir::testing
