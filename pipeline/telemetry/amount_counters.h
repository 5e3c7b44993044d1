#pragma once
// Money decided over, by action and currency. Currencies are words from outside: those configured
// have counters of their own, whatever else comes is added up as "other". Written by one worker's
// thread, read by whoever scrapes.

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/core/verdict.h"
#include "pipeline/telemetry/cells.h"

namespace weir::telemetry {

inline constexpr std::array<std::string_view, 5> kActionNames = {"approve", "challenge", "review",
                                                                 "decline", "block"};

class AmountCounters {
 public:
  struct OfCurrency {
    std::string code = "other";
    std::array<StagedCell, kActionNames.size()> by_action;  // major units
  };

  /// ISO codes that are told apart. Before anything is added or read.
  void tell_apart(std::span<const std::string> codes) {
    currencies_ = std::vector<OfCurrency>(codes.size() + 1);
    for (std::size_t i = 0; i < codes.size(); ++i) currencies_[i].code = codes[i];
  }
  void add(std::string_view code, Action action, double major_units) {
    std::size_t i = 0;
    while (i + 1 < currencies_.size() && currencies_[i].code != code) ++i;
    currencies_[i].by_action[static_cast<std::size_t>(action)].add(major_units);
  }
  template <class Visit>
  void each_cell(const Visit& visit) {
    for (OfCurrency& currency : currencies_) {
      for (StagedCell& cell : currency.by_action) visit(cell);
    }
  }
  /// The last one is of all others.
  [[nodiscard]] std::span<const OfCurrency> currencies() const { return currencies_; }

 private:
  std::vector<OfCurrency> currencies_{1};
};

}  // namespace weir::telemetry
