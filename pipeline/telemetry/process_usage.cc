#include "pipeline/telemetry/process_usage.h"

#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <sys/resource.h>
#include <unistd.h>

namespace weir::telemetry {
namespace {

/// Field 22 of /proc/self/stat: start in clock ticks since boot. Field 2 may hold spaces, so count
/// from its ")".
double start_ticks_since_boot() {
  std::ifstream in("/proc/self/stat");
  std::string line;
  std::getline(in, line);
  const auto name_end = line.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(line.substr(name_end + 1));
  std::string field;
  for (int number = 3; number <= 22; ++number) fields >> field;
  return fields ? std::stod(field) : 0;
}

double boot_time_seconds() {
  std::ifstream in("/proc/stat");
  for (std::string word; in >> word;) {
    if (word != "btime") continue;
    double seconds = 0;
    in >> seconds;
    return seconds;
  }
  return 0;
}

double start_time_seconds() {
  const auto ticks_per_second = static_cast<double>(::sysconf(_SC_CLK_TCK));
  return boot_time_seconds() + start_ticks_since_boot() / ticks_per_second;
}

double count_open_fds() {
  std::error_code failure;
  double count = -1;  // the directory itself is open while we count
  for (auto it = std::filesystem::directory_iterator("/proc/self/fd", failure);
       !failure && it != std::filesystem::directory_iterator(); it.increment(failure)) {
    ++count;
  }
  return count < 0 ? 0 : count;
}

}  // namespace

ProcessUsage read_process_usage() {
  static const double started = start_time_seconds();
  ProcessUsage usage;
  usage.start_time_seconds = started;

  double virtual_pages = 0;
  double resident_pages = 0;
  if (std::ifstream("/proc/self/statm") >> virtual_pages >> resident_pages) {
    const auto page_bytes = static_cast<double>(::sysconf(_SC_PAGESIZE));
    usage.virtual_bytes = virtual_pages * page_bytes;
    usage.resident_bytes = resident_pages * page_bytes;
  }
  timespec cpu{};
  if (::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu) == 0) {
    usage.cpu_seconds = static_cast<double>(cpu.tv_sec) + static_cast<double>(cpu.tv_nsec) * 1e-9;
  }
  usage.open_fds = count_open_fds();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) usage.max_fds = static_cast<double>(limit.rlim_cur);
  return usage;
}

}  // namespace weir::telemetry
