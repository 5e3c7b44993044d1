#include "state/windows/window_plan.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <string>
#include <tuple>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace weir::state {
namespace {

/// Labelled events matter, to run functions and one by one, for as long as a label may take to
/// come.
constexpr std::int64_t kLabelHorizonMs = kWindowMaxMs;

/// Place of the element equal to `wanted`; appended when there is none.
template <class T, class Equal>
std::uint16_t place_of(std::vector<T>& list, T wanted, Equal equal) {
  const auto found = std::ranges::find_if(list, [&](const T& have) { return equal(have, wanted); });
  if (found != list.end()) return static_cast<std::uint16_t>(found - list.begin());
  list.push_back(std::move(wanted));
  return static_cast<std::uint16_t>(list.size() - 1);
}

/// Events whose value is absent take no part in functions of it.
Filter filter_of(const FeatureDeclaration& declaration) {
  Filter filter = declaration.filter;
  if (declaration.field == Field::kRatio && declaration.function != Function::kDistinct) {
    filter.push_back({Field::kRatio, Comparison::kGreater, 0});
  }
  return filter;
}

bool has_window(Function function) {
  return function < Function::kMedian;
}

class Compiler {
 public:
  explicit Compiler(WindowPlan& plan) : plan_(plan) {}

  /// First pass: all lanes and windows, so that windows can be put in order.
  void add_window(const FeatureDeclaration& declaration) {
    if (!has_window(declaration.function)) return;
    const auto lane = lane_of(declaration);
    place_of<WindowPlan::Window>(plan_.windows, {lane, declaration.window_ms}, same_window);
    plan_.span_ms = std::max(plan_.span_ms, declaration.delay_ms + declaration.window_ms);
  }
  /// Within a lane the longest window comes last: it lets go of what all others let go of before.
  void sort_windows() {
    std::ranges::sort(plan_.windows, {},
                      [](const WindowPlan::Window& w) { return std::tuple(w.lane, w.length_ms); });
  }

  void add_output(const FeatureDeclaration& declaration) {
    WindowPlan::Output output;
    output.function = declaration.function;
    output.field = declaration.field;
    output.missing = declaration.default_value.value_or(std::numeric_limits<double>::quiet_NaN());
    output.rows = declaration.rows;
    if (has_window(declaration.function)) {
      output.lane = lane_of(declaration);
      output.window = place_of<WindowPlan::Window>(
          plan_.windows, {output.lane, declaration.window_ms}, same_window);
    }
    switch (declaration.function) {
      case Function::kSum:
      case Function::kMean:
      case Function::kStddev:
        output.index = measure_of(output, declaration);
        break;
      case Function::kMin:
      case Function::kMax:
        output.index = extremes_of(output, declaration);
        break;
      case Function::kDistinct:
        output.index = distinct_count_of(output, declaration);
        break;
      case Function::kLast:
      case Function::kTimeSince:
        plan_.lanes[output.lane].needs_last = true;
        break;
      case Function::kMedian:
        plan_.rows_min = std::max(plan_.rows_min, declaration.rows);
        break;
      case Function::kLastLabel:
      case Function::kRunAge:
      case Function::kRunCount:
        output.filter = declaration.filter;
        plan_.needs_labelled = true;
        break;
      case Function::kCount:
        break;
    }
    plan_.outputs.push_back(std::move(output));
    plan_.names.push_back(declaration.name);
  }

 private:
  static bool same_window(const WindowPlan::Window& a, const WindowPlan::Window& b) {
    return a.lane == b.lane && a.length_ms == b.length_ms;
  }

  std::uint16_t lane_of(const FeatureDeclaration& declaration) {
    WindowPlan::Lane lane;
    lane.filter = filter_of(declaration);
    lane.delay_ms = declaration.delay_ms;
    lane.label_dependent = depends_on_label(lane.filter);
    return place_of(plan_.lanes, std::move(lane),
                    [](const WindowPlan::Lane& a, const WindowPlan::Lane& b) {
                      return a.filter == b.filter && a.delay_ms == b.delay_ms;
                    });
  }

  std::uint16_t measure_of(const WindowPlan::Output& output,
                           const FeatureDeclaration& declaration) {
    const auto index = place_of<WindowPlan::Measure>(
        plan_.measures,
        {output.window, declaration.field, declaration.function == Function::kStddev},
        [](const auto& a, const auto& b) {
          return a.window == b.window && a.field == b.field && a.squares == b.squares;
        });
    return index;
  }

  std::uint16_t extremes_of(const WindowPlan::Output& output,
                            const FeatureDeclaration& declaration) {
    const auto index = place_of<WindowPlan::Extremes>(
        plan_.extremes, {output.lane, declaration.field, declaration.function == Function::kMax, 0},
        [](const auto& a, const auto& b) {
          return a.lane == b.lane && a.field == b.field && a.maximum == b.maximum;
        });
    auto& length = plan_.extremes[index].length_ms;
    length = std::max(length, declaration.window_ms);
    return index;
  }

