// A trace from the payment's header to the headers of all that leaves for it, the same ones
// whenever the payment comes again; and never a different byte in what is said.

#include "operators/traces.h"

#include <gmock/gmock.h>

#include "tests/unit/operators/path_fixture.h"

namespace weir {
namespace {

const std::string kParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const std::string kNotSampled = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

std::string header_of(const OutputRecord& record, std::string_view name) {
  for (const auto& [key, value] : record.headers) {
    if (key == name) return value;
  }
  return "";
}

class TracesTest : public PathFixture {
 protected:
  struct Sent {
    json payment;
    std::vector<std::pair<std::string, std::string>> headers;
    std::int64_t offset = 0;
  };
  std::vector<OutputRecord> send(const std::vector<Sent>& sent) {
    std::deque<OwnedRecord> records;
    for (const Sent& one : sent) {
      records.push_back({0, one.offset, kNoon, one.payment.value("user_id", ""), one.payment.dump(),
                         one.headers});
    }
    return run(records);
  }
  std::span<const tracing::TracedRecord> traced() { return bench_.path->traced(); }
};

TEST_F(TracesTest, EverythingThatLeavesForAPaymentContinuesItsTrace) {
  const auto out = send({{payment("t1", "u", kNoon), {{"traceparent", kParent}}, 7}});
  ASSERT_GE(out.size(), 1U);
  for (const OutputRecord& record : out) {
    const auto ours = parse_traceparent(header_of(record, "traceparent"));
    ASSERT_TRUE(ours);
    EXPECT_EQ(trace_id_text(*ours), "4bf92f3577b34da6a3ce929d0e0e4736");
    EXPECT_NE(span_id_text(ours->span_id), "00f067aa0ba902b7") << "a new parent";
    EXPECT_TRUE(ours->sampled());
    EXPECT_EQ(header_of(record, "traceparent"), header_of(out.front(), "traceparent"));
    EXPECT_EQ(header_of(record, "tracestate"), "");
  }
}

TEST_F(TracesTest, TheBytesOfAVerdictDoNotKnowOfIt) {
  const auto with = send({{payment("t1", "u", kNoon), {{"traceparent", kParent}}, 7}});
  bench_ = make_bench();
  const auto without = send({{payment("t1", "u", kNoon), {}, 7}});
  ASSERT_EQ(with.size(), without.size());
  for (std::size_t i = 0; i < with.size(); ++i) {
    EXPECT_EQ(with[i].key, without[i].key);
    EXPECT_EQ(with[i].value, without[i].value);
    EXPECT_TRUE(without[i].headers.empty());
  }
}

TEST_F(TracesTest, APaymentThatComesAgainHasTheSameHeaderWhereverItLies) {
  const auto first = send({{payment("t1", "u", kNoon), {{"traceparent", kParent}}, 7}});
  const auto again = send({{payment("t1", "u", kNoon), {{"traceparent", kParent}}, 9}});
  EXPECT_EQ(header_of(again.front(), "traceparent"), header_of(first.front(), "traceparent"));
  EXPECT_EQ(header_of(again.front(), "weir-input"), "transactions/0/9");
  const auto other = send({{payment("t2", "u", kNoon), {{"traceparent", kParent}}, 10}});
  EXPECT_NE(header_of(other.front(), "traceparent"), header_of(first.front(), "traceparent"));
}

TEST_F(TracesTest, OnlyTheRecordsThatBringATraceGetOne) {
  const auto out = send({{payment("t1", "u", kNoon), {}, 0},
                         {payment("t2", "v", kNoon), {{"traceparent", kParent}}, 1},
                         {payment("t3", "w", kNoon), {{"other", "header"}}, 2}});
  for (const OutputRecord& record : out) {
    EXPECT_EQ(header_of(record, "traceparent").empty(), record.key != "v") << record.key;
  }
  ASSERT_EQ(traced().size(), 1U);
  EXPECT_EQ(traced()[0].origin.offset, 1);
  EXPECT_EQ(span_id_text(traced()[0].caller_span_id), "00f067aa0ba902b7");
  EXPECT_EQ(traced()[0].outcome, tracing::TracedRecord::Outcome::kVerdict);
}

TEST_F(TracesTest, ABadTraceparentIsIgnoredAndCounted) {
  const auto out =
      send({{payment("t1", "u", kNoon), {{"traceparent", "00-0-0-01"}}, 0},
            {payment("t2", "u", kNoon), {{"traceparent", kParent}, {"traceparent", kParent}}, 1}});
  EXPECT_EQ(verdicts(out).size(), 2U);
  for (const OutputRecord& record : out) EXPECT_TRUE(record.headers.empty());
  EXPECT_EQ(metrics().bad_traceparents.get(), 2);
}

TEST_F(TracesTest, ATracestateIsPassedOnUnlessItIsTooLongOrLooksLikeACard) {
  const auto state_of = [&](const std::string& state) {
    bench_ = make_bench();
    const auto out =
        send({{payment("t1", "u", kNoon), {{"traceparent", kParent}, {"tracestate", state}}, 0}});
    return header_of(out.front(), "tracestate");
  };
  EXPECT_EQ(state_of("congo=t61rcWkgMzE"), "congo=t61rcWkgMzE");
  EXPECT_EQ(state_of(std::string(513, 'a')), "");
  EXPECT_EQ(state_of("card=4111111111111111"), "");
}

TEST_F(TracesTest, ADeadLetterContinuesTheTraceInPlaceOfTheHeaderItCopies) {
  json broken = payment("t1", "u", kNoon);
  broken.erase("amount");
  const auto out =
      send({{broken, {{"traceparent", kParent}, {"tracestate", "a=b"}, {"source", "pos"}}, 4}});
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].stream, Stream::kDeadLetters);
  EXPECT_EQ(std::ranges::count(out[0].headers, "traceparent",
                               &std::pair<std::string, std::string>::first),
            1);
  const auto ours = parse_traceparent(header_of(out[0], "traceparent"));
  ASSERT_TRUE(ours);
  EXPECT_NE(span_id_text(ours->span_id), "00f067aa0ba902b7");
  EXPECT_EQ(header_of(out[0], "tracestate"), "a=b");
  EXPECT_EQ(header_of(out[0], "source"), "pos");
  ASSERT_EQ(traced().size(), 1U);
  EXPECT_EQ(traced()[0].outcome, tracing::TracedRecord::Outcome::kDeadLetter);
}

