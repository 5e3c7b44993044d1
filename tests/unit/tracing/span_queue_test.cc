// The way of spans from a worker to the exporter: in order, bounded, whole traces only.

#include "pipeline/tracing/span_queue.h"

#include <thread>

#include <gtest/gtest.h>

namespace weir::tracing {
namespace {

std::vector<Span> trace(std::uint64_t number, std::size_t spans) {
  std::vector<Span> made(spans);
  for (Span& span : made) span.own.trace_low = number;
  return made;
}

TEST(SpanQueue, ATraceFindsRoomAsAWholeOrNotAtAll) {
  SpanQueue queue(10);
  EXPECT_TRUE(queue.push(trace(1, 6)));
  EXPECT_FALSE(queue.push(trace(2, 5)));
  EXPECT_TRUE(queue.push(trace(3, 4)));
  std::vector<Span> out;
  EXPECT_EQ(queue.pop(out, 100), 10U);
  EXPECT_EQ(out[5].own.trace_low, 1U);
  EXPECT_EQ(out[6].own.trace_low, 3U);
  EXPECT_EQ(queue.pop(out, 100), 0U);
  EXPECT_FALSE(queue.push(trace(4, 11))) << "larger than all there is";
}

TEST(SpanQueue, SpansComeInOrderWhileBothSidesAreAtWork) {
  constexpr std::uint64_t kTraces = 20'000;
  SpanQueue queue(64);
  std::thread writer([&] {
    for (std::uint64_t i = 1; i <= kTraces; ++i) {
      while (!queue.push(trace(i, 1 + i % 5))) std::this_thread::yield();
    }
  });
  std::vector<Span> out;
  std::uint64_t last = 0;
  while (last < kTraces) {
    out.clear();
    if (queue.pop(out, 7) == 0) std::this_thread::yield();
    for (const Span& span : out) {
      ASSERT_TRUE(span.own.trace_low == last || span.own.trace_low == last + 1);
      last = span.own.trace_low;
    }
  }
  writer.join();
}

}  // namespace
}  // namespace weir::tracing
