// Declared features on their way through the event path: what the features record says of them.

#include <array>
#include <cmath>

#include <gmock/gmock.h>

#include "operators/score.h"
#include "tests/unit/operators/path_fixture.h"

namespace weir {
namespace {

using testing::ElementsAre;

class WindowsTest : public PathFixture {
 protected:
  WindowsTest() {
    state::FeatureDeclaration count;
    count.name = "count_1d";
    count.window_ms = kDay;
    settings_.features.push_back({count.name, count, {}});
    settings_.features.push_back(
        {"ratio", operators::PaymentFeature{operators::PaymentField::kRatio, std::nullopt}, {}});
    auto made = operators::FeatureEngine::make(settings_, {});
    EXPECT_TRUE(made);
    owned_ = *std::move(made);
    engine_ = owned_.get();
  }
  static std::vector<double> counts(const std::vector<OutputRecord>& out) {
    std::vector<double> found;
    for (const json& record : features(out)) found.push_back(record["windows"]["count_1d"]);
    return found;
  }

  std::unique_ptr<operators::FeatureEngine> owned_;
};

TEST_F(WindowsTest, TheFeaturesRecordCarriesThemInOrderOfDeclaration) {
  const auto out = pay({payment("a", "u", kNoon)});
  ASSERT_EQ(features(out).size(), 1U);
  for (const OutputRecord& record : out) {
    if (record.stream != Stream::kFeatures) continue;
    EXPECT_THAT(record.value, testing::HasSubstr(R"(,"windows":{"count_1d":1,"ratio":null},)"));
    EXPECT_THAT(record.value, testing::HasSubstr(R"("model":{"digest":"sha256:)"));
  }
}

/// With labelled payments of merchants, kept here.
class MerchantRowsPathTest : public PathFixture {
 protected:
  MerchantRowsPathTest() {
    settings_.history.merchant_rows = 8;
    operators::PageStores stores{};
    for (std::size_t kind = 0; kind < stores.size(); ++kind) stores[kind] = &pages_[kind];
    owned_ = operators::FeatureEngine::make(settings_, stores).value();
    engine_ = owned_.get();
  }
  void label(std::string_view transaction, std::int64_t event_time_ms, bool fraud) {
    FraudLabel said;
    said.label_id = said.transaction_id = transaction;
    said.user_id = "u";
    said.merchant_id = "M1";
    said.is_fraud = fraud;
    said.event_time = {event_time_ms};
    said.label_time = {event_time_ms + kMinute};
    ASSERT_TRUE(owned_->label(said, nullptr));
  }
  /// The features record of the one payment, as text.
  std::string record(const json& payment) {
    for (const OutputRecord& record : pay({payment})) {
      if (record.stream == Stream::kFeatures) return record.value;
    }
    return "none";
  }

  std::array<state::MemoryPageStore, state::kEntityKinds> pages_;
  std::unique_ptr<operators::FeatureEngine> owned_;
};

TEST_F(MerchantRowsPathTest, TheFeaturesRecordCarriesThemNewestFirst) {
  EXPECT_THAT(record(payment("a", "u", kNoon)), testing::HasSubstr(R"(,"merchant":[],"input")"));
  record(payment("b", "v", kNoon + kHour));
  label("a", kNoon, true);
  label("b", kNoon + kHour, false);
  const auto merchant =
      json::parse(record(payment("c", "u", kNoon + kDay)))["merchant"].get<json::array_t>();
  ASSERT_EQ(merchant.size(), 2U);
  const auto log1p = [](double x) { return static_cast<float>(std::log1p(x)); };
  EXPECT_EQ(merchant[0].get<std::vector<float>>(),
            (std::vector<float>{0, log1p(10), 0, 0, log1p(23 * 60), static_cast<float>(23.0 / 720),
                                log1p(23 * 60 - 1), 0, 0}));
  EXPECT_EQ(merchant[1].get<std::vector<float>>(),
            (std::vector<float>{1, log1p(10), 0, 1, log1p(24 * 60), static_cast<float>(24.0 / 720),
                                log1p(24 * 60 - 1), 0, 0}));
}

TEST_F(MerchantRowsPathTest, WithoutAModelThereIsARecordAllTheSame) {
  scorer_ = nullptr;
  EXPECT_THAT(record(payment("a", "u", kNoon)), testing::HasSubstr(R"("merchant":[])"));
}

TEST_F(WindowsTest, WithoutMerchantRowsTheRecordSaysNothingOfThem) {
  for (const json& record : features(pay({payment("a", "u", kNoon)}))) {
    EXPECT_FALSE(record.contains("merchant"));
    EXPECT_FALSE(record["outputs"].contains("sequence_logit"));
    EXPECT_FALSE(record["outputs"].contains("trees_margin"));
  }
}

/// A model of two parts that reads everything; notes what it was given.
class WideScorer final : public Scorer {
 public:
  WideScorer() {
    info_.name = "wide";
    info_.version = "1";
    info_.digest = "sha256:" + std::string(64, 'b');
    info_.features = {"log_amount"};
    info_.history_rows = 1;
    info_.merchant_rows = 2;
    info_.merchant_features = 2;
    info_.merchant_feature_names = {"same_user", "fraud"};
    info_.declared = {{"ratio", "payment value ratio"}, {"count_1d", "user count window=1d"}};
    info_.heads = {"fraud"};
  }
  [[nodiscard]] const ModelInfo& info() const override { return info_; }
  Status score(const ScoreBatch& batch, std::vector<Score>& out) override {
    given = batch;
    out.assign(batch.rows, {0.5F, 0.6, true, -1.25F, 2.5F});
    return ok();
  }
  ScoreBatch given;

 private:
  ModelInfo info_;
};

TEST_F(MerchantRowsPathTest, AModelIsGivenWhatItNamesAndTheRecordSaysWhatItsPartsSaid) {
  state::FeatureDeclaration count;
  count.name = "count_1d";
  count.window_ms = kDay;
  settings_.features.push_back({count.name, count, {}});
  settings_.features.push_back(
      {"ratio", operators::PaymentFeature{operators::PaymentField::kRatio, std::nullopt}, {}});
  operators::PageStores stores{};
  for (std::size_t kind = 0; kind < stores.size(); ++kind) stores[kind] = &pages_[kind];
  owned_ = operators::FeatureEngine::make(settings_, stores).value();
  engine_ = owned_.get();
  WideScorer model;
  scorer_ = &model;
  ASSERT_TRUE(operators::check_model(model.info(), settings_));

  pay({payment("a", "u", kNoon)});
  EXPECT_THAT(model.given.merchant, ElementsAre(0, 0, 0, 0));
  EXPECT_THAT(model.given.merchant_mask, ElementsAre(0, 0));
  EXPECT_THAT(model.given.declared, ElementsAre(testing::IsNan(), 1));
  label("a", kNoon, true);
  const auto records =
      features(pay({payment("b", "u", kNoon + 1, "25.00"), payment("c", "v", kNoon + 2)}));
  EXPECT_THAT(model.given.merchant, ElementsAre(1, 1, 0, 0, 0, 1, 0, 0));
  EXPECT_THAT(model.given.merchant_mask, ElementsAre(1, 0, 1, 0));
  EXPECT_THAT(model.given.declared, ElementsAre(2.5F, 2, testing::IsNan(), 1));
  EXPECT_EQ(records[0]["outputs"]["logit"], 0.5);
  EXPECT_EQ(records[0]["outputs"]["sequence_logit"], -1.25);
  EXPECT_EQ(records[0]["outputs"]["trees_margin"], 2.5);
}

TEST_F(WindowsTest, PaymentsOfABatchSeeEachOther) {
  EXPECT_THAT(counts(pay({payment("a", "u", kNoon), payment("b", "v", kNoon),
                          payment("c", "u", kNoon + 1), payment("d", "u", kNoon + kDay)})),
              ElementsAre(1, 1, 2, 2));
}

TEST_F(WindowsTest, WithoutAModelThereIsARecordAllTheSame) {
  scorer_ = nullptr;
  const auto records = features(pay({payment("a", "u", kNoon)}));
  ASSERT_EQ(records.size(), 1U);
  EXPECT_TRUE(records[0]["model"].is_null());
  EXPECT_TRUE(records[0]["current"].empty());
  EXPECT_TRUE(records[0]["outputs"]["p"].is_null());
  EXPECT_EQ(records[0]["windows"]["count_1d"], 1);
}

TEST_F(WindowsTest, DuplicatesHaveNoRecordAndCountInNoWindow) {
  const auto out =
      pay({payment("a", "u", kNoon), payment("a", "u", kNoon + 1), payment("b", "u", kNoon + 2)});
  EXPECT_THAT(counts(out), ElementsAre(1, 2));
}

TEST_F(WindowsTest, ALatePaymentCountsInNoWindow) {
  settings_.input.lateness = std::chrono::milliseconds(kMinute);
  const auto out = pay({payment("a", "u", kNoon), payment("late", "u", kNoon - kMinute - 1),
                        payment("in time", "u", kNoon - kMinute), payment("b", "u", kNoon)});
  EXPECT_THAT(counts(out), ElementsAre(1, 1, 1, 3));
}

TEST_F(WindowsTest, APoisonedPaymentHasNoRecordButIsRemembered) {
  is_poison_ = [](const RawRecord& record) { return record.offset == 100; };
  const auto out = pay({payment("a", "u", kNoon), payment("b", "u", kNoon + 1)});
  EXPECT_THAT(counts(out), ElementsAre(2));
}

}  // namespace
}  // namespace weir
