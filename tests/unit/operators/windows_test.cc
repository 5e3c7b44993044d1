// Declared features on their way through the event path: what the features record says of them.

#include <gmock/gmock.h>

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
    settings_.features.push_back({count.name, count});
    settings_.features.push_back(
        {"ratio", operators::PaymentFeature{operators::PaymentField::kRatio, std::nullopt}});
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
