#include "pipeline/kafka/log_sink.h"

#include <atomic>

namespace weir::kafka {
namespace {

std::atomic<LogSink> g_sink{nullptr};

}  // namespace

void set_log_sink(LogSink sink) {
  g_sink.store(sink);
}

void log(int severity, std::string_view line) {
  if (const auto sink = g_sink.load(); sink != nullptr) sink(severity, line);
}

}  // namespace weir::kafka