TEST_F(TracesTest, WhatTheCallerDidNotSampleIsCarriedOnAndNotKept) {
  const auto out = send({{payment("t1", "u", kNoon), {{"traceparent", kNotSampled}}, 0}});
  EXPECT_THAT(header_of(out.front(), "traceparent"), testing::EndsWith("-00"));
  EXPECT_TRUE(traced().empty());
}

TEST_F(TracesTest, AShareOfThePaymentsWithoutATraceBeginsOneTheSameOnesEachTime) {
  settings_.trace_ratio = 0.25;
  std::vector<Sent> sent;
  for (int i = 0; i < 2'000; ++i) {
    sent.push_back({payment("t" + std::to_string(i), "u" + std::to_string(i), kNoon), {}, i});
  }
  const auto chosen = [&] {
    bench_ = make_bench();
    std::vector<std::string> headers;
    for (const OutputRecord& record : send(sent)) {
      if (record.stream == Stream::kVerdicts) headers.push_back(header_of(record, "traceparent"));
    }
    return headers;
  };
  const auto first = chosen();
  const auto began = 2'000 - std::ranges::count(first, "");
  EXPECT_NEAR(static_cast<double>(began), 500, 80);  // four standard deviations
  EXPECT_EQ(static_cast<std::ptrdiff_t>(traced().size()), began);
  for (const auto& record : traced()) EXPECT_EQ(record.caller_span_id, 0U);
  EXPECT_EQ(chosen(), first);
  std::ranges::reverse(sent);  // in whatever batch and place
  for (auto& one : sent) one.offset = 2'000 - one.offset;
  auto reversed = chosen();
  std::ranges::reverse(reversed);
  EXPECT_EQ(reversed, first);
}

TEST_F(TracesTest, NobodyBeginsATraceForACallerWhoDidNotSample) {
  settings_.trace_ratio = 1;
  send({{payment("t1", "u", kNoon), {{"traceparent", kNotSampled}}, 0}});
  EXPECT_TRUE(traced().empty());
}

TEST_F(TracesTest, StepsRunOneAfterTheOther) {
  send({{payment("t1", "u", kNoon), {{"traceparent", kParent}}, 0}});
  const auto times = bench_.path->step_times();
  ASSERT_EQ(times.size(), 9U) << "history is entered twice";
  for (std::size_t i = 0; i < times.size(); ++i) {
    EXPECT_LE(times[i].begin, times[i].end);
    if (i > 0) {
      EXPECT_EQ(times[i].begin, times[i - 1].end);
    }
  }
}

}  // namespace
}  // namespace weir
