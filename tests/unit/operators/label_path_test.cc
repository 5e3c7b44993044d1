// The way of a label. Method: payments and labels run on one store; what later payments see and
// what is counted is looked at.

#include "pipeline/label_path.h"

#include <gtest/gtest.h>

#include "tests/unit/operators/path_fixture.h"

namespace weir {
namespace {

class LabelPathTest : public PathFixture {
 protected:
  LabelPathTest() {
    state::FeatureDeclaration frauds;
    frauds.name = "frauds";
    frauds.function = state::Function::kCount;
    frauds.window_ms = kDay;
    frauds.filter = {{state::Field::kFraud, state::Comparison::kEqual, 1}};
    settings_.features.push_back({"frauds", frauds, {}});
    settings_.label_topic = "opinions";
    owned_ = operators::FeatureEngine::make(settings_, {}).value();
    engine_ = owned_.get();
    bench_ = make_bench();
  }

  static json label(const std::string& transaction, bool fraud = true) {
    return {{"label_id", "L-" + transaction},
            {"transaction_id", transaction},
            {"user_id", "u"},
            {"merchant_id", "M1"},
            {"is_fraud", fraud},
            {"event_time", kNoon},
            {"label_time", kNoon + 2 * kDay},
            {"source", "issuer"}};
  }
  std::vector<OutputRecord> say(const json& value) { return say(value.dump()); }
  std::vector<OutputRecord> say(const std::string& bytes) {
    LabelPath path(
        settings_, engine_,
        [this](std::int32_t) {
          return LabelPath::Place{store(), next_offset_};
        },
        metrics());
    RawRecord record;
    record.lane = Lane::kLabels;
    record.offset = 7;
    record.key = "u";
    record.value = bytes;
    record.tombstone = bytes.empty();
    std::vector<OutputRecord> out;
    const Status done = path.process({&record, 1}, out);
    EXPECT_TRUE(done) << done.error().message;
    return out;
  }
  double frauds_seen() {
    const auto id = "t" + std::to_string(next_offset_);
    return features(pay({payment(id, "u", kNoon + kHour)})).at(0)["windows"]["frauds"];
  }
  double counted(telemetry::LabelFate fate, bool fraud = true) {
    return metrics()
        .labels.sources()[0]
        .counts[fraud ? 1 : 0][static_cast<std::size_t>(fate)]
        .get();
  }

  std::unique_ptr<operators::FeatureEngine> owned_;
};

TEST_F(LabelPathTest, ALabelIsSeenByLaterPaymentsOfItsUser) {
  pay({payment("t1", "u", kNoon)});
  EXPECT_EQ(frauds_seen(), 0);
  EXPECT_TRUE(say(label("t1")).empty());
  EXPECT_EQ(frauds_seen(), 1);
  EXPECT_EQ(counted(telemetry::LabelFate::kApplied), 1);
}

TEST_F(LabelPathTest, ALabelMayComeBeforeItsPaymentAndTwice) {
  say(label("t1"));
  EXPECT_EQ(counted(telemetry::LabelFate::kWaiting), 1);
  pay({payment("t1", "u", kNoon)});
  EXPECT_EQ(frauds_seen(), 1);
  say(label("t1"));
  EXPECT_EQ(counted(telemetry::LabelFate::kRepeated), 1);
  EXPECT_EQ(frauds_seen(), 1);
}

TEST_F(LabelPathTest, AChargebackWonBackIsTakenOutAgain) {
  pay({payment("t1", "u", kNoon)});
  say(label("t1"));
  json won = label("t1", false);
  won["revision"] = 1;
  say(won);
  EXPECT_EQ(counted(telemetry::LabelFate::kApplied, false), 1);
  EXPECT_EQ(frauds_seen(), 0);
}

TEST_F(LabelPathTest, WhatALabelChangesIsLoggedWithTheTransaction) {
  pay({payment("t1", "u", kNoon)});
  commit();
  say(label("t1"));
  const auto changes = store().take_changes();
  ASSERT_EQ(changes.size(), 1U);
  const auto record = state::parse_window_record(changes[0].key, changes[0].value);
  ASSERT_TRUE(record) << record.error().message;
  EXPECT_EQ(record->cause, state::WindowCause::kLabel);
  EXPECT_EQ(record->input_offset, next_offset_) << "behind every payment so far";
}

TEST_F(LabelPathTest, ALabelThatIsNoneIsADeadLetterOfItsTopic) {
  const auto out = say(std::string("{\"label_id\":"));
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].stream, Stream::kDeadLetters);
  EXPECT_EQ(header(out[0], "weir-reason"), "decode");
  EXPECT_EQ(header(out[0], "weir-topic"), "opinions");
  EXPECT_EQ(header(out[0], "weir-offset"), "7");
  EXPECT_EQ(metrics().labels.size(), 0U);
}

TEST_F(LabelPathTest, ATombstoneIsSkippedAndCounted) {
  EXPECT_TRUE(say(std::string()).empty());
  EXPECT_EQ(metrics().tombstones.get(), 1);
}

TEST_F(LabelPathTest, WithoutWindowsALabelIsCountedAndNothingElse) {
  engine_ = nullptr;
  EXPECT_TRUE(say(label("t1")).empty());
  EXPECT_EQ(counted(telemetry::LabelFate::kUnused), 1);
  EXPECT_TRUE(store().take_changes().empty());
}

TEST_F(LabelPathTest, SourcesBeyondTheBoundAreCountedTogether) {
  for (int i = 0; i < 100; ++i) {
    json one = label("t1");
    one["source"] = "source-" + std::to_string(i);
    say(one);
  }
  const auto& labels = metrics().labels;
  ASSERT_EQ(labels.size(), telemetry::LabelCounters::kSources + 1);
  const auto& other = labels.sources()[telemetry::LabelCounters::kSources];
  EXPECT_EQ(other.name, "other");
  double sum = 0;
  for (const auto& cell : other.counts[1]) sum += cell.get();
  EXPECT_EQ(sum, 100 - telemetry::LabelCounters::kSources);
  EXPECT_EQ(other.delay.sum(), sum * 2 * 86'400);
}

}  // namespace
}  // namespace weir
