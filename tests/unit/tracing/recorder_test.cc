// From traced records and the times of steps to a tree of spans, at the commit.

#include "pipeline/tracing/recorder.h"

#include <set>

#include <gtest/gtest.h>

namespace weir::tracing {
namespace {

using std::chrono::milliseconds;
using telemetry::Step;
using TimePoint = Recorder::TimePoint;

constexpr std::int64_t kWallMs = 1'700'000'000'000;

class RecorderTest : public testing::Test {
 protected:
  static TimePoint at(int ms) { return TimePoint(milliseconds(1'000 + ms)); }
  static TracedRecord record(std::uint64_t number, std::uint64_t caller = 99) {
    TracedRecord made;
    made.own = {1, number, 1'000 + number, TraceContext::kSampledFlag};
    made.caller_span_id = caller;
    made.origin = {2, static_cast<std::int64_t>(number)};
    made.outcome = TracedRecord::Outcome::kVerdict;
    return made;
  }
  static std::vector<StepTime> steps(int from) {
    return {{Step::kDecode, at(from), at(from + 1)}, {Step::kEmit, at(from + 1), at(from + 3)}};
  }
  std::vector<Span> taken() {
    std::vector<Span> spans;
    queue_.pop(spans, 1'000'000);
    return spans;
  }

  SpanQueue queue_{20'000};
  telemetry::Cell dropped_;
  Recorder recorder_{queue_, dropped_};
};

TEST_F(RecorderTest, ARecordHasASpanFromItsFirstStepToItsCommitAndOneForEachStep) {
  const TracedRecord traced[] = {record(1)};
  recorder_.add(traced, steps(0), 128);
  recorder_.sent(at(3), at(4));
  EXPECT_TRUE(taken().empty()) << "nothing before the commit";
  recorder_.committed(at(6), at(9), kWallMs, 300);
  const auto spans = taken();
  ASSERT_EQ(spans.size(), 5U);
  EXPECT_TRUE(spans[0].of_record);
  EXPECT_EQ(spans[0].own, traced[0].own);
  EXPECT_EQ(spans[0].parent_id, 99U);
  EXPECT_TRUE(spans[0].parent_is_remote);
  EXPECT_EQ(spans[0].end_ns, kWallMs * 1'000'000);
  EXPECT_EQ(spans[0].begin_ns, (kWallMs - 9) * 1'000'000);
  EXPECT_EQ(spans[0].origin.partition, 2);
  const Step kOrder[] = {Step::kDecode, Step::kEmit, Step::kProduce, Step::kCommit};
  std::set<std::uint64_t> ids = {spans[0].own.span_id};
  for (std::size_t i = 1; i < spans.size(); ++i) {
    EXPECT_EQ(spans[i].step, kOrder[i - 1]);
    EXPECT_EQ(spans[i].parent_id, spans[0].own.span_id);
    EXPECT_EQ(spans[i].own.trace_low, 1U);
    EXPECT_GE(spans[i].begin_ns, spans[i - 1].begin_ns);
    EXPECT_LE(spans[i].end_ns, spans[0].end_ns);
    EXPECT_EQ(spans[i].records, i == 4 ? 300U : 128U);
    EXPECT_TRUE(ids.insert(spans[i].own.span_id).second);
  }
}

TEST_F(RecorderTest, BatchesOfOneTransactionKeepTheirOwnTimes) {
  const TracedRecord first[] = {record(1)};
  const TracedRecord second[] = {record(2), record(3)};
  recorder_.add(first, steps(0), 10);
  recorder_.sent(at(3), at(4));
  recorder_.add(second, steps(10), 20);
  recorder_.sent(at(13), at(14));
  recorder_.committed(at(20), at(21), kWallMs, 30);
  const auto spans = taken();
  ASSERT_EQ(spans.size(), 15U);
  EXPECT_EQ(spans[0].end_ns - spans[0].begin_ns, 21'000'000);
  EXPECT_EQ(spans[5].end_ns - spans[5].begin_ns, 11'000'000);
  EXPECT_EQ(spans[3].end_ns, spans[0].begin_ns + 4'000'000) << "produce";
  EXPECT_EQ(spans[8].end_ns, spans[0].begin_ns + 14'000'000);
}

TEST_F(RecorderTest, ATransactionThatIsGivenUpLeavesNothing) {
  const TracedRecord traced[] = {record(1)};
  recorder_.add(traced, steps(0), 1);
  recorder_.forget();
  recorder_.committed(at(6), at(9), kWallMs, 0);
  EXPECT_TRUE(taken().empty());
}

TEST_F(RecorderTest, MoreRecordsThanATransactionMayHaveAreDroppedAndCounted) {
  std::vector<TracedRecord> traced;
  for (std::uint64_t i = 1; i <= Recorder::kRecordsMax + 10; ++i) traced.push_back(record(i));
  recorder_.add(traced, steps(0), traced.size());
  recorder_.sent(at(3), at(4));
  EXPECT_EQ(dropped_.get(), 10 * 5);
  recorder_.committed(at(6), at(9), kWallMs, traced.size());
  EXPECT_EQ(taken().size(), Recorder::kRecordsMax * 5);
}

TEST_F(RecorderTest, ATraceThatFindsNoRoomIsDroppedAndCounted) {
  SpanQueue small(7);
  Recorder recorder(small, dropped_);
  const TracedRecord traced[] = {record(1), record(2)};
  recorder.add(traced, steps(0), 2);
  recorder.committed(at(6), at(9), kWallMs, 2);
  std::vector<Span> spans;
  EXPECT_EQ(small.pop(spans, 100), 4U);
  EXPECT_EQ(dropped_.get(), 4);
}

}  // namespace
}  // namespace weir::tracing