  std::uint16_t distinct_count_of(const WindowPlan::Output& output,
                                  const FeatureDeclaration& declaration) {
    const auto table = place_of<WindowPlan::Distinct>(
        plan_.distincts, {output.lane, declaration.field, 0},
        [](const auto& a, const auto& b) { return a.lane == b.lane && a.field == b.field; });
    auto& length = plan_.distincts[table].length_ms;
    length = std::max(length, declaration.window_ms);
    return place_of<WindowPlan::DistinctCount>(
        plan_.distinct_counts, {table, output.window},
        [](const auto& a, const auto& b) { return a.table == b.table && a.window == b.window; });
  }

  WindowPlan& plan_;
};

/// Whatever changes what the head holds or means.
std::uint64_t digest_of(const WindowPlan& plan) {
  std::string text;
  const auto add = [&](auto number) { text += std::to_string(number) + ' '; };
  for (const auto& lane : plan.lanes) {
    add(lane.delay_ms);
    add(lane.needs_last);
    for (const auto& c : lane.filter) {
      add(static_cast<int>(c.field));
      add(static_cast<int>(c.comparison));
      add(c.value);
    }
    text += '|';
  }
  for (const auto& window : plan.windows) add(window.lane), add(window.length_ms);
  text += '|';
  for (const auto& measure : plan.measures) {
    add(measure.window);
    add(static_cast<int>(measure.field));
    add(measure.squares);
  }
  text += '|';
  for (const auto& list : plan.extremes) {
    add(list.lane);
    add(static_cast<int>(list.field));
    add(list.maximum);
    add(list.length_ms);
  }
  text += '|';
  for (const auto& table : plan.distincts) {
    add(table.lane);
    add(static_cast<int>(table.field));
    add(table.length_ms);
  }
  text += '|';
  for (const auto& count : plan.distinct_counts) add(count.table), add(count.window);
  add(plan.needs_labelled);
  return XXH3_64bits(text.data(), text.size());
}

/// Whatever changes what the values mean.
std::uint64_t values_digest_of(const WindowPlan& plan) {
  std::string text = std::to_string(plan.digest);
  const auto add = [&](auto number) { text += ' ' + std::to_string(number); };
  for (const auto& output : plan.outputs) {
    add(static_cast<int>(output.function));
    add(static_cast<int>(output.field));
    add(output.lane);
    add(output.window);
    add(output.index);
    add(output.window_ms);
    add(output.rows);
    add(std::bit_cast<std::uint64_t>(output.missing));
    for (const auto& term : output.filter) {
      add(static_cast<int>(term.field));
      add(static_cast<int>(term.comparison));
      add(term.value);
    }
    text += '|';
  }
  for (const auto& name : plan.names) text += name + '|';
  if (plan.labelled_rows > 0) text += "labelled " + std::to_string(plan.labelled_rows);
  return XXH3_64bits(text.data(), text.size());
}

}  // namespace

Result<WindowPlan> WindowPlan::compile(EntityKind entity,
                                       std::span<const FeatureDeclaration> declarations,
                                       std::int64_t lateness_ms, std::size_t labelled_rows) {
  WEIR_CHECK(labelled_rows <= kLabelledRowsMax);
  WindowPlan plan;
  plan.entity = entity;
  plan.labelled_rows = labelled_rows;
  plan.needs_labelled = labelled_rows > 0;
  Compiler compiler(plan);
  const auto each = [&](auto&& visit) {
    for (const auto& declaration : declarations) {
      if (declaration.entity == entity) visit(declaration);
    }
  };
  for (const auto& declaration : declarations) {
    if (declaration.entity != entity) continue;
    if (const auto valid = validate(declaration); !valid) {
      return fatal("feature " + declaration.name + ": " + valid.error().message);
    }
  }
  each([&](const auto& declaration) { compiler.add_window(declaration); });
  compiler.sort_windows();
  each([&](const auto& declaration) { compiler.add_output(declaration); });
  // The user's windows say what is usual for the user; every entity's row repeats it.
  plan.needs_ratio = entity == EntityKind::kUser;
  if (plan.needs_ratio) plan.rows_min = std::max(plan.rows_min, kRatioRows);
  if (plan.needs_labelled) plan.span_ms = std::max(plan.span_ms, kLabelHorizonMs);
  plan.span_ms += lateness_ms;
  plan.lateness_ms = lateness_ms;
  plan.digest = digest_of(plan);
  plan.values_digest = values_digest_of(plan);
  return plan;
}

}  // namespace weir::state
