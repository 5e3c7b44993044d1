// Scorers of format 2: what the parts say, how it is blended and calibrated, and that a row's bits
// still depend on that row alone.
// Method: packages with random weights and trees trained on the spot, against the same function
// composed of the kernels and the library's own matrix; a fake network for what should never be.

#include "models/parts.h"

#include <bit>
#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/load_scorer.h"
#include "models/package_scorer.h"
#include "tests/unit/models/handmade_package.h"
#include "tests/unit/models/handmade_trees.h"
#include "tests/unit/models/reference_kernels.h"

namespace weir::testing {
namespace {

constexpr NetworkShape kShape{.heads = 3, .declared = 4};

std::unique_ptr<Scorer> load(HandmadePackage& package) {
  auto scorer = load_scorer(package.write(), {.allowed_digests = {}, .warm_up_batch = 128});
  if (!scorer) throw std::runtime_error(scorer.error().message);
  return std::move(*scorer);
}

std::vector<Score> scores_of(Scorer& scorer, const ScoreBatch& batch) {
  std::vector<Score> scores;
  const Status scored = scorer.score(batch, scores);
  EXPECT_TRUE(scored) << scored.error().message;
  return scores;
}

/// Every number of a score, so that NaN equals itself.
std::vector<std::uint64_t> bits_of(const Score& score) {
  return {std::bit_cast<std::uint32_t>(score.logit), std::bit_cast<std::uint64_t>(score.p),
          std::uint64_t{score.valid}, std::bit_cast<std::uint32_t>(score.sequence_logit),
          std::bit_cast<std::uint32_t>(score.trees_margin)};
}

class TwoPartsTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { package_ = new HandmadePackage(kShape, 7, Made::kBoth); }
  static void TearDownTestSuite() { delete package_; }

  std::unique_ptr<Scorer> scorer_ = load(*package_);
  std::mt19937 random_{20180401};  // fixed: a failure repeats
  static HandmadePackage* package_;
};
HandmadePackage* TwoPartsTest::package_ = nullptr;

TEST_F(TwoPartsTest, SayWhatTheirSourcesSayBlendedAndCalibrated) {
  const ScoreBatch batch = random_batch(kShape, 60, random_);
  const auto logits = composed_logits(package_->weights, batch, kernels::CpuPath::kScalar);
  const auto margins = margins_by_matrix(package_->trees, package_->trees_rows(batch), 7);
  const auto scores = scores_of(*scorer_, batch);
  for (std::size_t row = 0; row < batch.rows; ++row) {
    const Score& score = scores[row];
    EXPECT_TRUE(score.valid);
    EXPECT_EQ(std::bit_cast<std::uint32_t>(score.sequence_logit),
              std::bit_cast<std::uint32_t>(logits[row * 3]));
    EXPECT_EQ(std::bit_cast<std::uint32_t>(score.trees_margin),
              std::bit_cast<std::uint32_t>(margins[row]));
    const double z = 0.375 * double{logits[row * 3]} + 0.6 * double{margins[row]} - 0.125;
    EXPECT_EQ(score.logit, static_cast<float>(z));
    EXPECT_NEAR(score.p, 1 / (1 + std::exp(-(1.25 * z - 3.5))), 1e-15);
  }
}

TEST_F(TwoPartsTest, GiveARowTheSameBitsInEveryBatchSizeAtEveryPlaceInAnyCompany) {
  const ScoreBatch one = random_batch(kShape, 1, random_);
  const auto alone = bits_of(scores_of(*scorer_, one).front());
  for (std::size_t rows = 1; rows <= 128; ++rows) {
    const ScoreBatch company = random_batch(kShape, rows, random_);
    const auto without = scores_of(*scorer_, company);
    ScoreBatch batch;  // our row twice: at a place that wanders through all sizes, and at the end
    const std::size_t place = rows * 7 % rows + rows / 3;
    const auto ours = [&](std::size_t row) { return row == place || row + 1 == rows; };
    for (std::size_t row = 0; row < rows; ++row) {
      append_row(ours(row) ? one : company, kShape, ours(row) ? 0 : row, batch);
    }
    const auto scores = scores_of(*scorer_, batch);
    for (std::size_t row = 0; row < rows; ++row) {
      ASSERT_EQ(bits_of(scores[row]), ours(row) ? alone : bits_of(without[row]))
          << "row " << row << " of " << rows;
    }
  }
}

TEST_F(TwoPartsTest, ScoreAPaymentOfWhichNothingDeclaredIsKnown) {
  ScoreBatch batch = random_batch(kShape, 3, random_);
  const auto known = scores_of(*scorer_, batch);
  for (std::size_t i = 0; i < kShape.declared; ++i) {
    batch.declared[kShape.declared + i] = std::numeric_limits<float>::quiet_NaN();
  }
  const auto scores = scores_of(*scorer_, batch);
  EXPECT_EQ(bits_of(scores[0]), bits_of(known[0]));
  EXPECT_TRUE(scores[1].valid);
  EXPECT_EQ(scores[1].sequence_logit, known[1].sequence_logit);
  EXPECT_NE(scores[1].trees_margin, known[1].trees_margin);
  EXPECT_EQ(bits_of(scores[2]), bits_of(known[2]));
}

TEST_F(TwoPartsTest, MarkOnlyTheRowWithABrokenNetworkInvalid) {
  ScoreBatch batch = random_batch(kShape, 9, random_);
  const auto clean = scores_of(*scorer_, batch);
  batch.current[4 * kShape.features] = std::numeric_limits<float>::infinity();
  const auto scores = scores_of(*scorer_, batch);
  for (std::size_t row = 0; row < 9; ++row) {
    if (row == 4) continue;
    EXPECT_EQ(bits_of(scores[row]), bits_of(clean[row])) << row;
  }
  EXPECT_FALSE(scores[4].valid);
  EXPECT_EQ(scores[4].p, 0);
}

TEST_F(TwoPartsTest, CalibrateByKnotsWhereTheManifestSaysSo) {
  HandmadePackage isotonic(kShape, 7, Made::kBoth);
  isotonic.manifest["calibration"]["fraud"] = {
      {"method", "isotonic"}, {"z", {-1.0, 0.0, 1.0}}, {"p", {0.0, 0.25, 1.0}}};
  const std::unique_ptr<Scorer> scorer = load(isotonic);
  const Isotonic expected{{-1, 0, 1}, {0, 0.25, 1}};
  for (const Score& score : scores_of(*scorer, random_batch(kShape, 50, random_))) {
    const double z =
        Blend{0.375, 0.6, -0.125}.z(double{score.sequence_logit}, double{score.trees_margin});
    EXPECT_EQ(score.p, expected.probability(z));
  }
}

TEST_F(TwoPartsTest, WorkOnAsWithTheirOwnDigestInEveryInstance) {
  const std::unique_ptr<Scorer> second = load(*package_);
  const ScoreBatch batch = random_batch(kShape, 33, random_);
  const auto first = scores_of(*scorer_, batch);
  const auto other = scores_of(*second, batch);
  for (std::size_t row = 0; row < 33; ++row) EXPECT_EQ(bits_of(first[row]), bits_of(other[row]));
}

using TwoPartsDeathTest = TwoPartsTest;
TEST_F(TwoPartsDeathTest, StopWhenABatchHoldsFewerDeclaredFeaturesThanItPromises) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // OpenBLAS keeps an idle thread
  ScoreBatch batch = random_batch(kShape, 3, random_);
  batch.declared.pop_back();
  std::vector<Score> scores;
  EXPECT_DEATH((void)scorer_->score(batch, scores), "declared");
}

