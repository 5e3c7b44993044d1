#include "state/windows/entity_windows.h"

#include <algorithm>
#include <string>

#include "state/windows/aggregates.h"
#include "state/windows/operation.h"
#include "state/windows/row_pages.h"
#include "state/windows/window_values.h"

namespace weir::state {
namespace {

constexpr PageId kHeadPage{PageKind::kHead, 0, 0};
constexpr PageId kLabelledPage{PageKind::kLabelled, 0, 0};
constexpr PageId kWaitingPage{PageKind::kOrphan, 0, 0};

#pragma pack(push, 1)
struct WaitingLabel {
  std::uint64_t transaction = 0;
  std::int64_t event_time_ms = 0;
  std::int64_t label_time_ms = 0;
  std::uint64_t label_id = 0;
  std::uint32_t revision = 0;
  Label label = Label::kUnknown;
};
#pragma pack(pop)

WaitingLabel waiting_of(const LabelOpinion& opinion) {
  return {opinion.transaction,   opinion.event_time_ms,
          opinion.label_time_ms, opinion.label_id,
          opinion.revision,      opinion.fraud ? Label::kFraud : Label::kGenuine};
}

WaitingLabel opinion_in(const EventRow& row) {
  return {row.transaction, row.time_ms,        row.label_time_ms,
          row.label_id,    row.label_revision, row.label};
}

/// What becomes of `said` where `stands` is the opinion so far.
LabelOutcome compare(const WaitingLabel& said, const WaitingLabel& stands) {
  if (stands.label == Label::kUnknown) return LabelOutcome::kApplied;
  if (said.label_id == stands.label_id) {
    return said.revision > stands.revision ? LabelOutcome::kApplied : LabelOutcome::kRepeated;
  }
  const bool later = said.label_time_ms != stands.label_time_ms
                         ? said.label_time_ms > stands.label_time_ms
                         : said.label_id > stands.label_id;
  return later ? LabelOutcome::kApplied : LabelOutcome::kOutdated;
}

/// Whether an opinion is one at all, and counts before the other.
bool outranks(const WaitingLabel& said, const WaitingLabel& stands) {
  return said.label != Label::kUnknown && compare(said, stands) == LabelOutcome::kApplied;
}

/// Puts the row among the newest labelled events: in order, each once. What gives way and is in no
/// page any more is dropped for good.
void note_labelled(Operation& operation, const EventRow& row) {
  if (!operation.plan.needs_labelled) return;
  std::string& page = operation.write(kLabelledPage);
  const auto rows = elements<EventRow>(&page);
  const auto place = std::ranges::lower_bound(rows, row, before);
  auto at = static_cast<std::size_t>(place - rows.begin());
  if (place != rows.end() && place->sequence == row.sequence) {
    erase_elements<EventRow>(page, at, at + 1);
  } else if (rows.size() == kLabelledRowsMax) {
    if (at == 0) return;  // older than all of them
    const EventRow oldest = rows.front();
    erase_elements<EventRow>(page, 0, 1);
    --at;
    if (!find_sequence(operation, oldest.time_ms, oldest.sequence)) {
      operation.dropped.push_back(oldest);
    }
  }
  insert_element(page, at, row);
}

bool is_noted(Operation& operation, const EventRow& row) {
  if (!operation.plan.needs_labelled) return false;
  const auto rows = elements<EventRow>(operation.read(kLabelledPage));
  const auto place = std::ranges::lower_bound(rows, row, before);
  return place != rows.end() && place->sequence == row.sequence;
}

/// Erases the pages of all lists and tables of the declarations that `head` was written for.
void clear_lists(Operation& operation, const HeadFixed& fixed, const std::string& head) {
  for (std::uint16_t i = 0; i < fixed.extremes; ++i) {
    operation.erase({PageKind::kExtremes, i, 0});
  }
  const std::span tables(reinterpret_cast<const TableHead*>(head.data() + sizeof(HeadFixed)),
                         (head.size() - sizeof(HeadFixed)) / sizeof(TableHead));
  for (std::uint16_t i = 0; i < std::min<std::size_t>(fixed.tables, tables.size()); ++i) {
    if (tables[i].level > 30) return operation.fail("state: damaged windows: the size of a table");
    const std::uint32_t buckets = (1U << tables[i].level) + tables[i].split;
    for (std::uint32_t bucket = 0; bucket < buckets; ++bucket) {
      operation.erase({PageKind::kDistinct, i, bucket});
    }
  }
}

/// Makes the operation's head ready. A new entity gets one; one of other declarations is computed
/// again from the rows.
void open_head(Operation& operation) {
  const WindowPlan& plan = operation.plan;
  std::string& bytes = operation.write(kHeadPage);
  const std::size_t size = HeadPage::bytes(plan);
  operation.prefetch(kHeadPage, 0, size);
  if (bytes.empty()) {
    bytes.assign(size, '\0');
    operation.head = HeadPage(plan, bytes.data());
    operation.head.fixed() = {};
    operation.head.fixed().plan_digest = plan.digest;
    operation.head.clear(plan);
    return;
  }
  HeadFixed fixed;
  if (bytes.size() < sizeof fixed || static_cast<std::uint8_t>(bytes.front()) != kHeadVersion) {
    operation.fail(
        "state: damaged windows: a head page of another version or length; the store is "
        "rebuilt from the changelog");
    bytes.assign(size, '\0');
  }
  std::copy_n(bytes.data(), sizeof fixed, reinterpret_cast<char*>(&fixed));
  const bool changed = fixed.plan_digest != plan.digest || bytes.size() != size;
  if (changed) {
    clear_lists(operation, fixed, bytes);
    bytes.resize(size);
  }
  operation.head = HeadPage(plan, bytes.data());
  if (!changed) return;
  operation.head.clear(plan);
  operation.head.fixed().plan_digest = plan.digest;
  recompute(operation);
  if (plan.needs_labelled && operation.read(kLabelledPage) == nullptr) {
    Finger at{fixed.first_page, 0};
    for (const EventRow* row = operation.peek(at); row != nullptr; row = operation.peek(at)) {
      if (row->label != Label::kUnknown) note_labelled(operation, *row);
      ++at.index;
    }
  }
}

std::int64_t horizon_of(Operation& operation) {
  return operation.head.fixed().frontier_ms - operation.plan.span_ms;
}

/// What stays known of an entity when its rows are gone.
void note_facts(Operation& operation, const EventRow& row) {
  HeadFixed& fixed = operation.head.fixed();
  if (fixed.first_user == 0) fixed.first_user = row.user;
  if (row.user != fixed.first_user) fixed.linked = 1;
  if (row.label == Label::kFraud) fixed.fraud = 1;
}

/// Gives the row at `place` another label; the windows follow.
EventRow set_label(Operation& operation, Place place, const WaitingLabel& said) {
  std::string& page = operation.write_rows(place.page);
  if (!operation.status()) return {};
  auto* row = reinterpret_cast<EventRow*>(page.data()) + place.index;
  const EventRow was = *row;
  row->label = said.label;
  row->label_time_ms = said.label_time_ms;
  row->label_id = said.label_id;
  row->label_revision = said.revision;
  const EventRow now = *row;
  relabel(operation, was, now);
  note_labelled(operation, now);
  note_facts(operation, now);
  return now;
}

/// The label that waited for this payment, if one did; it waits no longer.
std::optional<WaitingLabel> take_waiting(Operation& operation, const EventRow& row) {
  HeadFixed& fixed = operation.head.fixed();
  if (fixed.waiting_labels == 0) return std::nullopt;
  std::string& page = operation.write(kWaitingPage);
  const auto labels = elements<WaitingLabel>(&page);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i].transaction != row.transaction || labels[i].event_time_ms != row.time_ms)
      continue;
    const WaitingLabel found = labels[i];
    erase_elements<WaitingLabel>(page, i, i + 1);
    --fixed.waiting_labels;
    return found;
  }
  return std::nullopt;
}

