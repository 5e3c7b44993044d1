// What a collector is sent. That a real decoder takes it: tests/integration/tracing_test.py.

#include "pipeline/tracing/otlp_json.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace weir::tracing {
namespace {

using nlohmann::json;

json spans_of(const Span& span) {
  const Source source{"transactions", "weir", "0"};
  const SourceSpans sources[] = {{&source, {&span, 1}}};
  const auto request = json::parse(to_otlp_json({"1.2.3", "weir-0"}, sources));
  EXPECT_EQ(request["resourceSpans"].size(), 1U);
  const json& resource = request["resourceSpans"][0]["resource"]["attributes"];
  EXPECT_EQ(resource[0], json::parse(R"({"key":"service.name","value":{"stringValue":"weir"}})"));
  EXPECT_EQ(resource[2]["value"]["stringValue"], "weir-0");
  const json& scope = request["resourceSpans"][0]["scopeSpans"][0];
  EXPECT_EQ(scope["scope"]["version"], "1.2.3");
  return scope["spans"];
}

json attribute(const json& span, std::string_view key) {
  for (const json& one : span["attributes"]) {
    if (one["key"] == key) return one["value"];
  }
  return nullptr;
}

Span payment() {
  Span span;
  span.own = {0x4bf92f3577b34da6, 0xa3ce929d0e0e4736, 0x12, 1};
  span.parent_id = 0x00f067aa0ba902b7;
  span.parent_is_remote = true;
  span.begin_ns = 1'700'000'000'123'456'789;
  span.end_ns = 1'700'000'000'223'456'789;
  span.of_record = true;
  span.origin = {3, 9'007'199'254'740'993};
  span.outcome = TracedRecord::Outcome::kVerdict;
  span.action = Action::kReview;
  return span;
}

TEST(OtlpJson, ThePaymentsSpanIsOfAConsumerAndSaysWhatBecameOfIt) {
  const json span = spans_of(payment())[0];
  EXPECT_EQ(span["traceId"], "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(span["spanId"], "0000000000000012");
  EXPECT_EQ(span["parentSpanId"], "00f067aa0ba902b7");
  EXPECT_EQ(span["kind"], 5);
  EXPECT_EQ(span["flags"], 0x301);
  EXPECT_EQ(span["name"], "process transactions");
  EXPECT_EQ(span["startTimeUnixNano"], "1700000000123456789");
  EXPECT_EQ(span["endTimeUnixNano"], "1700000000223456789");
  EXPECT_EQ(attribute(span, "messaging.destination.name")["stringValue"], "transactions");
  EXPECT_EQ(attribute(span, "messaging.destination.partition.id")["stringValue"], "3");
  EXPECT_EQ(attribute(span, "messaging.kafka.offset")["intValue"], "9007199254740993")
      << "more than a double holds";
  EXPECT_EQ(attribute(span, "weir.action")["stringValue"], "review");
  EXPECT_EQ(attribute(span, "weir.degraded"), nullptr);
}

TEST(OtlpJson, ADegradedVerdictSaysWhy) {
  Span span = payment();
  span.degraded = static_cast<std::uint8_t>(Degraded::kNoModel) |
                  static_cast<std::uint8_t>(Degraded::kProfileDown);
  EXPECT_EQ(attribute(spans_of(span)[0], "weir.degraded")["arrayValue"]["values"],
            json::parse(R"([{"stringValue":"no_model"},{"stringValue":"profile_down"}])"));
}

TEST(OtlpJson, ADeadLetterHasNoAction) {
  Span span = payment();
  span.outcome = TracedRecord::Outcome::kDeadLetter;
  EXPECT_EQ(attribute(spans_of(span)[0], "weir.outcome")["stringValue"], "dead_letter");
  EXPECT_EQ(attribute(spans_of(span)[0], "weir.action"), nullptr);
}

TEST(OtlpJson, AStepIsInsideAndSaysForHowManyRecordsItRan) {
  Span step = payment();
  step.of_record = false;
  step.parent_is_remote = false;
  step.step = telemetry::Step::kScore;
  step.records = 128;
  const json span = spans_of(step)[0];
  EXPECT_EQ(span["name"], "score");
  EXPECT_EQ(span["kind"], 1);
  EXPECT_EQ(span["flags"], 0x101);
  EXPECT_EQ(attribute(span, "weir.batch.records")["intValue"], "128");
  EXPECT_EQ(span["attributes"].size(), 1U);
}

TEST(OtlpJson, ATraceThatBeginsHereHasNoParent) {
  Span span = payment();
  span.parent_id = 0;
  EXPECT_FALSE(spans_of(span)[0].contains("parentSpanId"));
}

}  // namespace
}  // namespace weir::tracing
