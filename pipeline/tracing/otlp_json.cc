#include "pipeline/tracing/otlp_json.h"

#include <string_view>

#include <nlohmann/json.hpp>

namespace weir::tracing {
namespace {

using Json = nlohmann::json;
using Outcome = TracedRecord::Outcome;

constexpr int kInternal = 1;
constexpr int kConsumer = 5;
// Span.flags: the trace flags, and whether it is known that the parent is of another process.
constexpr unsigned kRemoteIsKnown = 0x100;
constexpr unsigned kRemote = 0x200;

Json text(std::string_view key, std::string_view value) {
  return {{"key", key}, {"value", {{"stringValue", value}}}};
}
/// 64-bit integers are strings in the JSON of protobuf.
Json integer(std::string_view key, std::int64_t value) {
  return {{"key", key}, {"value", {{"intValue", std::to_string(value)}}}};
}

std::string_view name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::kVerdict:
      return "verdict";
    case Outcome::kRepeat:
      return "repeat";
    case Outcome::kDeadLetter:
      return "dead_letter";
    case Outcome::kNone:
      break;
  }
  return "none";
}

Json degraded_names(std::uint8_t bits) {
  Json names = Json::array();
  for (const auto& [bit, name] :
       {std::pair{Degraded::kNoModel, "no_model"},
        std::pair{Degraded::kScoreInvalid, "score_invalid"}, std::pair{Degraded::kPoison, "poison"},
        std::pair{Degraded::kProfileStale, "profile_stale"},
        std::pair{Degraded::kProfileDown, "profile_down"}}) {
    if ((bits & static_cast<std::uint8_t>(bit)) != 0) names.push_back({{"stringValue", name}});
  }
  return {{"key", "weir.degraded"}, {"value", {{"arrayValue", {{"values", std::move(names)}}}}}};
}

Json record_attributes(const Source& source, const Span& span) {
  Json attributes = {
      text("messaging.system", "kafka"),
      text("messaging.operation.type", "process"),
      text("messaging.operation.name", "process"),
      text("messaging.destination.name", source.topic),
      text("messaging.destination.partition.id", std::to_string(span.origin.partition)),
      integer("messaging.kafka.offset", span.origin.offset),
      text("messaging.consumer.group.name", source.group),
      text("weir.worker", source.worker),
      text("weir.outcome", name_of(span.outcome)),
  };
  if (span.outcome == Outcome::kVerdict || span.outcome == Outcome::kRepeat) {
    attributes.push_back(text("weir.action", to_string(span.action)));
    if (span.degraded != 0) attributes.push_back(degraded_names(span.degraded));
  }
  return attributes;
}

Json to_json(const Source& source, const Span& span) {
  unsigned flags = span.own.flags | kRemoteIsKnown;
  if (span.parent_is_remote) flags |= kRemote;
  Json json = {
      {"traceId", trace_id_text(span.own)},
      {"spanId", span_id_text(span.own.span_id)},
      {"flags", flags},
      {"startTimeUnixNano", std::to_string(span.begin_ns)},
      {"endTimeUnixNano", std::to_string(span.end_ns)},
  };
  if (span.parent_id != 0) json["parentSpanId"] = span_id_text(span.parent_id);
  if (span.of_record) {
    json["name"] = "process " + source.topic;
    json["kind"] = kConsumer;
    json["attributes"] = record_attributes(source, span);
  } else {
    json["name"] = telemetry::kStepNames[static_cast<std::size_t>(span.step)];
    json["kind"] = kInternal;
    // The step ran once for so many records, of which this trace's was one.
    json["attributes"] = {integer("weir.batch.records", span.records)};
  }
  return json;
}

}  // namespace

std::string to_otlp_json(const Service& service, std::span<const SourceSpans> sources) {
  Json spans = Json::array();
  for (const SourceSpans& of : sources) {
    for (const Span& span : of.spans) spans.push_back(to_json(*of.source, span));
  }
  const Json request = {
      {"resourceSpans",
       {{{"resource",
          {{"attributes",
            {text("service.name", "weir"), text("service.version", service.version),
             text("service.instance.id", service.instance)}}}},
         {"scopeSpans",
          {{{"scope", {{"name", "weir"}, {"version", service.version}}},
            {"spans", std::move(spans)}}}}}}}};
  return request.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace weir::tracing