LabelOutcome keep_waiting(Operation& operation, const WaitingLabel& said) {
  HeadFixed& fixed = operation.head.fixed();
  std::string& page = operation.write(kWaitingPage);
  const auto is_same = [&](const WaitingLabel& label) {
    return label.transaction == said.transaction && label.event_time_ms == said.event_time_ms;
  };
  auto labels = elements<WaitingLabel>(&page);
  if (const auto same = std::ranges::find_if(labels, is_same); same != labels.end()) {
    const auto outcome = compare(said, *same);
    if (outcome != LabelOutcome::kApplied) return outcome;
  }
  const std::int64_t horizon = horizon_of(operation);
  for (std::size_t i = labels.size(); i-- > 0;) {
    if (!is_same(labels[i]) && labels[i].event_time_ms > horizon) continue;
    erase_elements<WaitingLabel>(page, i, i + 1);
    labels = elements<WaitingLabel>(&page);
  }
  const bool crowding = labels.size() >= kWaitingLabelsMax;
  if (crowding) {
    const auto oldest = std::ranges::min_element(
        labels, {}, [](const auto& label) { return std::int64_t{label.event_time_ms}; });
    const auto at = static_cast<std::size_t>(oldest - labels.begin());
    erase_elements<WaitingLabel>(page, at, at + 1);
  }
  insert_element(page, page.size() / sizeof(WaitingLabel), said);
  fixed.waiting_labels = static_cast<std::uint32_t>(page.size() / sizeof(WaitingLabel));
  return crowding ? LabelOutcome::kCrowding : LabelOutcome::kWaiting;
}

}  // namespace

