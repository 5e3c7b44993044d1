// CommitPacer: when a transaction ends. Method: time points are made by hand, one tick to either
// side of every border.

#include "pipeline/commit_pacer.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

using namespace std::chrono_literals;

constexpr auto kTick = Clock::TimePoint::duration(1);
constexpr std::size_t kFewBytes = 1;

class CommitPacerTest : public testing::Test {
 protected:
  CommitPacerTest() {
    pacing_.interval = 20ms;
    pacing_.interval_max = 80ms;
    pacing_.settle = 2ms;
    pacing_.records_max = 5;
    pacing_.staged_bytes_max = 100;
  }
  /// A transaction of one record whose commit takes `cost`.
  void commit(CommitPacer& pacer, bool backlog, std::chrono::milliseconds cost = 0ms) {
    pacer.staged(start_, 1, backlog);
    pacer.committed(start_, start_ + cost);
  }

  CommitPacing pacing_;
  const Clock::TimePoint start_{1h};
};

TEST_F(CommitPacerTest, NothingStagedIsNeverDue) {
  const CommitPacer pacer(pacing_);
  EXPECT_FALSE(pacer.due(start_ + 24h, pacing_.staged_bytes_max));
}

TEST_F(CommitPacerTest, IsDueExactlyWhenTheIntervalEnds) {
  CommitPacer pacer(pacing_);
  pacer.staged(start_, 1, false);
  EXPECT_FALSE(pacer.due(start_ + 20ms - kTick, kFewBytes));
  EXPECT_TRUE(pacer.due(start_ + 20ms, kFewBytes));
}

TEST_F(CommitPacerTest, CountsTheIntervalFromTheFirstRecordNotTheLast) {
  CommitPacer pacer(pacing_);
  pacer.staged(start_, 1, false);
  pacer.staged(start_ + 19ms, 1, false);
  EXPECT_TRUE(pacer.due(start_ + 20ms, kFewBytes));
}

TEST_F(CommitPacerTest, IsDueAtOnceWhenTheRecordsReachTheirBound) {
  CommitPacer pacer(pacing_);
  pacer.staged(start_, 4, false);
  EXPECT_FALSE(pacer.due(start_, kFewBytes));
  pacer.staged(start_, 1, false);
  EXPECT_TRUE(pacer.due(start_, kFewBytes));
}

TEST_F(CommitPacerTest, IsDueAtOnceWhenTheStagedBytesReachTheirBound) {
  CommitPacer pacer(pacing_);
  pacer.staged(start_, 1, false);
  EXPECT_FALSE(pacer.due(start_, 99));
  EXPECT_TRUE(pacer.due(start_, 100));
}

TEST_F(CommitPacerTest, AnAbortedTransactionIsNotDueAndTheNextOneStartsAnew) {
  CommitPacer pacer(pacing_);
  pacer.staged(start_, 4, false);
  pacer.aborted();
  EXPECT_FALSE(pacer.due(start_ + 1h, kFewBytes));
  pacer.staged(start_ + 1h, 1, false);
  EXPECT_FALSE(pacer.due(start_ + 1h + 20ms - kTick, kFewBytes));
  EXPECT_TRUE(pacer.due(start_ + 1h + 20ms, kFewBytes));
}

TEST_F(CommitPacerTest, NothingIsProducedUntilTheCommitHasSettled) {
  CommitPacer pacer(pacing_);
  EXPECT_TRUE(pacer.settled(start_)) << "there was no commit yet";
  commit(pacer, false, 3ms);
  EXPECT_FALSE(pacer.settled(start_ + 5ms - kTick));
  EXPECT_TRUE(pacer.settled(start_ + 5ms));
}

TEST_F(CommitPacerTest, WaitsForInputUntilTheCommitIsDueRoundedUp) {
  CommitPacer pacer(pacing_);
  EXPECT_EQ(pacer.patience(start_, false), 50ms) << "idle";
  pacer.staged(start_, 1, false);
  EXPECT_EQ(pacer.patience(start_, false), 20ms);
  EXPECT_EQ(pacer.patience(start_ + 18ms + kTick, false), 2ms) << "rounded down it would spin";
  EXPECT_EQ(pacer.patience(start_ + 20ms, false), 0ms);
  EXPECT_EQ(pacer.patience(start_ + 1h, false), 0ms);
}

TEST_F(CommitPacerTest, WaitsForInputNoLongerThanUnsentRecordsMayBeHeldBack) {
  CommitPacer pacer(pacing_);
  commit(pacer, false);
  pacer.staged(start_, 1, false);
  EXPECT_EQ(pacer.patience(start_, true), 2ms);
  EXPECT_EQ(pacer.patience(start_, false), 20ms);
  EXPECT_EQ(pacer.patience(start_ + 3ms, true), 0ms) << "settled: they leave in this turn";
}

TEST_F(CommitPacerTest, GrowsUnderBacklogToItsMaximumAndShrinksBackToItsMinimum) {
  CommitPacer pacer(pacing_);
  std::vector<std::chrono::milliseconds> intervals;
  for (const bool backlog : {true, true, true, false, false, false}) {
    commit(pacer, backlog);
    intervals.push_back(pacer.interval());
  }
  EXPECT_EQ(intervals,
            (std::vector<std::chrono::milliseconds>{40ms, 80ms, 80ms, 40ms, 20ms, 20ms}));
}

TEST_F(CommitPacerTest, OnePollThatWasNotFullEndsTheBacklog) {
  CommitPacer pacer(pacing_);
  pacer.staged(start_, 1, true);
  pacer.staged(start_, 1, false);
  pacer.staged(start_, 1, true);
  pacer.committed(start_, start_);
  EXPECT_EQ(pacer.interval(), 20ms);
}

TEST_F(CommitPacerTest, CommitsTakeAtMostAQuarterOfTheTime) {
  CommitPacer pacer(pacing_);
  commit(pacer, false, 5ms);
  EXPECT_EQ(pacer.interval(), 20ms) << "exactly a quarter";
  commit(pacer, false, 6ms);
  EXPECT_EQ(pacer.interval(), 24ms);
  commit(pacer, false, 1s);
  EXPECT_EQ(pacer.interval(), 80ms) << "but the maximum holds";
}

TEST_F(CommitPacerTest, AMaximumBelowTheIntervalDoesNotShortenIt) {
  pacing_.interval_max = 10ms;
  CommitPacer pacer(pacing_);
  commit(pacer, true);
  EXPECT_EQ(pacer.interval(), 20ms);
}

}  // namespace
}  // namespace weir
