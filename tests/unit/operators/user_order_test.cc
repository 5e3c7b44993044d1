// Duplicates, order and lateness of one user's payments: dedupe, history and what state remembers
// of them.
#include "operators/history.h"
#include "tests/unit/operators/path_fixture.h"

namespace weir {
namespace {

class DedupeTest : public PathFixture {
 protected:
  /// "duplicate" of each verdict.
  std::vector<bool> duplicates(const std::vector<json>& payments) {
    std::vector<bool> flags;
    for (const auto& verdict : verdicts(pay(payments))) flags.push_back(verdict["duplicate"]);
    return flags;
  }
  using Flags = std::vector<bool>;
};

TEST_F(DedupeTest, SendsTheFirstVerdictAgain) {
  const auto first = pay({payment("t1", "u1", kNoon, "10.00")});
  const auto again = pay({payment("t1", "u1", kNoon, "10.00")});
  ASSERT_EQ(again.size(), 1U);  // and no features record
  json expected = verdicts(first)[0];
  expected["duplicate"] = true;
  EXPECT_EQ(verdicts(again)[0], expected);
  EXPECT_EQ(header(again[0], "weir-input"), "transactions/0/101");  // its own origin
  EXPECT_EQ(expected["input"]["offset"], 100);                      // the first one's
  EXPECT_EQ(metrics().duplicates.get(), 1);
}

TEST_F(DedupeTest, SendsTheFirstVerdictAgainInsideABatch) {
  const auto out = verdicts(pay({payment("t1", "u1", kNoon), payment("t1", "u1", kNoon)}));
  json expected = out[0];
  expected["duplicate"] = true;
  EXPECT_EQ(out[1], expected);
}

TEST_F(DedupeTest, AnswersAChangedPaymentWithTheFirstContent) {
  const auto first = verdicts(pay({payment("t1", "u1", kNoon, "10.00")}))[0];
  auto forged = payment("t1", "u1", kNoon + kMinute, "9999.00");
  forged["merchant_id"] = "M2";
  forged["currency"] = "USD";
  json expected = first;
  expected["duplicate"] = true;
  EXPECT_EQ(verdicts(pay({forged}))[0], expected);
}

TEST_F(DedupeTest, NamesTheModelOfTheFirstVerdict) {
  const auto first = verdicts(pay({payment("t1", "u1", kNoon)}))[0];
  commit();
  scorer_ = nullptr;
  bench_.path.reset();  // the same state, now without a model
  const auto again = verdicts(pay({payment("t1", "u1", kNoon)}))[0];
  EXPECT_EQ(again["model"], first["model"]);
  EXPECT_EQ(again["verdict_id"], first["verdict_id"]);
  EXPECT_EQ(again["degraded"], json::array());
}

TEST_F(DedupeTest, LeavesStateUntouched) {
  pay({payment("t1", "u1", kNoon)});
  store().take_changes();
  pay({payment("t1", "u1", kNoon)});
  EXPECT_TRUE(store().take_changes().empty());
  EXPECT_EQ(store().get("u1")->history_size(), 1U);
}

TEST_F(DedupeTest, KnowsIdsPerUser) {
  EXPECT_EQ(duplicates({payment("t1", "u1", kNoon), payment("t1", "u2", kNoon)}),
            (Flags{false, false}));
}

TEST_F(DedupeTest, PassesTheIdAgainExactlyAtTheHorizon) {
  settings_.dedupe.horizon = std::chrono::hours(1);
  EXPECT_EQ(duplicates({payment("t1", "u1", kNoon)}), Flags{false});
  EXPECT_EQ(duplicates({payment("t1", "u1", kNoon + kHour - 1)}), Flags{true});
  EXPECT_EQ(duplicates({payment("t1", "u1", kNoon + kHour)}), Flags{false});
  EXPECT_EQ(duplicates({payment("t1", "u1", kNoon + 2 * kHour - 1)}), Flags{true});
}

TEST_F(DedupeTest, PassesTheIdAgainExactlyAtTheHorizonInsideABatch) {
  settings_.dedupe.horizon = std::chrono::hours(1);
  EXPECT_EQ(duplicates({payment("t1", "u1", kNoon), payment("t1", "u1", kNoon + kHour - 1),
                        payment("t1", "u1", kNoon + kHour)}),
            (Flags{false, true, false}));
}

TEST_F(DedupeTest, RemembersTheNewestIdsOfAUser) {
  settings_.dedupe.ids_per_user_max = 2;
  EXPECT_EQ(duplicates({payment("t1", "u1", kNoon), payment("t2", "u1", kNoon + 1)}),
            (Flags{false, false}));
  EXPECT_EQ(duplicates({payment("t1", "u1", kNoon + 2)}), Flags{true});
  EXPECT_EQ(duplicates({payment("t3", "u1", kNoon + 3)}), Flags{false});
  EXPECT_EQ(duplicates({payment("t1", "u1", kNoon + 4)}), Flags{false});  // pushed out by t3
  EXPECT_EQ(duplicates({payment("t3", "u1", kNoon + 5)}), Flags{true});
}

TEST_F(DedupeTest, RemembersALatePaymentFromWhenItCame) {
  settings_.dedupe.horizon = std::chrono::hours(1);
  pay({payment("t1", "u1", kNoon)});
  const auto old = payment("t2", "u1", kNoon - 5 * kHour);
  EXPECT_EQ(verdicts(pay({old}))[0]["late"], true);
  EXPECT_EQ(duplicates({old}), Flags{true});
}

class HistoryTest : public PathFixture {
 protected:
  /// Rows the model was shown for the last payment.
  static std::int64_t rows_seen(const std::vector<OutputRecord>& out) {
    return features(out).back()["rows"];
  }
};

TEST_F(HistoryTest, ShowsAPaymentTheOnesBeforeIt) {
  EXPECT_EQ(rows_seen(pay({payment("t1", "u1", kNoon)})), 0);
  EXPECT_EQ(rows_seen(pay({payment("t2", "u1", kNoon + 1)})), 1);
  EXPECT_EQ(rows_seen(pay({payment("t3", "u1", kNoon + 2), payment("t4", "u1", kNoon + 3)})), 3);
  EXPECT_EQ(rows_seen(pay({payment("t5", "u2", kNoon + 4)})), 0);
}

TEST_F(HistoryTest, ShowsTheModelNoMoreRowsThanItReads) {
  for (int i = 0; i < 10; ++i) pay({payment("t" + std::to_string(i), "u1", kNoon + i)});
  EXPECT_EQ(rows_seen(pay({payment("t", "u1", kNoon + 99)})), 4);  // history_rows of the fake model
}

TEST_F(HistoryTest, CountsAnEqualTimeAsBefore) {
  const auto out = pay({payment("t1", "u1", kNoon), payment("t2", "u1", kNoon)});
  EXPECT_EQ(rows_seen(out), 1);
  EXPECT_EQ(verdicts(out)[1]["out_of_order"], false);
}

TEST_F(HistoryTest, PutsAnOutOfOrderPaymentInItsPlace) {
  pay({payment("t1", "u1", kNoon), payment("t3", "u1", kNoon + 2 * kMinute)});
  const auto out = pay({payment("t2", "u1", kNoon + kMinute)});
  EXPECT_EQ(rows_seen(out), 1);  // t1 only
  EXPECT_EQ(verdicts(out)[0]["out_of_order"], true);
  EXPECT_EQ(verdicts(out)[0]["late"], false);
  EXPECT_EQ(metrics().out_of_order.get(), 1);
  const auto view = store().get("u1");
  ASSERT_EQ(view->history_size(), 3U);
  EXPECT_EQ(view->history_row(1).event_time_ms, kNoon + kMinute);
  EXPECT_EQ(rows_seen(pay({payment("t4", "u1", kNoon + 3 * kMinute)})), 3);
}

TEST_F(HistoryTest, CallsAPaymentLateJustBeyondTheLateness) {
  settings_.input.lateness = std::chrono::minutes(5);
  pay({payment("t1", "u1", kNoon)});
  const auto at = verdicts(pay({payment("t2", "u1", kNoon - 5 * kMinute)}))[0];
  EXPECT_EQ(at["late"], false);
  EXPECT_EQ(at["out_of_order"], true);
  const auto beyond = verdicts(pay({payment("t3", "u1", kNoon - 5 * kMinute - 1)}))[0];
  EXPECT_EQ(beyond["late"], true);
  EXPECT_EQ(beyond["out_of_order"], false);
  EXPECT_EQ(metrics().late.get(), 1);
}

TEST_F(HistoryTest, JudgesLatenessInsideABatchToo) {
  settings_.input.lateness = std::chrono::minutes(5);
  const auto out = verdicts(pay({payment("t1", "u1", kNoon), payment("t2", "u1", kNoon - kMinute),
                                 payment("t3", "u1", kNoon - kHour)}));
  EXPECT_EQ(out[1]["out_of_order"], true);
  EXPECT_EQ(out[2]["late"], true);
}

TEST_F(HistoryTest, ScoresALatePaymentAgainstAllRowsAndKeepsItOut) {
  pay({payment("t1", "u1", kNoon), payment("t2", "u1", kNoon + 1)});
  EXPECT_EQ(rows_seen(pay({payment("t3", "u1", kNoon - kDay)})), 2);
  EXPECT_EQ(store().get("u1")->history_size(), 2U);
  EXPECT_EQ(rows_seen(pay({payment("t4", "u1", kNoon + 2)})), 2);
}

TEST_F(HistoryTest, JudgesLatenessByUserNotByPartition) {
  pay({payment("t1", "u1", kNoon + kDay)});
  EXPECT_EQ(verdicts(pay({payment("t2", "u2", kNoon)}))[0]["late"], false);
}

TEST_F(HistoryTest, KeepsTheNewestRows) {
  settings_.history.rows = 4;
  for (int i = 0; i < 6; ++i) pay({payment("t" + std::to_string(i), "u1", kNoon + i)});
  const auto view = store().get("u1");
  ASSERT_EQ(view->history_size(), 4U);
  EXPECT_EQ(view->history_row(0).event_time_ms, kNoon + 2);
}

TEST(HashId, IsNeverZeroForAnId) {
  EXPECT_EQ(operators::hash_id(""), 0U);
  EXPECT_NE(operators::hash_id("a"), 0U);
  EXPECT_NE(operators::hash_id("a"), operators::hash_id("b"));
  EXPECT_EQ(operators::hash_id("T02329"),
            0xd280c53cbcaeb58eULL);  // part of the state format: never changes
}

}  // namespace
}  // namespace weir
