// The event path as a whole: what comes out for what goes in, and that batches change nothing.
#include <random>

#include "tests/unit/operators/path_fixture.h"

namespace weir {
namespace {

class EventPathTest : public PathFixture {};

TEST_F(EventPathTest, LeavesOneVerdictAndOneFeaturesRecordForAPayment) {
  const auto out = pay({payment("t1", "u1", kNoon)});
  ASSERT_EQ(out.size(), 2U);
  EXPECT_EQ(out[0].stream, Stream::kVerdicts);
  EXPECT_EQ(out[1].stream, Stream::kFeatures);
  EXPECT_EQ(out[0].key, "u1");
  EXPECT_EQ(out[1].key, "u1");
  EXPECT_EQ(out[0].input_partition, 0);
  EXPECT_TRUE(out[0].headers.empty());  // only the answer to a duplicate needs one
}

TEST_F(EventPathTest, LeavesNoFeaturesRecordWithoutAModel) {
  scorer_ = nullptr;
  const auto out = pay({payment("t1", "u1", kNoon)});
  ASSERT_EQ(out.size(), 1U);
  const auto verdict = verdicts(out).at(0);
  EXPECT_EQ(verdict["model"], nullptr);
  EXPECT_EQ(verdict["risk"]["fraud"]["p"], nullptr);
  EXPECT_EQ(verdict["degraded"], json::array({"no_model"}));
  EXPECT_EQ(metrics().degraded[0].get(), 1);
}

TEST_F(EventPathTest, CountsATombstoneAndLeavesNothing) {
  EXPECT_TRUE(run(std::deque<OwnedRecord>{{0, 7, -1, "u1", "", {}}}).empty());
  EXPECT_EQ(metrics().tombstones.get(), 1);
}

TEST_F(EventPathTest, TakesTheSafeActionWhenTheModelReturnsNaN) {
  model_.nan_above = 5.0F;  // ln(1 + amount)
  settings_.decide.safe_action = "decline";
  const auto out =
      verdicts(pay({payment("t1", "u1", kNoon, "10"), payment("t2", "u2", kNoon, "1000")}));
  EXPECT_TRUE(out[0]["degraded"].empty());
  EXPECT_EQ(out[1]["action"], "decline");
  EXPECT_EQ(out[1]["risk"]["fraud"]["p"], nullptr);
  EXPECT_EQ(out[1]["degraded"], json::array({"score_invalid"}));
  EXPECT_NE(out[1]["model"], nullptr);
  EXPECT_EQ(metrics().degraded[1].get(), 1);
}

TEST_F(EventPathTest, TakesTheSafeActionWhenTheModelFailsAndGoesOn) {
  model_.fails = true;
  const auto out = verdicts(pay({payment("t1", "u1", kNoon), payment("t2", "u2", kNoon)}));
  ASSERT_EQ(out.size(), 2U);
  for (const auto& verdict : out) {
    EXPECT_EQ(verdict["action"], "review");
    EXPECT_EQ(verdict["degraded"], json::array({"score_invalid"}));
  }
  model_.fails = false;
  EXPECT_TRUE(verdicts(pay({payment("t3", "u1", kNoon + 1)}))[0]["degraded"].empty());
}

TEST_F(EventPathTest, GivesAPoisonedRecordTheSafeActionAndADeadLetterAndDoesNotScoreIt) {
  is_poison_ = [](const RawRecord& record) { return record.offset == 101; };
  const auto out = pay({payment("t1", "u1", kNoon), payment("t2", "u2", kNoon)});
  const auto all = verdicts(out);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_TRUE(all[0]["degraded"].empty());
  EXPECT_EQ(all[1]["action"], "review");
  EXPECT_EQ(all[1]["degraded"], json::array({"poison"}));
  EXPECT_EQ(features(out).size(), 1U);
  ASSERT_EQ(dead_letters(out).size(), 1U);
  EXPECT_EQ(header(*dead_letters(out)[0], "weir-reason"), "poison");
  EXPECT_EQ(dead_letters(out)[0]->value, payment("t2", "u2", kNoon).dump());
  EXPECT_EQ(model_.rows(), std::vector<std::size_t>{1});
}

TEST_F(EventPathTest, AsksTheModelOnceForABatchAndInPartsForALargeOne) {
  std::vector<json> payments;
  for (int i = 0; i < 300; ++i) {
    payments.push_back(payment("t" + std::to_string(i), "u" + std::to_string(i % 3), kNoon + i));
  }
  pay(payments);
  EXPECT_EQ(model_.rows(), (std::vector<std::size_t>{128, 128, 44}));
}

TEST_F(EventPathTest, KeepsInputOrderPerStream) {
  std::deque<OwnedRecord> records;
  for (int i = 0; i < 6; ++i) {
    const auto p = payment("t" + std::to_string(i), "u", kNoon + i);
    records.push_back({0, i, -1, "u", i % 2 == 0 ? p.dump() : "not json", {}});
  }
  const auto out = run(records);
  std::vector<std::string> origins;
  for (const auto& record : out) {
    if (record.stream == Stream::kVerdicts) {
      origins.push_back("offset " +
                        std::to_string(json::parse(record.value)["input"]["offset"].get<int>()));
    }
    if (record.stream == Stream::kDeadLetters)
      origins.push_back("dead " + header(record, "weir-offset"));
  }
  EXPECT_EQ(origins, (std::vector<std::string>{"offset 0", "dead 1", "offset 2", "dead 3",
                                               "offset 4", "dead 5"}));
}

TEST_F(EventPathTest, DeadLettersAndTombstonesLeaveNoState) {
  run(std::deque<OwnedRecord>{{0, 1, -1, "u1", "not json", {}},
                              {0, 2, -1, "u1", "", {}},
                              {0, 3, -1, "u2", payment("t", "u1", kNoon).dump(), {}}});
  EXPECT_FALSE(store().has_staged());
  EXPECT_TRUE(store().get("u1")->empty());
}

TEST_F(EventPathTest, IsTheSameAgainAfterARollback) {
  const std::vector<json> first = {payment("t1", "u1", kNoon)};
  pay(first);
  commit();
  const std::vector<json> second = {payment("t2", "u1", kNoon + 5), payment("t3", "u1", kNoon + 9)};
  next_offset_ = 200;
  const auto once = pay(second);
  store().rollback();
  next_offset_ = 200;
  const auto twice = pay(second);
  ASSERT_EQ(once.size(), twice.size());
  for (std::size_t i = 0; i < once.size(); ++i) EXPECT_EQ(once[i].value, twice[i].value);
}

TEST_F(EventPathTest, KeepsUsersOfTwoPartitionsApart) {
  const auto p = payment("t1", "u1", kNoon);
  const auto out = verdicts(
      run(std::deque<OwnedRecord>{{0, 1, -1, "u1", p.dump(), {}}, {1, 1, -1, "u1", p.dump(), {}}}));
  EXPECT_EQ(out[0]["duplicate"], false);
  EXPECT_EQ(out[1]["duplicate"], false);
}

/// A stream with all the trouble there is: few users, resent payments, times forth and back, broken
/// records. A resent payment has the bytes of the first.
std::deque<OwnedRecord> troubled_stream(std::mt19937_64& random, std::size_t size) {
  const auto below = [&](std::uint64_t n) { return static_cast<std::int64_t>(random() % n); };
  std::deque<OwnedRecord> records;
  std::array<std::int64_t, 4> newest;
  newest.fill(kNoon);
  std::array<std::vector<std::string>, 4> sent;
  for (std::size_t i = 0; i < size; ++i) {
    const auto u = static_cast<std::size_t>(below(newest.size()));
    const std::string user = "u" + std::to_string(u);
    OwnedRecord record{
        static_cast<std::int32_t>(u % 2), static_cast<std::int64_t>(i), -1, user, "", {}};
    if (!sent[u].empty() && below(4) == 0) {
      const auto back = static_cast<std::size_t>(below(std::min<std::size_t>(12, sent[u].size())));
      record.value = sent[u][sent[u].size() - 1 - back];
    } else {
      const std::int64_t step = below(10) == 0 ? below(3 * kHour) : below(2 * kMinute);
      const std::int64_t time = below(4) == 0 ? newest[u] - step * 2 : newest[u] + step;
      newest[u] = std::max(newest[u], time);
      json p = payment("t" + std::to_string(i), user, time,
                       std::to_string(below(1000)) + "." + std::to_string(10 + below(90)));
      p["merchant_id"] = "M" + std::to_string(below(5));
      p["device_id"] = "D" + std::to_string(below(3));
      record.value = sent[u].emplace_back(p.dump());
    }
    switch (below(12)) {
      case 0:
        record.value.clear();
        break;
      case 1:
        record.value.resize(record.value.size() / 2);
        break;
      case 2:
        record.key = "somebody else";
        break;
      default:
        break;
    }
    records.push_back(std::move(record));
  }
  return records;
}

// One by one against batches of many sizes. Method: every output byte and the state must agree,
// under small bounds so that retention strikes inside batches.
TEST_F(EventPathTest, GivesTheSameBytesForEveryBatchSize) {
  settings_.history.rows = 5;
  settings_.dedupe.ids_per_user_max = 6;
  settings_.dedupe.horizon = std::chrono::hours(1);
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  const auto records = troubled_stream(random, 1500);
  const auto all = views(records);

  const auto run_in_batches = [&](const std::function<std::size_t()>& size) {
    Bench bench = make_bench();
    std::vector<OutputRecord> out;
    for (std::size_t i = 0; i < all.size();) {
      const std::size_t n = std::min(size(), all.size() - i);
      for (auto& record : run_on(bench, std::span(all).subspan(i, n)))
        out.push_back(std::move(record));
      i += n;
    }
    std::vector<state::KeyValue> changes;
    for (auto& [partition, store] : bench.stores) {
      for (auto& change : store->take_changes()) changes.push_back(std::move(change));
    }
    return std::pair(std::move(out), std::move(changes));
  };

  const auto [expected, expected_changes] = run_in_batches([] { return std::size_t{1}; });
  std::size_t duplicates = 0;
  for (const auto& verdict : verdicts(expected))
    duplicates += verdict["duplicate"] == true ? 1U : 0U;
  EXPECT_GT(duplicates, 20U);  // the stream is as troubled as it is meant to be

  const std::vector<std::function<std::size_t()>> sizes = {
      [] { return std::size_t{7}; }, [] { return std::size_t{128}; },
      [] { return std::size_t{1500}; }, [&] { return std::size_t{1} + random() % 40; }};
  for (std::size_t s = 0; s < sizes.size(); ++s) {
    SCOPED_TRACE(testing::Message() << "batch sizes " << s);
    const auto [out, changes] = run_in_batches(sizes[s]);
    ASSERT_EQ(out.size(), expected.size());
    for (std::size_t i = 0; i < out.size(); ++i) {
      ASSERT_EQ(out[i].value, expected[i].value) << "record " << i;
      ASSERT_EQ(out[i].headers, expected[i].headers);
      ASSERT_EQ(out[i].key, expected[i].key);
    }
    ASSERT_EQ(changes.size(), expected_changes.size());
    for (std::size_t i = 0; i < changes.size(); ++i) {
      ASSERT_EQ(changes[i].key, expected_changes[i].key);
      ASSERT_EQ(changes[i].value, expected_changes[i].value);
    }
  }
}

TEST_F(EventPathTest, AccountsForEveryRecord) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  const auto records = troubled_stream(random, 2000);
  is_poison_ = [](const RawRecord& record) { return record.offset % 97 == 0; };
  const auto out = run(records);
  double verdict_count = 0;
  for (const auto& cell : metrics().verdicts) verdict_count += cell.get();
  double rejected = 0;
  double poison = 0;
  for (std::size_t i = 0; i < telemetry::kRejectReasonNames.size(); ++i) {
    const auto reason = static_cast<telemetry::RejectReason>(i);
    const bool copy = reason == telemetry::RejectReason::kPoison;
    (copy ? poison : rejected) +=
        metrics().dead_letters.of(telemetry::InputTopic::kTransactions, reason).get();
  }
  EXPECT_EQ(verdict_count + rejected + metrics().tombstones.get(), 2000);
  EXPECT_GT(poison, 0);
  EXPECT_EQ(static_cast<double>(verdicts(out).size()), verdict_count);
  EXPECT_EQ(static_cast<double>(dead_letters(out).size()), rejected + poison);
}

TEST_F(EventPathTest, ObservesEveryStepOncePerBatch) {
  pay({payment("t1", "u1", kNoon)});
  pay({payment("t2", "u1", kNoon)});
  for (const auto step : {telemetry::Step::kDecode, telemetry::Step::kHistory,
                          telemetry::Step::kWindows, telemetry::Step::kEmit}) {
    const auto& histogram = metrics().step_seconds[static_cast<std::size_t>(step)];
    double count = 0;
    for (std::size_t i = 0; i <= histogram.bounds().size(); ++i) count += histogram.bucket(i);
    EXPECT_EQ(count, 2);
  }
}

}  // namespace
}  // namespace weir
