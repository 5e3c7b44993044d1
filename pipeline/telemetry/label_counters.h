#pragma once
// Labels counted by who says so, what they say and what became of them, and how long they took.
//
// Sources are words from outside: the first kSources different ones have counters of their own,
// whatever comes after them is "other". Written by one worker's thread, read by whoever scrapes.

#include <array>
#include <atomic>
#include <cstddef>
#include <string>
#include <string_view>

#include "pipeline/telemetry/cells.h"

namespace weir::telemetry {

/// From the payment to the label, in seconds: an hour to half a year.
inline constexpr std::array<double, 10> kLabelDelayBounds = {
    3'600,     21'600,    86'400,    259'200,   604'800,
    1'209'600, 2'592'000, 5'184'000, 7'776'000, 15'552'000};
using LabelDelayHistogram = HistogramCell<10, StagedCell>;

/// What became of a label in its user's windows.
enum class LabelFate : std::uint8_t {
  kApplied,   // it counts now
  kRepeated,  // known before
  kOutdated,  // a later opinion counts
  kWaiting,   // its payment has not come yet
  kExpired,   // no window reaches back to its payment
  kUnused,    // no feature over users reads windows
};
inline constexpr std::array<std::string_view, 6> kLabelFateNames = {
    "applied", "repeated", "outdated", "waiting", "expired", "unused"};

class LabelCounters {
 public:
  static constexpr std::size_t kSources = 16;

  struct OfSource {
    std::string name;  // fixed once it can be seen
    std::array<std::array<StagedCell, kLabelFateNames.size()>, 2> counts;  // [is_fraud][fate]
    LabelDelayHistogram delay{kLabelDelayBounds};
  };

  /// An empty source counts as "unknown". Negative delays (clocks differ) count as 0.
  void count(std::string_view source, bool is_fraud, LabelFate fate, double delay_seconds) {
    OfSource& of = find(source.empty() ? "unknown" : source);
    of.counts[is_fraud ? 1 : 0][static_cast<std::size_t>(fate)].add();
    of.delay.observe(delay_seconds < 0 ? 0 : delay_seconds);
  }
  template <class Visit>
  void each_cell(const Visit& visit) {
    for (std::size_t i = 0; i < size(); ++i) {
      for (auto& fates : sources_[i].counts) {
        for (StagedCell& cell : fates) visit(cell);
      }
      sources_[i].delay.each_cell(visit);
    }
  }
  /// Sources seen so far; the first size() entries of sources() may be read.
  [[nodiscard]] std::size_t size() const { return used_.load(std::memory_order_acquire); }
  [[nodiscard]] const std::array<OfSource, kSources + 1>& sources() const { return sources_; }

 private:
  OfSource& find(std::string_view name) {
    const std::size_t used = used_.load(std::memory_order_relaxed);
    for (std::size_t i = 0; i < used; ++i) {
      if (sources_[i].name == name) return sources_[i];
    }
    if (used > kSources) return sources_[kSources];  // there is an "other" already
    OfSource& added = sources_[used];
    added.name = used == kSources ? std::string_view("other") : name;
    used_.store(used + 1, std::memory_order_release);
    return added;
  }

  std::array<OfSource, kSources + 1> sources_;
  std::atomic<std::size_t> used_{0};
};

}  // namespace weir::telemetry
