#pragma once
// How far long work is: one line on stderr that is drawn over, where stderr is a terminal.

#include <chrono>
#include <cstdint>
#include <string>

namespace weir::terminal {

class Progress {
 public:
  /// `what` is done: "payments". Silent where nobody looks, and where lines of data that go to
  /// stdout would meet it on the same screen.
  explicit Progress(std::string what, bool data_on_stdout = false);
  /// Leaves a clean line for whatever is printed next.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Drawn at most ten times a second. `all` 0: how much there will be is not known.
  void at(std::uint64_t done, std::uint64_t all = 0);

 private:
  using Clock = std::chrono::steady_clock;
  std::string what_;
  bool shown_;
  bool drawn_ = false;
  Clock::time_point next_;
};

/// The line itself: "[#####.....]  50 %  500 of 1,000 payments", or "500 payments" without an end.
std::string progress_line(std::uint64_t done, std::uint64_t all, const std::string& what);

/// 1234567 as "1,234,567".
std::string grouped(std::uint64_t number);

}  // namespace weir::terminal
