#pragma once
// Spans as OTLP/HTTP wants them in JSON: https://opentelemetry.io/docs/specs/otlp/. Attribute names
// are those of OpenTelemetry's semantic conventions for messaging, and Weir's own under "weir.".

#include <span>
#include <string>

#include "pipeline/tracing/span.h"

namespace weir::tracing {

/// The same for all spans of a worker.
struct Source {
  std::string topic;  // where its records come from
  std::string group;
  std::string worker;
};

/// The same for all spans of the process.
struct Service {
  std::string version;
  std::string instance;
};

struct SourceSpans {
  const Source* source;
  std::span<const Span> spans;
};

/// One export request.
std::string to_otlp_json(const Service& service, std::span<const SourceSpans> sources);

}  // namespace weir::tracing
