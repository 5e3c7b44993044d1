#pragma once
// SIGTERM and SIGINT, taken by one thread at a time of its choosing: no handler runs in the middle
// of anything.

#include <chrono>

namespace weir {

class StopSignals {
 public:
  /// Blocks both signals in this thread and in all threads it starts from now on.
  StopSignals();
  /// Waits at most `timeout`; true when a signal came.
  bool wait(std::chrono::milliseconds timeout);
  /// From now on a signal ends the process at once (128 + its number). Safe at any moment: what was
  /// not committed is run again by the next start.
  void leave_at_once_on_next();
};

}  // namespace weir
