#pragma once
// What this process takes from the machine, as Linux counts it.

namespace weir::telemetry {

struct ProcessUsage {
  double resident_bytes = 0;
  double virtual_bytes = 0;
  double cpu_seconds = 0;
  double start_time_seconds = 0;  // since the Unix epoch
  double open_fds = 0;
  double max_fds = 0;
};

/// Values that cannot be read stay 0.
ProcessUsage read_process_usage();

}  // namespace weir::telemetry
