// Scorer: a row's bits depend on that row alone; a bad row or a failing model never becomes a
// probability. Method: the whole network of models/README.md with random weights as TorchScript,
// against the same function composed of the kernels; fakes of Network for what a real model should
// never do.

#include <bit>
#include <cmath>
#include <filesystem>
#include <functional>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/load_scorer.h"
#include "models/package_scorer.h"
#include "models/proof.h"
#include "tests/unit/models/handmade_package.h"
#include "tests/unit/models/reference_kernels.h"

namespace weir::testing {
namespace {

using ::testing::HasSubstr;

std::unique_ptr<Scorer> load(const std::string& folder) {
  auto scorer = load_scorer(folder, {.allowed_digests = {}, .warm_up_batch = 128});
  if (!scorer) throw std::runtime_error(scorer.error().message);
  return std::move(*scorer);
}

std::vector<float> logits_of(Scorer& scorer, const ScoreBatch& batch) {
  std::vector<Score> scores;
  const Status scored = scorer.score(batch, scores);
  EXPECT_TRUE(scored) << scored.error().message;
  std::vector<float> logits;
  for (const Score& score : scores) logits.push_back(score.logit);
  return logits;
}

class ScorerTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    package_ = new HandmadePackage(NetworkShape{});
    folder_ = new std::string(package_->write());
  }
  static void TearDownTestSuite() {
    delete folder_;
    delete package_;
  }

  const NetworkShape shape_;
  std::unique_ptr<Scorer> scorer_ = load(*folder_);
  std::mt19937 random_{20180401};  // fixed: a failure repeats
  static HandmadePackage* package_;
  static std::string* folder_;
};
HandmadePackage* ScorerTest::package_ = nullptr;
std::string* ScorerTest::folder_ = nullptr;

TEST_F(ScorerTest, GivesTheBitsOfTheKernelsOfEveryPath) {
  const ScoreBatch batch = random_batch(shape_, 70, random_);
  const auto scored = bits(logits_of(*scorer_, batch));
  for (const kernels::CpuPath path : paths_here()) {
    EXPECT_EQ(scored, bits(composed_logits(package_->weights, batch, path)));
  }
}

TEST_F(ScorerTest, GivesARowTheSameBitsInEveryBatchSizeAtEveryPlaceInAnyCompany) {
  const ScoreBatch one = random_batch(shape_, 1, random_);
  const auto alone = bits(logits_of(*scorer_, one)).front();
  for (std::size_t rows = 1; rows <= 128; ++rows) {
    const ScoreBatch company = random_batch(shape_, rows, random_);
    const auto without = bits(logits_of(*scorer_, company));
    ScoreBatch batch;  // our row twice: at a place that wanders through all sizes, and at the end
    const std::size_t place = rows * 7 % rows + rows / 3;
    for (std::size_t row = 0; row < rows; ++row) {
      const bool ours = row == place || row + 1 == rows;
      append_row(ours ? one : company, shape_, ours ? 0 : row, batch);
    }
    const auto scored = bits(logits_of(*scorer_, batch));
    for (std::size_t row = 0; row < rows; ++row) {
      const bool ours = row == place || row + 1 == rows;
      ASSERT_EQ(scored[row], ours ? alone : without[row]) << "row " << row << " of " << rows;
    }
  }
}

TEST_F(ScorerTest, GivesARowTheSameBitsAtEachOf128Places) {
  const ScoreBatch one = random_batch(shape_, 1, random_);
  const auto alone = bits(logits_of(*scorer_, one)).front();
  const ScoreBatch company = random_batch(shape_, 128, random_);
  for (std::size_t place = 0; place < 128; place += 3) {
    ScoreBatch batch;
    for (std::size_t row = 0; row < 128; ++row) {
      append_row(row == place ? one : company, shape_, row == place ? 0 : row, batch);
    }
    ASSERT_EQ(bits(logits_of(*scorer_, batch))[place], alone) << place;
  }
}

TEST_F(ScorerTest, DoesNotLookAtRowsTheMaskHides) {
  ScoreBatch batch = random_batch(shape_, 40, random_);
  const auto clean = bits(logits_of(*scorer_, batch));
  for (std::size_t cell = 0; cell < batch.mask.size(); ++cell) {
    if (batch.mask[cell] != 0) continue;
    batch.log_gap[cell] = std::numeric_limits<float>::quiet_NaN();
    for (std::size_t f = 0; f < shape_.features; ++f) {
      batch.history[cell * shape_.features + f] = std::numeric_limits<float>::infinity();
    }
  }
  EXPECT_EQ(bits(logits_of(*scorer_, batch)), clean);
}

TEST_F(ScorerTest, MarksOnlyTheRowWithNanOrInfinityInvalid) {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    ScoreBatch batch = random_batch(shape_, 9, random_);
    const auto clean = bits(logits_of(*scorer_, batch));
    for (std::size_t f = 0; f < shape_.features; ++f) batch.current[4 * shape_.features + f] = bad;
    std::vector<Score> scores;
    ASSERT_TRUE(scorer_->score(batch, scores));
    for (std::size_t row = 0; row < 9; ++row) {
      EXPECT_EQ(scores[row].valid, row != 4) << row;
      if (row == 4) continue;
      EXPECT_EQ(std::bit_cast<std::uint32_t>(scores[row].logit), clean[row]);
    }
    EXPECT_EQ(scores[4].p, 0);
  }
}

