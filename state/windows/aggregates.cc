#include "state/windows/aggregates.h"

#include <algorithm>

#include "state/windows/distinct_table.h"
#include "state/windows/extremes_list.h"
#include "state/windows/row_pages.h"

namespace weir::state {
namespace {

void count(Operation& operation, std::size_t window, const EventRow& row, int sign) {
  HeadPage& head = operation.head;
  head.window(window).count += sign;
  const auto& measures = operation.plan.measures;
  for (std::size_t i = 0; i < measures.size(); ++i) {
    if (measures[i].window != window) continue;
    const std::int64_t value = value_of(row, measures[i].field);
    MeasureHead& sums = head.measure(i);
    if (measures[i].squares) {
      const Int128 bounded = std::min(value, kSquareMax);
      sums.sum += sign * bounded;
      sums.squares += sign * bounded * bounded;
    } else {
      sums.sum += sign * static_cast<Int128>(value);
    }
  }
}

/// The table's windows that see the row count its value, unless they know it already.
void add_occurrence(Operation& operation, std::uint16_t table, const EventRow& row) {
  const WindowPlan& plan = operation.plan;
  const WindowPlan::Distinct& distinct = plan.distincts[table];
  const std::int64_t value = value_of(row, distinct.field);
  if (value == 0) return;
  const std::int64_t horizon = head_of(operation, distinct.lane) - distinct.length_ms;
  if (row.time_ms <= horizon) return;

  DistinctTable values(operation, table);
  const auto* known = values.find(value);
  const std::int64_t known_ms = known == nullptr ? kNoTime : known->time_ms;
  const bool newer = known == nullptr || known->time_ms < row.time_ms ||
                     (known->time_ms == row.time_ms && known->sequence < row.sequence);
  for (std::size_t i = 0; i < plan.distinct_counts.size(); ++i) {
    if (plan.distinct_counts[i].table != table) continue;
    const auto tail = tail_of(operation, plan.windows[plan.distinct_counts[i].window]);
    if (row.time_ms > tail && known_ms <= tail) operation.head.add_distinct(i, 1);
  }
  if (newer) values.put({value, row.time_ms, row.sequence});
}

/// The row has left a window: its value is gone from there, unless it came again since.
void drop_occurrence(Operation& operation, std::size_t window, const EventRow& row) {
  const WindowPlan& plan = operation.plan;
  for (std::size_t i = 0; i < plan.distinct_counts.size(); ++i) {
    if (plan.distinct_counts[i].window != window) continue;
    const std::uint16_t table = plan.distinct_counts[i].table;
    const std::int64_t value = value_of(row, plan.distincts[table].field);
    if (value == 0) continue;
    DistinctTable values(operation, table);
    const auto* last = values.find(value);
    if (last == nullptr || last->time_ms != row.time_ms || last->sequence != row.sequence) continue;
    operation.head.add_distinct(i, -1);
    // Windows of a lane are in order of length, so nobody needs it after the longest.
    if (plan.windows[window].length_ms == plan.distincts[table].length_ms) values.erase(value);
  }
}

void enter_lists(Operation& operation, std::size_t lane, const EventRow& row) {
  const WindowPlan& plan = operation.plan;
  for (std::size_t i = 0; i < plan.extremes.size(); ++i) {
    if (plan.extremes[i].lane != lane) continue;
    const std::int64_t horizon = head_of(operation, lane) - plan.extremes[i].length_ms;
    if (row.time_ms > horizon)
      ExtremesList(operation, static_cast<std::uint16_t>(i)).add(row, horizon);
  }
  for (std::size_t i = 0; i < plan.distincts.size(); ++i) {
    if (plan.distincts[i].lane == lane)
      add_occurrence(operation, static_cast<std::uint16_t>(i), row);
  }
  LaneHead& head = operation.head.lane(lane);
  if (plan.lanes[lane].needs_last && (head.has_last == 0 || before(head.last, row))) {
    head.has_last = 1;
    head.last = row;
  }
}

/// The lane's head passes the row, or the row lies behind it already.
void enter(Operation& operation, std::size_t lane, const EventRow& row) {
  if (!passes(row, operation.plan.lanes[lane].filter)) return;
  const auto& windows = operation.plan.windows;
  for (std::size_t i = 0; i < windows.size(); ++i) {
    if (windows[i].lane == lane && row.time_ms > tail_of(operation, windows[i])) {
      count(operation, i, row, +1);
    }
  }
  enter_lists(operation, lane, row);
}

/// Lists cannot forget an event in their middle: read again what the lane's windows see.
void recompute_lists(Operation& operation, std::size_t lane) {
  const WindowPlan& plan = operation.plan;
  for (std::size_t i = 0; i < plan.extremes.size(); ++i) {
    if (plan.extremes[i].lane == lane)
      ExtremesList(operation, static_cast<std::uint16_t>(i)).clear();
  }
  for (std::size_t i = 0; i < plan.distincts.size(); ++i) {
    if (plan.distincts[i].lane == lane)
      DistinctTable(operation, static_cast<std::uint16_t>(i)).clear();
  }
  for (std::size_t i = 0; i < plan.distinct_counts.size(); ++i) {
    if (plan.distincts[plan.distinct_counts[i].table].lane == lane) {
      operation.head.add_distinct(i, -operation.head.distinct_count(i));
    }
  }
  operation.head.lane(lane).has_last = 0;
  std::int64_t oldest = INT64_MAX;
  for (const auto& window : plan.windows) {
    if (window.lane == lane) oldest = std::min(oldest, tail_of(operation, window));
  }
  const std::int64_t newest = head_of(operation, lane);
  Finger at = first_after(operation, oldest);
  for (const EventRow* row = operation.peek(at); row != nullptr && row->time_ms <= newest;
       ++at.index, row = operation.peek(at)) {
    if (passes(*row, plan.lanes[lane].filter)) enter_lists(operation, lane, *row);
  }
}

/// The tables will be asked for the value of each row that is the next to leave.
void prefetch_leaving(Operation& operation, std::int64_t time_ms) {
  const WindowPlan& plan = operation.plan;
  for (const auto& counted : plan.distinct_counts) {
    const WindowPlan::Window& window = plan.windows[counted.window];
    const std::int64_t until = time_ms - plan.lanes[window.lane].delay_ms - window.length_ms;
    const EventRow* row = operation.peek(operation.head.window(counted.window).tail);
    if (row == nullptr || row->time_ms > until) continue;
    DistinctTable(operation, counted.table)
        .prefetch(value_of(*row, plan.distincts[counted.table].field));
  }
}

void prefetch_newest(Operation& operation, std::size_t count) {
  const HeadFixed& fixed = operation.head.fixed();
  const auto on_last = std::min<std::size_t>(operation.rows(fixed.last_page).size(), count);
  operation.prefetch({PageKind::kRows, 0, fixed.last_page}, 0, on_last * sizeof(EventRow));
  // Pages before it are full; the first of them that counts gives its end.
  std::size_t left = count - on_last;
  for (std::uint32_t page = fixed.last_page; left > 0 && page > fixed.first_page;) {
    const std::size_t here = std::min(left, kRowsPerPage);
    operation.prefetch({PageKind::kRows, 0, --page}, (kRowsPerPage - here) * sizeof(EventRow),
                       here * sizeof(EventRow));
    left -= here;
  }
}

}  // namespace

void prefetch(Operation& operation, const EventRow* row) {
  const WindowPlan& plan = operation.plan;
  const HeadFixed& fixed = operation.head.fixed();
  if (fixed.rows == 0) return;
  Finger last{fixed.last_page + 1, 0};
  for (std::size_t i = 0; i < plan.windows.size(); ++i) {
    const Finger tail = operation.head.window(i).tail;
    if (tail.page == last.page && tail.index == last.index) continue;
    operation.prefetch_row(tail);
    last = tail;
  }
  for (std::size_t i = 0; i < plan.extremes.size(); ++i) {
    ExtremesList(operation, static_cast<std::uint16_t>(i)).prefetch();
  }
  if (row == nullptr) return;
  if (plan.needs_ratio) prefetch_newest(operation, kRatioRows);
  for (std::size_t i = 0; i < plan.distincts.size(); ++i) {
    DistinctTable(operation, static_cast<std::uint16_t>(i))
        .prefetch(value_of(*row, plan.distincts[i].field));
  }
}

std::int64_t head_of(Operation& operation, std::size_t lane) {
  return operation.head.fixed().frontier_ms - operation.plan.lanes[lane].delay_ms;
}
std::int64_t tail_of(Operation& operation, const WindowPlan::Window& window) {
  return head_of(operation, window.lane) - window.length_ms;
}

void advance(Operation& operation, std::int64_t time_ms) {
  const WindowPlan& plan = operation.plan;
  HeadFixed& fixed = operation.head.fixed();
  if (time_ms <= fixed.frontier_ms) return;
  if (fixed.frontier_ms == kNoTime) {  // nothing was ever here
    fixed.frontier_ms = time_ms;
    return;
  }
  prefetch_leaving(operation, time_ms);
  // Heads first and with the old tails: every row that leaves a window has entered it before.
  for (std::size_t i = 0; i < plan.lanes.size(); ++i) {
    Finger& head = operation.head.lane(i).head;
    const std::int64_t until = time_ms - plan.lanes[i].delay_ms;
    for (const EventRow* row = operation.peek(head); row != nullptr && row->time_ms <= until;
         row = operation.peek(head)) {
      enter(operation, i, *row);
      ++head.index;
    }
  }
  for (std::size_t i = 0; i < plan.windows.size(); ++i) {
    const WindowPlan::Window& window = plan.windows[i];
    const WindowPlan::Lane& lane = plan.lanes[window.lane];
    Finger& tail = operation.head.window(i).tail;
    const std::int64_t until = time_ms - lane.delay_ms - window.length_ms;
    for (const EventRow* row = operation.peek(tail); row != nullptr && row->time_ms <= until;
         row = operation.peek(tail)) {
      if (passes(*row, lane.filter)) {
        count(operation, i, *row, -1);
        drop_occurrence(operation, i, *row);
      }
      ++tail.index;
    }
  }
  fixed.frontier_ms = time_ms;
}

void enter_passed_lanes(Operation& operation, const EventRow& row) {
  for (std::size_t i = 0; i < operation.plan.lanes.size(); ++i) {
    if (row.time_ms <= head_of(operation, i)) enter(operation, i, row);
  }
}

void relabel(Operation& operation, const EventRow& was, const EventRow& now) {
  const WindowPlan& plan = operation.plan;
  for (std::size_t lane = 0; lane < plan.lanes.size(); ++lane) {
    if (now.time_ms > head_of(operation, lane)) continue;
    const bool in_before = passes(was, plan.lanes[lane].filter);
    const bool in_after = passes(now, plan.lanes[lane].filter);
    if (!in_before && in_after) enter(operation, lane, now);
    if (!in_before) continue;
    for (std::size_t i = 0; i < plan.windows.size(); ++i) {
      if (plan.windows[i].lane != lane || now.time_ms <= tail_of(operation, plan.windows[i])) {
        continue;
      }
      count(operation, i, was, -1);
      if (in_after) count(operation, i, now, +1);
    }
    LaneHead& head = operation.head.lane(lane);
    if (!in_after) {
      recompute_lists(operation, lane);
    } else if (head.has_last != 0 && head.last.time_ms == now.time_ms &&
               head.last.sequence == now.sequence) {
      head.last = now;
    }
  }
}

void recompute(Operation& operation) {
  const WindowPlan& plan = operation.plan;
  for (std::size_t i = 0; i < plan.extremes.size(); ++i) {
    ExtremesList(operation, static_cast<std::uint16_t>(i)).clear();
  }
  for (std::size_t i = 0; i < plan.distincts.size(); ++i) {
    DistinctTable(operation, static_cast<std::uint16_t>(i)).clear();
  }
  operation.head.clear(plan);
  const std::uint32_t first = operation.head.fixed().first_page;
  each_finger(operation, [&](Finger& finger, std::int64_t) { finger = {first, 0}; });
  for (std::size_t i = 0; i < plan.lanes.size(); ++i) {
    Finger& head = operation.head.lane(i).head;
    const std::int64_t until = head_of(operation, i);
    for (const EventRow* row = operation.peek(head); row != nullptr && row->time_ms <= until;
         row = operation.peek(head)) {
      enter(operation, i, *row);
      ++head.index;
    }
  }
  for (std::size_t i = 0; i < plan.windows.size(); ++i) {
    Finger& tail = operation.head.window(i).tail;
    const std::int64_t until = tail_of(operation, plan.windows[i]);
    for (const EventRow* row = operation.peek(tail); row != nullptr && row->time_ms <= until;
         row = operation.peek(tail)) {
      ++tail.index;
    }
  }
}

}  // namespace weir::state
