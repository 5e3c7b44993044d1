#include "pipeline/telemetry/log.h"

#include <array>
#include <atomic>
#include <chrono>
#include <memory>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace weir {
namespace {

constexpr std::array<spdlog::level::level_enum, 4> kSpdlogLevels = {
    spdlog::level::debug, spdlog::level::info, spdlog::level::warn, spdlog::level::err};
constexpr std::array<std::string_view, 4> kTextLevels = {"DEBUG", "INFO ", "WARN ", "ERROR"};
constexpr std::array<std::string_view, 4> kJsonLevels = {"debug", "info", "warn", "error"};

std::atomic<LogLevel> g_level{LogLevel::kInfo};
std::atomic<LogFormat> g_format{LogFormat::kText};
thread_local std::string t_thread = "main";

/// Owned by nobody else: made at first use, never destroyed, so that lines during exit still come
/// out.
spdlog::logger& logger() {
  static spdlog::logger* const instance = [] {
    auto* made = new spdlog::logger("weir", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");  // the line is formatted here, once, for both forms
    made->set_level(spdlog::level::trace);
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  return *instance;
}

/// Escapes what would break a line or hide text: control characters, and for JSON quotes and
/// backslashes.
void append_escaped(std::string& out, std::string_view text, bool json) {
  for (const char c : text) {
    if (json && (c == '"' || c == '\\')) {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
}

std::string format_wall_time(std::int64_t wall_ms) {
  const std::chrono::sys_time<std::chrono::milliseconds> t{std::chrono::milliseconds(wall_ms)};
  const auto day = std::chrono::floor<std::chrono::days>(t);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(t - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     time.hours().count(), time.minutes().count(), time.seconds().count(),
                     time.subseconds().count());
}

}  // namespace

void configure_log(LogLevel level, LogFormat format) {
  g_level.store(level, std::memory_order_relaxed);
  g_format.store(format, std::memory_order_relaxed);
}

void name_log_thread(std::string_view name) {
  t_thread = name;
}

bool log_enabled(LogLevel level) {
  return level >= g_level.load(std::memory_order_relaxed);
}

void log_line(LogLevel level, std::string_view message) {
  if (!log_enabled(level)) return;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto wall_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  logger().log(
      kSpdlogLevels[static_cast<std::size_t>(level)],
      format_log_line(g_format.load(std::memory_order_relaxed), level, wall_ms, t_thread, message));
}

std::string format_log_line(LogFormat format, LogLevel level, std::int64_t wall_ms,
                            std::string_view thread, std::string_view message) {
  const auto index = static_cast<std::size_t>(level);
  std::string line;
  if (format == LogFormat::kJson) {
    line = fmt::format(R"({{"time":"{}","level":"{}","thread":")", format_wall_time(wall_ms),
                       kJsonLevels[index]);
    append_escaped(line, thread, true);
    line += R"(","message":")";
    append_escaped(line, message, true);
    line += "\"}";
  } else {
    line = fmt::format("{} {} ", format_wall_time(wall_ms), kTextLevels[index]);
    append_escaped(line, thread, false);
    line += ' ';
    append_escaped(line, message, false);
  }
  return line;
}

}  // namespace weir