struct EntityWindows::Impl {
  /// What every operation that may have moved time ends with.
  void finish(Operation& operation, std::string_view entity) {
    const std::size_t evicted = operation.dropped.size();  // from the labelled list: gone for good
    drop_old_pages(operation, horizon_of(operation));
    if (journal == nullptr) return;
    for (std::size_t i = 0; i < operation.dropped.size(); ++i) {
      const EventRow& row = operation.dropped[i];
      if (i < evicted || !is_noted(operation, row)) journal->row_dropped(entity, row.sequence);
    }
  }

  const WindowPlan& plan;
  PageStore& pages;
  WindowJournal* journal;
};

EntityWindows::EntityWindows(const WindowPlan& plan, PageStore& pages, WindowJournal* journal)
    : impl_(std::make_unique<Impl>(Impl{plan, pages, journal})) {}
EntityWindows::~EntityWindows() = default;

Result<EventRow> EntityWindows::add(std::string_view entity, EventRow row,
                                    std::span<double> values) {
  Operation operation(impl_->plan, impl_->pages, entity);
  open_head(operation);
  if (!operation.status()) return operation.status().error();
  prefetch(operation, &row);
  HeadFixed& fixed = operation.head.fixed();
  row.sequence = fixed.next_sequence++;
  const bool in_order = row.time_ms >= fixed.frontier_ms;
  if (in_order) advance(operation, row.time_ms);
  if (impl_->plan.needs_ratio) {
    row.ratio_milli = ratio_before(operation, first_after(operation, row.time_ms), row.amount);
  }
  if (!values.empty()) {
    if (in_order) {
      write_values_before(operation, values);
    } else {
      write_values_by_scan(operation, row, values);
    }
  }
  if (row.time_ms > horizon_of(operation)) {
    const Place place = insert_row(operation, row);
    enter_passed_lanes(operation, row);
    note_facts(operation, row);
    if (!values.empty() && in_order) write_window_values(operation, values);
    // Not before: a payment's own values never know its label.
    if (const auto said = take_waiting(operation, row)) {
      row = set_label(operation, place, *said);
      if (impl_->journal != nullptr) impl_->journal->label_taken(entity, row.transaction);
    }
    if (impl_->journal != nullptr) impl_->journal->row_put(entity, row);
  }
  impl_->finish(operation, entity);
  if (!operation.status()) return operation.status().error();
  return row;
}

