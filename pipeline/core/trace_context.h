#pragma once
// The trace a record belongs to, as W3C Trace Context writes it in the headers `traceparent` and
// `tracestate`: https://www.w3.org/TR/trace-context/.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir {

inline constexpr std::string_view kTraceparentHeader = "traceparent";
inline constexpr std::string_view kTracestateHeader = "tracestate";
/// A longer tracestate is not passed on; the specification asks for at least so many.
inline constexpr std::size_t kTracestateBytesMax = 512;

struct TraceContext {
  std::uint64_t trace_high = 0;  // the 16 bytes of the trace id; never both 0
  std::uint64_t trace_low = 0;
  std::uint64_t span_id = 0;  // never 0
  std::uint8_t flags = 0;     // kSampledFlag and kRandomFlag; all others have no meaning yet

  static constexpr std::uint8_t kSampledFlag = 1;  // the caller may have recorded its span
  static constexpr std::uint8_t kRandomFlag = 2;   // the last 7 bytes of the trace id are random
  [[nodiscard]] bool sampled() const { return (flags & kSampledFlag) != 0; }
  friend bool operator==(const TraceContext&, const TraceContext&) = default;
};

/// Strict: lower-case digits, no id of zeros, nothing behind version 00. A later version is read as
/// far as it is known; ff is none. nullopt for anything else.
std::optional<TraceContext> parse_traceparent(std::string_view text);

/// Version 00, whatever was read.
std::string format_traceparent(const TraceContext& context);

/// 32 lower-case hex digits, as W3C, OTLP/JSON and exemplars write them; and 16 for a span.
std::string trace_id_text(const TraceContext& context);
std::string span_id_text(std::uint64_t span_id);

/// Short enough and printable. What is inside is the caller's, and passed on as it is.
bool is_tracestate(std::string_view text);

}  // namespace weir
