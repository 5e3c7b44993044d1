#pragma once
// Lines for people and collectors, to stderr. Never payload bytes, never a secret: what is logged
// are counts, names, positions and reasons. Used by pipeline/ only; operators, state and models
// report through results and metrics. Safe from every thread. A line leaves in one write, so lines
// of several threads never mix.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace weir {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarn, kError };
enum class LogFormat : std::uint8_t { kText, kJson };

/// Sets level and form for the whole process; before the first call: info, text.
void configure_log(LogLevel level, LogFormat format);
/// Names the calling thread in its lines: "worker-0".
void name_log_thread(std::string_view name);

[[nodiscard]] bool log_enabled(LogLevel level);
/// Writes one line; line breaks and control characters inside are escaped.
void log_line(LogLevel level, std::string_view message);

/// One line as it would be written, without its line break: "2026-01-31T12:00:00.123Z INFO worker-0
/// message" or
/// {"time":...,"level":...,"thread":...,"message":...}. `wall_ms` is milliseconds since the Unix
/// epoch.
std::string format_log_line(LogFormat format, LogLevel level, std::int64_t wall_ms,
                            std::string_view thread, std::string_view message);

template <class... Args>
void log_at(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(level)) log_line(level, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
  log_at(LogLevel::kDebug, format, std::forward<Args>(args)...);
}
template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log_at(LogLevel::kInfo, format, std::forward<Args>(args)...);
}
template <class... Args>
void log_warn(fmt::format_string<Args...> format, Args&&... args) {
  log_at(LogLevel::kWarn, format, std::forward<Args>(args)...);
}
template <class... Args>
void log_error(fmt::format_string<Args...> format, Args&&... args) {
  log_at(LogLevel::kError, format, std::forward<Args>(args)...);
}

}  // namespace weir