Result<bool> EntityWindows::evaluate(std::string_view entity, std::int64_t time_ms,
                                     std::span<double> values) {
  Operation operation(impl_->plan, impl_->pages, entity);
  if (operation.read(kHeadPage) == nullptr) {
    write_empty_values(impl_->plan, values);
    if (!operation.status()) return operation.status().error();
    return false;
  }
  open_head(operation);
  if (!operation.status()) return operation.status().error();
  prefetch(operation, nullptr);
  advance(operation, time_ms);
  write_values_before(operation, values);
  write_window_values(operation, values);
  impl_->finish(operation, entity);
  if (!operation.status()) return operation.status().error();
  return true;
}

Result<LabelOutcome> EntityWindows::label(std::string_view entity, const LabelOpinion& opinion) {
  Operation operation(impl_->plan, impl_->pages, entity);
  open_head(operation);
  if (!operation.status()) return operation.status().error();
  const WaitingLabel said = waiting_of(opinion);
  LabelOutcome outcome{};
  // First: whether an old page is still there must not decide.
  if (opinion.event_time_ms <= horizon_of(operation)) {
    outcome = LabelOutcome::kExpired;
  } else if (const auto place = find_row(operation, opinion.event_time_ms, opinion.transaction)) {
    const EventRow row = operation.rows(place->page)[place->index];
    outcome = compare(said, opinion_in(row));
    if (outcome == LabelOutcome::kApplied) {
      const EventRow now = set_label(operation, *place, said);
      if (impl_->journal != nullptr) impl_->journal->row_put(entity, now);
    }
  } else {
    outcome = keep_waiting(operation, said);
    if (outcome == LabelOutcome::kWaiting && impl_->journal != nullptr) {
      impl_->journal->label_waits(entity, opinion);
    }
  }
  impl_->finish(operation, entity);
  if (!operation.status()) return operation.status().error();
  return outcome;
}

Status EntityWindows::put(std::string_view entity, const EventRow& row) {
  Operation operation(impl_->plan, impl_->pages, entity);
  open_head(operation);
  if (!operation.status()) return operation.status();
  HeadFixed& fixed = operation.head.fixed();
  EventRow now = row;
  if (row.sequence >= fixed.next_sequence) fixed.next_sequence = row.sequence + 1;
  advance(operation, row.time_ms);
  if (const auto place = find_sequence(operation, row.time_ms, row.sequence)) {
    std::string& page = operation.write_rows(place->page);
    if (!operation.status()) return operation.status();
    EventRow* stored = reinterpret_cast<EventRow*>(page.data()) + place->index;
    const EventRow was = *stored;
    // Of two opinions the one that counts, whichever was put last: two writers may take turns.
    if (outranks(opinion_in(was), opinion_in(row))) now = was;
    *stored = now;
    relabel(operation, was, now);
  } else if (row.time_ms > horizon_of(operation) || impl_->plan.rows_min > 0) {
    // Medians read rows behind every window; what proves to be too old for them goes again below.
    insert_row(operation, row);
    enter_passed_lanes(operation, row);
  }
  note_facts(operation, now);
  const auto said = take_waiting(operation, row);
  const auto place = said ? find_row(operation, row.time_ms, row.transaction) : std::nullopt;
  if (place && outranks(*said, opinion_in(now))) {
    set_label(operation, *place, *said);
  } else if (now.label != Label::kUnknown) {
    note_labelled(operation, now);
  }
  drop_old_pages(operation, horizon_of(operation));
  return operation.status();
}

