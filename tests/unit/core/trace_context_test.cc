// traceparent by the rules of W3C Trace Context: what is one, what is none, and what is passed on.

#include "pipeline/core/trace_context.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

constexpr std::string_view kTrace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(Traceparent, IsReadAndWrittenBack) {
  const auto context = parse_traceparent(kTrace);
  ASSERT_TRUE(context);
  EXPECT_EQ(trace_id_text(*context), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(span_id_text(context->span_id), "00f067aa0ba902b7");
  EXPECT_TRUE(context->sampled());
  EXPECT_EQ(format_traceparent(*context), kTrace);
}

struct Case {
  const char* name;
  std::string_view text;
};
void PrintTo(const Case& c, std::ostream* out) {
  *out << c.text;
}
std::string name_of(const testing::TestParamInfo<Case>& info) {
  return info.param.name;
}

class BadTraceparent : public testing::TestWithParam<Case> {};

TEST_P(BadTraceparent, IsNone) {
  EXPECT_FALSE(parse_traceparent(GetParam().text));
}

constexpr Case kBad[] = {
    {"Empty", ""},
    {"TooShort", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0"},
    {"TooLong", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011"},
    {"MoreBehindVersion00", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x"},
    {"DashBehindVersion00", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-"},
    {"VersionFf", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
    {"VersionIsNoNumber", "0x-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
    {"VersionInUpperCase", "0A-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
    {"TraceIdOfZeros", "00-00000000000000000000000000000000-00f067aa0ba902b7-01"},
    {"TraceIdInUpperCase", "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"},
    {"TraceIdWithALetter", "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01"},
    {"TraceIdTooShort", "00-4bf92f3577b34da6a3ce929d0e0e47-00f067aa0ba902b7-0100"},
    {"ParentOfZeros", "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"},
    {"ParentInUpperCase", "00-4bf92f3577b34da6a3ce929d0e0e4736-00F067AA0BA902B7-01"},
    {"FlagsAreNoNumber", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0."},
    {"FlagsInUpperCase", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0A"},
    {"Underscores", "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01"},
    {"SpaceBefore", " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
    {"SpaceBehind", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 "},
    {"LaterVersionWithoutDash", "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x"},
};
INSTANTIATE_TEST_SUITE_P(Corpus, BadTraceparent, testing::ValuesIn(kBad), name_of);

TEST(Traceparent, ALaterVersionIsReadAsFarAsItIsKnownAndPassedOnAsOurs) {
  for (const char* text : {"01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                           "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes"}) {
    const auto context = parse_traceparent(text);
    ASSERT_TRUE(context) << text;
    EXPECT_EQ(format_traceparent(*context), kTrace);
  }
}

TEST(Traceparent, FlagsThatHaveNoMeaningYetAreNotPassedOn) {
  const auto context = parse_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-fe");
  ASSERT_TRUE(context);
  EXPECT_FALSE(context->sampled());
  EXPECT_EQ(context->flags, TraceContext::kRandomFlag);
}

TEST(Tracestate, IsPassedOnWhenItIsShortAndPrintable) {
  EXPECT_TRUE(is_tracestate("congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"));
  EXPECT_TRUE(is_tracestate(std::string(kTracestateBytesMax, 'a')));
  EXPECT_FALSE(is_tracestate(std::string(kTracestateBytesMax + 1, 'a')));
  EXPECT_FALSE(is_tracestate(""));
  EXPECT_FALSE(is_tracestate("a=b\nc=d"));
  EXPECT_FALSE(is_tracestate("a=\xc3\xa9"));
}

}  // namespace
}  // namespace weir
