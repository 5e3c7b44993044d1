#include "state/windows/window_values.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "state/windows/aggregates.h"
#include "state/windows/extremes_list.h"

namespace weir::state {
namespace {

double seconds(std::int64_t milliseconds) {
  return static_cast<double>(milliseconds) / 1000;
}
double in_units(std::int64_t value, Field field) {
  return static_cast<double>(value) / static_cast<double>(scale_of(field));
}
double sum_value(Int128 sum, Field field) {
  return static_cast<double>(sum) / static_cast<double>(scale_of(field));
}
double mean_value(Int128 sum, std::int64_t count, Field field) {
  return static_cast<double>(sum) /
         (static_cast<double>(count) * static_cast<double>(scale_of(field)));
}
double stddev_value(Int128 sum, Int128 squares, std::int64_t count, Field field) {
  const auto n = static_cast<long double>(count);
  const auto s = static_cast<long double>(sum);
  const long double variance =
      (static_cast<long double>(squares) - s * s / n) / static_cast<long double>(count - 1);
  if (variance <= 0) return 0;
  return static_cast<double>(std::sqrt(variance) / static_cast<long double>(scale_of(field)));
}
double median_value(std::vector<std::int64_t>& values) {
  std::ranges::sort(values);
  const std::size_t n = values.size();
  if (n % 2 == 1) return in_units(values[n / 2], Field::kAmount);
  return static_cast<double>(values[n / 2 - 1] + values[n / 2]) / 2 /
         static_cast<double>(kAmountScale);
}

/// Values of the run functions over labelled events up to `time_ms`, oldest first.
void write_run_values(const WindowPlan& plan, std::span<const EventRow> labelled,
                      std::int64_t time_ms, std::span<double> values) {
  const auto end = std::ranges::upper_bound(labelled, time_ms, {}, kTimeOf);
  const auto known = labelled.first(static_cast<std::size_t>(end - labelled.begin()));
  std::size_t run = known.size();
  while (run > 0 && known[run - 1].label == Label::kFraud) --run;
  const auto frauds = known.subspan(run);
  for (std::size_t i = 0; i < plan.size(); ++i) {
    const WindowPlan::Output& output = plan.outputs[i];
    if (output.function == Function::kLastLabel) {
      values[i] = known.empty() ? output.missing : known.back().label == Label::kFraud ? 1 : 0;
    } else if (output.function == Function::kRunAge) {
      values[i] = frauds.empty() ? output.missing : seconds(time_ms - frauds.front().time_ms);
    } else if (output.function == Function::kRunCount) {
      values[i] = static_cast<double>(std::ranges::count_if(
          frauds, [&](const EventRow& row) { return passes(row, output.filter); }));
    }
  }
}

std::span<const EventRow> labelled_rows(Operation& operation) {
  if (!operation.plan.needs_labelled) return {};
  return elements<EventRow>(operation.read({PageKind::kLabelled, 0, 0}));
}

/// One windowed value from the rows themselves; `rows` end with the payment's own.
double scan(const WindowPlan& plan, const WindowPlan::Output& output,
            std::span<const EventRow> rows) {
  const EventRow& own = rows.back();
  const WindowPlan::Lane& lane = plan.lanes[output.lane];
  const std::int64_t head = own.time_ms - lane.delay_ms;
  const std::int64_t tail = head - plan.windows[output.window].length_ms;
  std::int64_t count = 0;
  Int128 sum = 0;
  Int128 bounded_sum = 0;
  Int128 squares = 0;
  std::int64_t least = INT64_MAX;
  std::int64_t most = INT64_MIN;
  std::set<std::int64_t> different;
  const EventRow* last = nullptr;
  for (const EventRow& row : rows) {
    if (row.time_ms <= tail || row.time_ms > head || !passes(row, lane.filter)) continue;
    const std::int64_t value = value_of(row, output.field);
    const Int128 bounded = std::min(value, kSquareMax);
    ++count;
    sum += value;
    bounded_sum += bounded;
    if (output.function == Function::kStddev) squares += bounded * bounded;
    least = std::min(least, value);
    most = std::max(most, value);
    if (output.function == Function::kDistinct && value != 0) different.insert(value);
    if (&row != &own) last = &row;
  }
  switch (output.function) {
    case Function::kCount:
      return static_cast<double>(count);
    case Function::kSum:
      return sum_value(sum, output.field);
    case Function::kMean:
      return count == 0 ? output.missing : mean_value(sum, count, output.field);
    case Function::kMin:
      return count == 0 ? output.missing : in_units(least, output.field);
    case Function::kMax:
      return count == 0 ? output.missing : in_units(most, output.field);
    case Function::kStddev:
      return count < 2 ? output.missing : stddev_value(bounded_sum, squares, count, output.field);
    case Function::kDistinct:
      return static_cast<double>(different.size());
    case Function::kLast:
      return last == nullptr ? output.missing
                             : in_units(value_of(*last, output.field), output.field);
    case Function::kTimeSince:
      return last == nullptr ? output.missing : seconds(own.time_ms - last->time_ms);
    default:
      return output.missing;
  }
}

}  // namespace

void write_empty_values(const WindowPlan& plan, std::span<double> values) {
  for (std::size_t i = 0; i < plan.size(); ++i) {
    const Function function = plan.outputs[i].function;
    const bool countable = function == Function::kCount || function == Function::kSum ||
                           function == Function::kDistinct || function == Function::kRunCount;
    values[i] = countable ? 0 : plan.outputs[i].missing;
  }
}

void write_values_before(Operation& operation, std::span<double> values) {
  const WindowPlan& plan = operation.plan;
  const std::int64_t now = operation.head.fixed().frontier_ms;
  std::vector<std::int64_t> amounts;
  for (std::size_t i = 0; i < plan.size(); ++i) {
    const WindowPlan::Output& output = plan.outputs[i];
    if (output.function == Function::kMedian) {
      amounts_before(operation, first_after(operation, now), output.rows, amounts);
      values[i] = amounts.empty() ? output.missing : median_value(amounts);
    } else if (output.function == Function::kLast || output.function == Function::kTimeSince) {
      const LaneHead& lane = operation.head.lane(output.lane);
      if (lane.has_last == 0 ||
          lane.last.time_ms <= tail_of(operation, plan.windows[output.window])) {
        values[i] = output.missing;
      } else if (output.function == Function::kLast) {
        values[i] = in_units(value_of(lane.last, output.field), output.field);
      } else {
        values[i] = seconds(now - lane.last.time_ms);
      }
    }
  }
}

void write_window_values(Operation& operation, std::span<double> values) {
  const WindowPlan& plan = operation.plan;
  HeadPage& head = operation.head;
  for (std::size_t i = 0; i < plan.size(); ++i) {
    const WindowPlan::Output& output = plan.outputs[i];
    const std::int64_t count =
        output.function < Function::kMedian ? head.window(output.window).count : 0;
    switch (output.function) {
      case Function::kCount:
        values[i] = static_cast<double>(count);
        break;
      case Function::kSum:
        values[i] = sum_value(head.measure(output.index).sum, output.field);
        break;
      case Function::kMean:
        values[i] = count == 0 ? output.missing
                               : mean_value(head.measure(output.index).sum, count, output.field);
        break;
      case Function::kStddev: {
        const MeasureHead& sums = head.measure(output.index);
        values[i] =
            count < 2 ? output.missing : stddev_value(sums.sum, sums.squares, count, output.field);
        break;
      }
      case Function::kMin:
      case Function::kMax: {
        const auto found = ExtremesList(operation, output.index)
                               .find(tail_of(operation, plan.windows[output.window]));
        values[i] = found ? in_units(*found, output.field) : output.missing;
        break;
      }
      case Function::kDistinct:
        values[i] = static_cast<double>(head.distinct_count(output.index));
        break;
      default:
        break;
    }
  }
  write_run_values(plan, labelled_rows(operation), head.fixed().frontier_ms, values);
}

void write_values_by_scan(Operation& operation, const EventRow& row, std::span<double> values) {
  const WindowPlan& plan = operation.plan;
  std::vector<EventRow> rows;
  Finger at = first_after(operation, row.time_ms - plan.span_ms);
  for (const EventRow* seen = operation.peek(at); seen != nullptr && seen->time_ms <= row.time_ms;
       ++at.index, seen = operation.peek(at)) {
    if (seen->sequence != row.sequence) rows.push_back(*seen);
  }
  rows.push_back(row);
  std::vector<std::int64_t> amounts;
  for (std::size_t i = 0; i < plan.size(); ++i) {
    const WindowPlan::Output& output = plan.outputs[i];
    if (output.function == Function::kMedian) {
      amounts_before(operation, first_after(operation, row.time_ms), output.rows, amounts);
      values[i] = amounts.empty() ? output.missing : median_value(amounts);
    } else if (output.function < Function::kMedian) {
      values[i] = scan(plan, output, rows);
    }
  }
  write_run_values(plan, labelled_rows(operation), row.time_ms, values);
}

std::uint32_t ratio_before(Operation& operation, Place place, std::int64_t amount) {
  std::vector<std::int64_t> amounts;
  amounts_before(operation, place, kRatioRows, amounts);
  if (amounts.empty()) return 0;
  const auto middle = amounts.begin() + static_cast<std::ptrdiff_t>((amounts.size() - 1) / 2);
  std::ranges::nth_element(amounts, middle);
  if (*middle <= 0) return 0;
  const Int128 ratio = static_cast<Int128>(amount) * 1'000 / *middle;
  return static_cast<std::uint32_t>(
      std::clamp<Int128>(ratio, 1, std::numeric_limits<std::uint32_t>::max()));
}

}  // namespace weir::state
