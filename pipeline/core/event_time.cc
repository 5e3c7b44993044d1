#include "pipeline/core/event_time.h"

#include <array>

namespace weir {
namespace {

constexpr std::int64_t kMsPerDay = 86'400'000;

Error refuse(const char* why) {
  return {ErrorKind::kRejectEvent, why};
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Reads exactly `width` digits at `at`; -1 when there are fewer or others.
int fixed_digits(std::string_view text, std::size_t at, std::size_t width) {
  if (at + width > text.size()) return -1;
  int value = 0;
  for (std::size_t i = at; i < at + width; ++i) {
    if (!is_digit(text[i])) return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

int days_in_month(int year, int month) {
  return static_cast<int>(
      static_cast<unsigned>((std::chrono::year(year) /
                             std::chrono::month(static_cast<unsigned>(month)) / std::chrono::last)
                                .day()));
}

std::int64_t days_since_epoch(int year, int month, int day) {
  return std::chrono::sys_days(std::chrono::year(year) /
                               std::chrono::month(static_cast<unsigned>(month)) /
                               std::chrono::day(static_cast<unsigned>(day)))
      .time_since_epoch()
      .count();
}

Result<EventTime> in_range(std::int64_t ms) {
  if (ms < 0 || ms > kEventTimeMax.ms) return refuse("outside 1970-01-01 to 9999-12-31");
  return EventTime{ms};
}

Result<EventTime> parse_epoch_ms(std::string_view text) {
  if (text.size() > 15) return refuse("outside 1970-01-01 to 9999-12-31");
  std::int64_t ms = 0;
  for (const char c : text) {
    if (!is_digit(c)) return refuse("neither RFC 3339 nor epoch milliseconds");
    ms = ms * 10 + (c - '0');
  }
  return in_range(ms);
}

constexpr const char* kNotRfc3339 = "not RFC 3339, as in 2018-06-11T00:24:47Z";

/// The part behind the seconds: fraction (cut to milliseconds) and offset; nullopt-like error when
/// malformed.
struct Tail {
  std::int64_t fraction_ms = 0;
  std::int64_t offset_minutes = 0;
};

Result<Tail> parse_tail(std::string_view text) {
  Tail tail;
  std::size_t i = 0;
  if (i < text.size() && text[i] == '.') {
    const std::size_t from = ++i;
    std::int64_t scale = 100;
    for (; i < text.size() && is_digit(text[i]); ++i, scale /= 10) {
      tail.fraction_ms += (text[i] - '0') * scale;  // scale is 0 from the fourth digit on
    }
    if (i == from) return refuse(kNotRfc3339);
  }
  const std::string_view zone = text.substr(i);
  if (zone == "Z" || zone == "z") return tail;
  if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':') {
    return refuse(kNotRfc3339);
  }
  const int hours = fixed_digits(zone, 1, 2);
  const int minutes = fixed_digits(zone, 4, 2);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return refuse(kNotRfc3339);
  tail.offset_minutes = (std::int64_t{hours} * 60 + minutes) * (zone[0] == '-' ? -1 : 1);
  return tail;
}

Result<EventTime> parse_rfc3339(std::string_view text) {
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' || text[13] != ':' || text[16] != ':' ||
      (text[10] != 'T' && text[10] != 't' && text[10] != ' ')) {
    return refuse(kNotRfc3339);
  }
  const int year = fixed_digits(text, 0, 4);
  const int month = fixed_digits(text, 5, 2);
  const int day = fixed_digits(text, 8, 2);
  const int hour = fixed_digits(text, 11, 2);
  const int minute = fixed_digits(text, 14, 2);
  const int second = fixed_digits(text, 17, 2);
  if (year < 0 || month < 1 || month > 12 || day < 1 || hour < 0 || hour > 23 || minute < 0 ||
      minute > 59 || second < 0 || second > 60 || day > days_in_month(year, month)) {
    return refuse(kNotRfc3339);
  }
  const auto tail = parse_tail(text.substr(19));
  if (!tail) return tail.error();
  // Unix time has no leap seconds: the 61st second is the start of the next one, its fraction is
  // gone.
  const std::int64_t fraction_ms = second == 60 ? 0 : tail->fraction_ms;
  const std::int64_t seconds_of_day = hour * 3600 + minute * 60 + second;
  return in_range(days_since_epoch(year, month, day) * kMsPerDay + seconds_of_day * 1000 +
                  fraction_ms - tail->offset_minutes * 60'000);
}

void append_fixed(std::string& out, std::int64_t value, int width) {
  std::array<char, 8> digits{};
  for (int i = width - 1; i >= 0; --i, value /= 10) {
    digits[static_cast<std::size_t>(i)] = static_cast<char>('0' + value % 10);
  }
  out.append(digits.data(), static_cast<std::size_t>(width));
}

}  // namespace

Result<EventTime> parse_event_time(std::string_view text) {
  if (text.empty()) return refuse("empty");
  // A date has its first dash behind four digits; a number has none.
  return text.size() > 4 && text[4] == '-' ? parse_rfc3339(text) : parse_epoch_ms(text);
}

void append_event_time(std::string& out, EventTime t) {
  std::int64_t days = t.ms / kMsPerDay;
  std::int64_t ms_of_day = t.ms % kMsPerDay;
  if (ms_of_day < 0) {
    ms_of_day += kMsPerDay;
    --days;
  }
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(days))};
  append_fixed(out, static_cast<int>(date.year()), 4);
  out += '-';
  append_fixed(out, static_cast<unsigned>(date.month()), 2);
  out += '-';
  append_fixed(out, static_cast<unsigned>(date.day()), 2);
  out += 'T';
  append_fixed(out, ms_of_day / 3'600'000, 2);
  out += ':';
  append_fixed(out, ms_of_day / 60'000 % 60, 2);
  out += ':';
  append_fixed(out, ms_of_day / 1000 % 60, 2);
  if (ms_of_day % 1000 != 0) {
    out += '.';
    append_fixed(out, ms_of_day % 1000, 3);
  }
  out += 'Z';
}

std::string format_event_time(EventTime t) {
  std::string out;
  append_event_time(out, t);
  return out;
}

}  // namespace weir
