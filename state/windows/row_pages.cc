#include "state/windows/row_pages.h"

#include <algorithm>

namespace weir::state {
namespace {

std::uint32_t last_page_starting_at_or_before(Operation& operation, std::int64_t time_ms) {
  const HeadFixed& fixed = operation.head.fixed();
  std::uint32_t low = fixed.first_page;
  std::uint32_t high = fixed.last_page;
  while (low < high) {
    const std::uint32_t middle = low + (high - low + 1) / 2;
    const auto rows = operation.rows(middle);
    if (!rows.empty() && rows.front().time_ms <= time_ms) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

std::size_t index_after(std::span<const EventRow> rows, std::int64_t time_ms) {
  return static_cast<std::size_t>(std::ranges::upper_bound(rows, time_ms, {}, kTimeOf) -
                                  rows.begin());
}

}  // namespace

namespace {

std::optional<Place> find_where(Operation& operation, std::int64_t time_ms, auto&& is_wanted) {
  const HeadFixed& fixed = operation.head.fixed();
  if (fixed.rows == 0) return std::nullopt;
  // Rows of one time may lie on several pages: from the last of them backwards.
  for (std::uint32_t page = last_page_starting_at_or_before(operation, time_ms);; --page) {
    const auto rows = operation.rows(page);
    for (std::size_t i = index_after(rows, time_ms); i > 0; --i) {
      const EventRow& row = rows[i - 1];
      if (row.time_ms != time_ms) return std::nullopt;
      if (is_wanted(row)) return Place{page, static_cast<std::uint32_t>(i - 1)};
    }
    if (page == fixed.first_page || !operation.status()) return std::nullopt;
  }
}

}  // namespace

Place insert_row(Operation& operation, const EventRow& row) {
  HeadFixed& fixed = operation.head.fixed();
  Place place;
  if (fixed.rows == 0) {
    fixed.last_page = fixed.first_page;
    place = {fixed.last_page, 0};
  } else if (row.time_ms >= fixed.newest_row_ms) {
    place = {fixed.last_page, static_cast<std::uint32_t>(operation.rows(fixed.last_page).size())};
  } else {
    place = first_after(operation, row.time_ms);
  }
  // Rows of one time are in order of arrival. Only what comes back from a log may belong before one
  // that is there.
  while (fixed.rows > 0) {
    if (place.index == 0) {
      if (place.page == fixed.first_page) break;
      --place.page;
      place.index = static_cast<std::uint32_t>(operation.rows(place.page).size());
    }
    const auto rows = operation.rows(place.page);
    if (place.index == 0 || rows.size() < place.index || before(rows[place.index - 1], row)) break;
    --place.index;
  }
  if (place.page == fixed.last_page && place.index >= kRowsPerPage &&
      place.index == operation.rows(place.page).size()) {
    place = {++fixed.last_page, 0};
  }
  insert_element(operation.write_rows(place.page), place.index, row);
  ++fixed.rows;
  if (row.time_ms > fixed.newest_row_ms) fixed.newest_row_ms = row.time_ms;  // packed: no std::max
  if (place.page == fixed.first_page) {
    const auto rows = operation.rows(place.page);
    if (!rows.empty()) fixed.first_page_newest_ms = rows.back().time_ms;  // empty: it failed
  }

  each_finger(operation, [&](Finger& finger, std::int64_t passed_ms) {
    if (row.time_ms <= passed_ms) {
      // Everything before the row has been passed, so a finger on an earlier page stands at its
      // end.
      if (finger.page < place.page) finger = place;
      if (finger.page == place.page && finger.index >= place.index) ++finger.index;
    } else if (finger.page > place.page ||
               (finger.page == place.page && finger.index > place.index)) {
      finger = place;
    }
  });
  return place;
}

std::optional<Place> find_row(Operation& operation, std::int64_t time_ms,
                              std::uint64_t transaction) {
  return find_where(operation, time_ms,
                    [&](const EventRow& row) { return row.transaction == transaction; });
}

std::optional<Place> find_event(Operation& operation, const EventRow& event) {
  return find_where(operation, event.time_ms, [&](const EventRow& row) {
    return row.transaction == event.transaction && row.user == event.user;
  });
}

std::optional<Place> find_sequence(Operation& operation, std::int64_t time_ms,
                                   std::uint32_t sequence) {
  return find_where(operation, time_ms,
                    [&](const EventRow& row) { return row.sequence == sequence; });
}

Place first_after(Operation& operation, std::int64_t time_ms) {
  const HeadFixed& fixed = operation.head.fixed();
  if (fixed.rows == 0) return {fixed.first_page, 0};
  if (time_ms >= fixed.newest_row_ms) {  // every payment in order: no search through old pages
    return {fixed.last_page, static_cast<std::uint32_t>(operation.rows(fixed.last_page).size())};
  }
  const std::uint32_t page = last_page_starting_at_or_before(operation, time_ms);
  return {page, static_cast<std::uint32_t>(index_after(operation.rows(page), time_ms))};
}

void amounts_before(Operation& operation, Place place, std::size_t count,
                    std::vector<std::int64_t>& amounts) {
  amounts.clear();
  const HeadFixed& fixed = operation.head.fixed();
  if (fixed.rows == 0) return;
  std::uint32_t page = place.page;
  std::size_t index = place.index;
  while (operation.status()) {
    const auto rows = operation.rows(page);
    for (; index > 0 && amounts.size() < count; --index)
      amounts.push_back(std::int64_t{rows[index - 1].amount});
    if (amounts.size() == count || page == fixed.first_page) return;
    index = operation.rows(--page).size();
  }
}

namespace {

/// Without the first page, are there still `rows_min` rows before any event that may yet come?
bool may_drop_first_page(Operation& operation) {
  const WindowPlan& plan = operation.plan;
  if (plan.rows_min == 0) return true;
  const HeadFixed& fixed = operation.head.fixed();
  const Place end = first_after(operation, fixed.frontier_ms - plan.lateness_ms);
  std::size_t left = end.page > fixed.first_page ? end.index : 0;
  for (std::uint32_t page = end.page; left < plan.rows_min && page > fixed.first_page + 1;) {
    left += operation.rows(--page).size();
  }
  return left >= plan.rows_min;
}

}  // namespace

void drop_old_pages(Operation& operation, std::int64_t horizon_ms) {
  HeadFixed& fixed = operation.head.fixed();
  bool dropped = false;
  while (operation.status() && fixed.rows > 0 && fixed.first_page < fixed.last_page &&
         fixed.first_page_newest_ms <= horizon_ms) {
    const auto rows = operation.rows(fixed.first_page);
    const auto size = static_cast<std::uint32_t>(rows.size());
    if (!may_drop_first_page(operation)) break;
    operation.dropped.insert(operation.dropped.end(), rows.begin(), rows.end());
    operation.erase({PageKind::kRows, 0, fixed.first_page});
    fixed.rows -= size;
    ++fixed.first_page;
    const auto next = operation.rows(fixed.first_page);
    fixed.first_page_newest_ms = next.empty() ? kNoTime : next.back().time_ms;
    dropped = true;
  }
  if (!dropped) return;
  each_finger(operation, [&](Finger& finger, std::int64_t) {
    if (finger.page < fixed.first_page) finger = {fixed.first_page, 0};
  });
}

}  // namespace weir::state
