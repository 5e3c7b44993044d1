#pragma once
// Event time: when the payment happened, said by the event itself. The only time a verdict may
// depend on.

#include <chrono>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "pipeline/core/error.h"

namespace weir {

/// Milliseconds since the Unix epoch, UTC. A distinct type, so that it cannot be mixed with
/// processing time.
struct EventTime {
  std::int64_t ms = 0;
  friend auto operator<=>(const EventTime&, const EventTime&) = default;
  friend EventTime operator+(EventTime t, std::chrono::milliseconds d) {
    return {t.ms + d.count()};
  }
  friend EventTime operator-(EventTime t, std::chrono::milliseconds d) {
    return {t.ms - d.count()};
  }
  friend std::chrono::milliseconds operator-(EventTime a, EventTime b) {
    return std::chrono::milliseconds(a.ms - b.ms);
  }
};

/// Accepted range: 1970-01-01 up to and including 9999-12-31T23:59:59.999Z.
inline constexpr EventTime kEventTimeMax{253'402'300'799'999};

/// RFC 3339 ("2018-06-11T00:24:47Z", fractions to the millisecond and beyond are cut, offsets
/// honoured; leap second 60 counts as the next second's start) or decimal epoch milliseconds. The
/// error is a static text.
Result<EventTime> parse_event_time(std::string_view text);

/// RFC 3339 in UTC; milliseconds only when not zero.
std::string format_event_time(EventTime t);
void append_event_time(std::string& out, EventTime t);

}  // namespace weir
