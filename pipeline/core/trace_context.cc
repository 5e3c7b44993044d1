#include "pipeline/core/trace_context.h"

#include <algorithm>

#include <fmt/format.h>

namespace weir {
namespace {

// "00-" trace id "-" span id "-" flags
constexpr std::size_t kTraceAt = 3;
constexpr std::size_t kSpanAt = 36;
constexpr std::size_t kFlagsAt = 53;
constexpr std::size_t kLength = 55;
constexpr std::uint64_t kNoVersion = 0xff;
constexpr std::uint8_t kKnownFlags = TraceContext::kSampledFlag | TraceContext::kRandomFlag;

/// At most 16 digits.
std::optional<std::uint64_t> parse_hex(std::string_view digits) {
  std::uint64_t value = 0;
  for (const char c : digits) {
    const bool is_digit = c >= '0' && c <= '9';
    if (!is_digit && (c < 'a' || c > 'f')) return std::nullopt;
    value = value << 4U | static_cast<std::uint64_t>(is_digit ? c - '0' : c - 'a' + 10);
  }
  return value;
}

}  // namespace

std::optional<TraceContext> parse_traceparent(std::string_view text) {
  if (text.size() < kLength) return std::nullopt;
  if (text[kTraceAt - 1] != '-' || text[kSpanAt - 1] != '-' || text[kFlagsAt - 1] != '-') {
    return std::nullopt;
  }
  const auto version = parse_hex(text.substr(0, 2));
  if (!version || *version == kNoVersion) return std::nullopt;
  if (text.size() > kLength && (*version == 0 || text[kLength] != '-')) return std::nullopt;
  const auto high = parse_hex(text.substr(kTraceAt, 16));
  const auto low = parse_hex(text.substr(kTraceAt + 16, 16));
  const auto span = parse_hex(text.substr(kSpanAt, 16));
  const auto flags = parse_hex(text.substr(kFlagsAt, 2));
  if (!high || !low || !span || !flags || (*high | *low) == 0 || *span == 0) return std::nullopt;
  return TraceContext{*high, *low, *span, static_cast<std::uint8_t>(*flags & kKnownFlags)};
}

std::string format_traceparent(const TraceContext& context) {
  return fmt::format("00-{:016x}{:016x}-{:016x}-{:02x}", context.trace_high, context.trace_low,
                     context.span_id, context.flags);
}

std::string trace_id_text(const TraceContext& context) {
  return fmt::format("{:016x}{:016x}", context.trace_high, context.trace_low);
}

std::string span_id_text(std::uint64_t span_id) {
  return fmt::format("{:016x}", span_id);
}

bool is_tracestate(std::string_view text) {
  return !text.empty() && text.size() <= kTracestateBytesMax &&
         std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace weir
