#pragma once
// The declared features of one kind of entity, compiled: what has to be kept, and where each value
// comes from. Immutable; shared by all workers.
//
//   lane      events that pass one filter, seen with one delay: its head is at t - delay
//   window    a lane and a length: its tail is at t - delay - length
//   measure   a window and a field: exact running sums
//
// Features that share a lane, window or measure share its work.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "pipeline/core/error.h"
#include "state/windows/declaration.h"

namespace weir::state {

/// Squares must not overflow 128 bits: where they are summed, larger values count as this one (a
/// thousand million major units).
inline constexpr std::int64_t kSquareMax = 10'000'000'000'000;

struct WindowPlan {
  struct Lane {
    Filter filter;
    std::int64_t delay_ms = 0;
    bool label_dependent = false;
    bool needs_last = false;
  };
  struct Window {
    std::uint16_t lane = 0;
    std::int64_t length_ms = 0;
  };
  struct Measure {
    std::uint16_t window = 0;
    Field field = Field::kNone;
    bool squares = false;  // with the squares, and values bounded so that those fit: stddev
  };
  struct Extremes {  // one list serves all windows of its lane
    std::uint16_t lane = 0;
    Field field = Field::kNone;
    bool maximum = false;
    std::int64_t length_ms = 0;  // of the lane's longest window that reads it
  };
  struct Distinct {  // one table serves all windows of its lane
    std::uint16_t lane = 0;
    Field field = Field::kNone;
    std::int64_t length_ms = 0;  // of the lane's longest window that reads it
  };
  struct DistinctCount {
    std::uint16_t table = 0;
    std::uint16_t window = 0;
  };
  /// How one output value is made: `index` points into what the function reads.
  struct Output {
    Function function = Function::kCount;
    Field field = Field::kNone;
    std::uint16_t lane = 0;
    std::uint16_t window = 0;
    std::uint16_t index = 0;     // measure, extremes or distinct count
    std::int64_t window_ms = 0;  // kLast, kTimeSince: 0 = any age
    std::size_t rows = 0;
    Filter filter;       // run functions
    double missing = 0;  // NaN unless a default is declared
  };

  EntityKind entity = EntityKind::kUser;
  std::vector<Lane> lanes;
  std::vector<Window> windows;  // by lane
  std::vector<Measure> measures;
  std::vector<Extremes> extremes;
  std::vector<Distinct> distincts;
  std::vector<DistinctCount> distinct_counts;
  std::vector<Output> outputs;  // in the order of the declarations
  std::vector<std::string> names;
  bool needs_ratio = false;
  bool needs_labelled = false;    // run functions, labelled_rows
  std::size_t labelled_rows = 0;  // newest ones that models read, one by one
  std::int64_t span_ms = 0;       // rows older than this before the frontier matter to nothing
  // But so many before the oldest event that may still come are kept whatever their age: its median
  // and ratio read them.
  std::size_t rows_min = 0;
  std::int64_t lateness_ms = 0;
  std::uint64_t digest = 0;         // of everything that decides the layout of the head
  std::uint64_t values_digest = 0;  // of that and of the outputs: equal plans give equal values

  [[nodiscard]] std::size_t size() const { return outputs.size(); }

  /// Takes the declarations of `entity` and leaves the others. Error: the first that is wrong.
  /// `lateness_ms`: out-of-order events up to this much behind the frontier get exact values.
  /// `labelled_rows`, at most kLabelledRowsMax: how many labelled events are asked for as they are;
  /// they are kept whatever their age, and labels count for events of the last kWindowMaxMs.
  static Result<WindowPlan> compile(EntityKind entity,
                                    std::span<const FeatureDeclaration> declarations,
                                    std::int64_t lateness_ms, std::size_t labelled_rows = 0);
};

}  // namespace weir::state