// ---- one part ----

TEST(OnePartTest, TreesAloneScoreWithoutANetwork) {
  HandmadePackage package({.declared = 4}, 7, Made::kTrees);
  const std::unique_ptr<Scorer> scorer = load(package);
  EXPECT_FALSE(std::filesystem::exists(package.file("model.pt")));
  EXPECT_TRUE(scorer->info().features.empty());
  EXPECT_EQ(scorer->info().declared.size(), 4U);
  std::mt19937 random(1);
  const ScoreBatch batch = random_batch(package.shape, 40, random);
  const auto margins = margins_by_matrix(package.trees, batch.declared, 4);
  const auto scores = scores_of(*scorer, batch);
  for (std::size_t row = 0; row < 40; ++row) {
    EXPECT_TRUE(scores[row].valid);
    EXPECT_EQ(scores[row].logit, margins[row]);
    EXPECT_EQ(scores[row].trees_margin, margins[row]);
    EXPECT_TRUE(std::isnan(scores[row].sequence_logit));
    EXPECT_NEAR(scores[row].p, 1 / (1 + std::exp(-(1.25 * double{margins[row]} - 3.5))), 1e-15);
  }
}

TEST(OnePartTest, ANetworkAloneScoresAsInFormat1) {
  const NetworkShape shape{.heads = 2};
  HandmadePackage old(shape, 7, Made::kFormat1);
  HandmadePackage package(shape, 7, Made::kSequence);
  const std::unique_ptr<Scorer> before = load(old);
  const std::unique_ptr<Scorer> now = load(package);
  std::mt19937 random(1);
  const ScoreBatch batch = random_batch(shape, 40, random);
  const auto expected = scores_of(*before, batch);
  const auto scores = scores_of(*now, batch);
  for (std::size_t row = 0; row < 40; ++row) {
    EXPECT_EQ(bits_of(scores[row]), bits_of(expected[row]));
    EXPECT_EQ(scores[row].logit, scores[row].sequence_logit);
    EXPECT_TRUE(std::isnan(scores[row].trees_margin));
  }
}

// ---- what a real network should never do ----

/// Head 0 is always 1; head 1 is the payment's only feature.
class SecondHead final : public Network {
 public:
  Status forward(const NetworkInputs& inputs, std::size_t, std::vector<float>& logits) override {
    logits.clear();
    for (std::size_t row = 0; row < inputs.rows; ++row) {
      logits.insert(logits.end(), {1, inputs.current[row]});
    }
    return ok();
  }
};

TEST(PartsTest, ABrokenOutputThatTreesReadMakesTheRowInvalidAndOneTheyDoNotReadDoesNot) {
  for (const std::size_t read : {0U, 1U}) {
    Manifest manifest;
    manifest.info.features = {"x"};
    manifest.info.heads = {"fraud", "head_1"};
    manifest.sequence.emplace();
    manifest.trees.emplace().inputs = {{TreesInput::Source::kSequence, read}};
    manifest.blend = Blend{0.5, 0.5, 0};
    auto trees = Trees::load(trained_trees({.inputs = 1, .rounds = 3}), 1, 3);
    ASSERT_TRUE(trees) << trees.error().message;
    PackageScorer scorer(manifest,
                         Parts(manifest, std::make_unique<SecondHead>(), std::move(*trees)));
    for (const float broken :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      ScoreBatch batch;
      batch.rows = 3;
      batch.current = {0.5F, broken, -0.5F};
      const auto scores = scores_of(scorer, batch);
      EXPECT_TRUE(scores[0].valid);
      EXPECT_EQ(scores[1].valid, read == 0);
      EXPECT_TRUE(scores[2].valid);
    }
  }
}

}  // namespace
}  // namespace weir::testing
