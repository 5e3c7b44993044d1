#pragma once
// Day and hour of event times, in UTC: what features call night and weekend. Event times start at
// 1970.

#include <cstdint>

namespace weir::operators {

inline constexpr std::int64_t kMsPerMinute = 60'000;
inline constexpr std::int64_t kMinutesPerDay = 1'440;
inline constexpr std::int64_t kMsPerDay = kMinutesPerDay * kMsPerMinute;

inline std::int64_t minute_of_day(std::int64_t time_ms) {
  return time_ms / kMsPerMinute % kMinutesPerDay;
}
inline std::int64_t hour_of_day(std::int64_t time_ms) {
  return minute_of_day(time_ms) / 60;
}
/// Monday = 0. The epoch was a Thursday.
inline std::int64_t weekday(std::int64_t time_ms) {
  return (time_ms / kMsPerDay + 3) % 7;
}
inline bool is_weekend(std::int64_t time_ms) {
  return weekday(time_ms) >= 5;
}
/// From 00:00 to 06:59.
inline bool is_night(std::int64_t time_ms) {
  return hour_of_day(time_ms) <= 6;
}

}  // namespace weir::operators