Status EntityWindows::put_waiting(std::string_view entity, const LabelOpinion& opinion) {
  Operation operation(impl_->plan, impl_->pages, entity);
  open_head(operation);
  if (!operation.status()) return operation.status();
  const WaitingLabel said = waiting_of(opinion);
  const auto place = find_row(operation, opinion.event_time_ms, opinion.transaction);
  if (!place) {
    keep_waiting(operation, said);
    return operation.status();
  }
  // The store is ahead of this record, and the payment has taken it; or of two writers only one
  // knew the payment.
  const EventRow row = operation.rows(place->page)[place->index];
  if (outranks(said, opinion_in(row))) set_label(operation, *place, said);
  return operation.status();
}

Result<std::optional<EntityFacts>> EntityWindows::facts(std::string_view entity) {
  Operation operation(impl_->plan, impl_->pages, entity);
  const std::string* head = operation.read(kHeadPage);
  if (!operation.status()) return operation.status().error();
  if (head == nullptr) return std::optional<EntityFacts>();
  HeadFixed fixed;
  if (head->size() < sizeof fixed) return fatal("state: damaged windows: a head page cut short");
  std::copy_n(head->data(), sizeof fixed, reinterpret_cast<char*>(&fixed));
  if (fixed.frontier_ms == kNoTime) return std::optional<EntityFacts>();  // only labels that wait
  return std::optional(EntityFacts{fixed.frontier_ms, fixed.linked != 0, fixed.fraud != 0});
}

Result<bool> EntityWindows::contains(std::string_view entity, const EventRow& row) {
  Operation operation(impl_->plan, impl_->pages, entity);
  if (operation.read(kHeadPage) == nullptr) {
    if (!operation.status()) return operation.status().error();
    return false;
  }
  open_head(operation);
  if (!operation.status()) return operation.status().error();
  const bool found = find_event(operation, row).has_value();
  if (!operation.status()) return operation.status().error();
  return found;
}

Status EntityWindows::rows(std::string_view entity,
                           const std::function<void(const EventRow&)>& sink) {
  Operation operation(impl_->plan, impl_->pages, entity);
  const std::string* head = operation.read(kHeadPage);
  if (head == nullptr) return operation.status();
  // Looking changes nothing: no finger is moved that anybody keeps.
  std::string bytes(*head);
  bytes.resize(std::max(bytes.size(), HeadPage::bytes(impl_->plan)));
  operation.head = HeadPage(impl_->plan, bytes.data());
  const HeadFixed& fixed = operation.head.fixed();
  // Pages are given back as a whole: of the oldest, only what still counts.
  std::size_t left = fixed.rows;
  Finger at{fixed.first_page, 0};
  for (const EventRow* row = operation.peek(at); row != nullptr; row = operation.peek(at)) {
    if (row->time_ms > horizon_of(operation)) {
      sink(*row);
    } else if (left <= impl_->plan.rows_min) {
      EventRow known = *row;  // to medians, and those read no label
      known.label = Label::kUnknown;
      known.label_time_ms = 0;
      known.label_id = 0;
      known.label_revision = 0;
      sink(known);
    }
    --left;
    ++at.index;
  }
  return operation.status();
}

Result<std::size_t> EntityWindows::labelled_rows(std::string_view entity,
                                                 std::span<EventRow> rows) {
  Operation operation(impl_->plan, impl_->pages, entity);
  const auto known = elements<EventRow>(operation.read(kLabelledPage));
  const std::size_t count = std::min(rows.size(), known.size());
  for (std::size_t i = 0; i < count; ++i) rows[i] = known[known.size() - 1 - i];
  if (!operation.status()) return operation.status().error();
  return count;
}

Status EntityWindows::rebuild(std::string_view entity) {
  Operation operation(impl_->plan, impl_->pages, entity);
  if (operation.read(kHeadPage) == nullptr) return operation.status();
  open_head(operation);
  if (!operation.status()) return operation.status();
  recompute(operation);
  return operation.status();
}

}  // namespace weir::state