TEST_F(ScorerTest, CalibratesEachLogit) {
  const ScoreBatch batch = random_batch(shape_, 50, random_);
  std::vector<Score> scores;
  ASSERT_TRUE(scorer_->score(batch, scores));
  for (const Score& score : scores) {
    ASSERT_TRUE(score.valid);
    EXPECT_NEAR(score.p, 1 / (1 + std::exp(-(1.25 * double{score.logit} - 3.5))), 1e-15);
  }
}

TEST_F(ScorerTest, AnswersAnEmptyBatchWithNothing) {
  std::vector<Score> scores(3);
  ASSERT_TRUE(scorer_->score(ScoreBatch{}, scores));
  EXPECT_TRUE(scores.empty());
}

TEST_F(ScorerTest, GivesEveryInstanceTheSameBits) {
  const std::unique_ptr<Scorer> second = load(*folder_);
  const ScoreBatch batch = random_batch(shape_, 33, random_);
  EXPECT_EQ(bits(logits_of(*scorer_, batch)), bits(logits_of(*second, batch)));
}

using ScorerDeathTest = ScorerTest;
TEST_F(ScorerDeathTest, StopsWhenABatchHoldsLessThanItPromises) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // OpenBLAS keeps an idle thread
  ScoreBatch batch = random_batch(shape_, 3, random_);
  batch.history.pop_back();
  std::vector<Score> scores;
  EXPECT_DEATH((void)scorer_->score(batch, scores), "history");
}

// ---- what a real model should never do ----

class FakeNetwork final : public Network {
 public:
  using Answer = std::function<float(const NetworkInputs&, std::size_t row)>;
  explicit FakeNetwork(Answer answer) : answer_(std::move(answer)) {}
  Status forward(const NetworkInputs& inputs, std::size_t heads,
                 std::vector<float>& logits) override {
    if (fail) return retry("model failed: out of memory");
    logits.clear();
    for (std::size_t row = 0; row < inputs.rows; ++row) {
      for (std::size_t head = 0; head < heads; ++head) logits.push_back(answer_(inputs, row));
    }
    largest = std::max(largest, inputs.rows);
    return ok();
  }
  bool fail = false;
  std::size_t largest = 0;

 private:
  Answer answer_;
};

/// One feature, two past rows, a network only.
Manifest one_feature() {
  Manifest manifest;
  manifest.sequence.emplace();
  manifest.info.features = {"x"};
  manifest.info.history_rows = 2;
  manifest.info.heads = {"fraud"};
  return manifest;
}

/// Three golden cases whose logit is their feature.
Package package_of_identity() {
  Package package;
  package.manifest = one_feature();
  for (const float x : {1.5F, -2.0F, 0.25F}) {
    GoldenCase golden;
    golden.window = 1;
    golden.current = {x};
    golden.history = golden.log_gap = {0};
    golden.mask = {1};
    golden.bits = bits({x});
    package.golden.push_back(golden);
  }
  return package;
}

ScoreBatch one_payment(float x) {
  ScoreBatch batch;
  batch.rows = 1;
  batch.current = {x};
  batch.history = batch.log_gap = batch.mask = {0, 0};
  return batch;
}

float identity(const NetworkInputs& in, std::size_t row) {
  return in.current[row];
}

TEST(PackageScorerTest, PassesTheErrorOfAFailingModelOnWithoutScores) {
  auto network = std::make_unique<FakeNetwork>(identity);
  network->fail = true;
  PackageScorer scorer(one_feature(), Parts(one_feature(), std::move(network), nullptr));
  std::vector<Score> scores;
  const Status scored = scorer.score(one_payment(1), scores);
  ASSERT_FALSE(scored);
  EXPECT_EQ(scored.error().kind, ErrorKind::kRetry);
  EXPECT_TRUE(scores.empty());
}

/// Proves a package with a fake network, which is told apart only by what it answers.
Status prove_with(const Package& package, FakeNetwork::Answer answer, std::size_t batch_max,
                  std::size_t* largest = nullptr) {
  auto network = std::make_unique<FakeNetwork>(std::move(answer));
  FakeNetwork* const seen = network.get();
  Parts parts(package.manifest, std::move(network), nullptr);
  const Status proven = prove(package, parts, batch_max);
  if (largest != nullptr) *largest = seen->largest;
  return proven;
}

TEST(ProofTest, AcceptsANetworkThatRepeatsItsCasesAndWarmsItUpToTheLargestBatch) {
  std::size_t largest = 0;
  const Status proven = prove_with(package_of_identity(), identity, 50, &largest);
  EXPECT_TRUE(proven) << proven.error().message;
  EXPECT_EQ(largest, 50U);
}

