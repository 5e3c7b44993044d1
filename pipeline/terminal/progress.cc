#include "pipeline/terminal/progress.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>
#include <unistd.h>

namespace weir::terminal {
namespace {

constexpr std::uint64_t kCells = 24;
constexpr auto kEvery = std::chrono::milliseconds(100);
constexpr const char* kEraseLine = "\r\x1b[K";

}  // namespace

Progress::Progress(std::string what, bool data_on_stdout)
    : what_(std::move(what)),
      shown_(isatty(STDERR_FILENO) != 0 && !(data_on_stdout && isatty(STDOUT_FILENO) != 0)),
      next_(Clock::now() + kEvery) {}

Progress::~Progress() {
  if (drawn_) fmt::print(stderr, "{}", kEraseLine);
}

void Progress::at(std::uint64_t done, std::uint64_t all) {
  if (!shown_) return;
  const auto now = Clock::now();
  if (now < next_) return;
  next_ = now + kEvery;
  drawn_ = true;
  fmt::print(stderr, "{}{}", kEraseLine, progress_line(done, all, what_));
  std::fflush(stderr);
}

std::string progress_line(std::uint64_t done, std::uint64_t all, const std::string& what) {
  if (all == 0) return fmt::format("{} {}", grouped(done), what);
  const std::uint64_t shown = std::min(done, all);
  const std::uint64_t cells = shown * kCells / all;
  return fmt::format("[{:#<{}}{:.<{}}] {:>3} %  {} of {} {}", "", cells, "", kCells - cells,
                     shown * 100 / all, grouped(shown), grouped(all), what);
}

std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, 1, ',');
  return text;
}

}  // namespace weir::terminal
