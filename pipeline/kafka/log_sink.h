#pragma once
// Where this folder's lines go. librdkafka logs from its own threads, so the sink must be callable
// from any.

#include <string_view>

namespace weir::kafka {

/// `severity` as in syslog: 3 error, 4 warning, 6 information, 7 debug.
using LogSink = void (*)(int severity, std::string_view line);

/// Before the first client is made; until then lines go nowhere.
void set_log_sink(LogSink sink);
void log(int severity, std::string_view line);

}  // namespace weir::kafka