TEST(ProofTest, RefusesANetworkWhoseBitsDependOnTheBatchSize) {
  const auto answer = [](const NetworkInputs& in, std::size_t row) {
    return in.rows > 6 ? std::nextafter(in.current[row], 9.0F) : in.current[row];
  };
  const Status proven = prove_with(package_of_identity(), answer, 128);
  ASSERT_FALSE(proven);
  EXPECT_THAT(proven.error().message, HasSubstr("in a batch of 7"));
}

TEST(ProofTest, RefusesANetworkWhoseBitsDependOnThePadding) {
  const auto answer = [](const NetworkInputs& in, std::size_t row) {
    return in.window > 1 ? in.current[row] + 1.0F : in.current[row];
  };
  const Status proven = prove_with(package_of_identity(), answer, 128);
  ASSERT_FALSE(proven);
  EXPECT_THAT(proven.error().message, HasSubstr("does not repeat its golden cases"));
}

TEST(ProofTest, RefusesGoldenCasesThatSayNothingAboutTheServedWindow) {
  Package package = package_of_identity();
  package.manifest.info.history_rows = 0;
  EXPECT_FALSE(prove_with(package, identity, 8));
}

// ---- calibration ----

TEST(PlattTest, AgreesWithTheFormula) {
  const Platt platt{1.7, -0.3};
  for (float logit = -30; logit <= 30; logit += 0.01F) {
    const double z = 1.7 * double{logit} - 0.3;  // its own rounding is magnified by exp
    const double tolerance = 1e-15 + std::fabs(z) * 0x1p-52;
    ASSERT_NEAR(platt.probability(logit) * (1 + std::exp(-z)), 1, tolerance) << logit;
  }
}

TEST(PlattTest, StaysInRangeAndOrderedOutToTheLargestLogits) {
  const Platt platt{1, 0};
  EXPECT_EQ(platt.probability(0), 0.5);
  EXPECT_EQ(platt.probability(std::numeric_limits<float>::max()), 1);
  EXPECT_GE(platt.probability(-std::numeric_limits<float>::max()), 0);
  EXPECT_LT(platt.probability(-std::numeric_limits<float>::max()), 1e-300);
  double last = 0;
  for (float logit = -800; logit <= 800; logit += 0.5F) {
    const double p = platt.probability(logit);
    ASSERT_GE(p, last) << logit;
    last = p;
  }
}

// Method: knots of a fit, and values at, beside and between them.
class IsotonicTest : public ::testing::Test {
 protected:
  const Isotonic isotonic_{{-2, -0.5, 0.25, 3}, {0.001, 0.001, 0.4, 0.9}};
};

TEST_F(IsotonicTest, DrawsStraightLinesBetweenKnots) {
  for (std::size_t knot = 0; knot < 4; ++knot) {
    EXPECT_EQ(isotonic_.probability(isotonic_.z[knot]), isotonic_.p[knot]);
  }
  EXPECT_EQ(isotonic_.probability(-1), 0.001);
  EXPECT_DOUBLE_EQ(isotonic_.probability(-0.125), 0.2005);
  EXPECT_DOUBLE_EQ(isotonic_.probability(1.625), 0.65);
}

TEST_F(IsotonicTest, KeepsTheEndValuesOutside) {
  EXPECT_EQ(isotonic_.probability(std::nextafter(-2, -3)), 0.001);
  EXPECT_EQ(isotonic_.probability(-1e308), 0.001);
  EXPECT_EQ(isotonic_.probability(std::nextafter(3, 4)), 0.9);
  EXPECT_EQ(isotonic_.probability(1e308), 0.9);
}

TEST_F(IsotonicTest, NeverFalls) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> step(0, 1);
  for (int fit = 0; fit < 50; ++fit) {
    Isotonic drawn{{-8}, {0}};
    for (int knot = 0; knot < 20; ++knot) {
      drawn.z.push_back(drawn.z.back() + step(random));
      drawn.p.push_back(std::min(1.0, drawn.p.back() + 0.1 * step(random)));
    }
    double last = 0;
    for (double z = -9; z < 13; z += 0.003) {
      const double p = drawn.probability(z);
      ASSERT_GE(p, last) << z;
      ASSERT_LE(p, 1) << z;
      last = p;
    }
    for (std::size_t knot = 1; knot < drawn.z.size(); ++knot) {  // the last bits before a knot
      ASSERT_LE(drawn.probability(std::nextafter(drawn.z[knot], -99)), drawn.p[knot]);
    }
  }
}

// ---- the packages we ship ----

TEST(ZooTest, EveryShippedPackageLoadsHereAndIsWhereItsNameSays) {
  std::size_t packages = 0;
  for (const auto& name : std::filesystem::directory_iterator(WEIR_SOURCE_DIR "/models/zoo")) {
    for (const auto& version : std::filesystem::directory_iterator(name.path())) {
      const auto scorer = load_scorer(version.path().string(), {});
      ASSERT_TRUE(scorer) << scorer.error().message;
      EXPECT_EQ((*scorer)->info().name, name.path().filename());
      EXPECT_EQ((*scorer)->info().version, version.path().filename());
      ++packages;
    }
  }
  EXPECT_GE(packages, 2U);
}

}  // namespace
}  // namespace weir::testing
