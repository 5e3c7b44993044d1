#include "state/windows/entity_windows.h"

#include <algorithm>
#include <string>

#include "state/windows/aggregates.h"
#include "state/windows/operation.h"
#include "state/windows/row_pages.h"
#include "state/windows/window_values.h"

namespace weir::state {
namespace {

/// Labels that came before their payment, kept for one entity; the oldest events go first.
constexpr std::size_t kWaitingMax = 256;
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

/// What becomes of `said` where `label`, `time_ms`, `id` and `revision` stand.
LabelOutcome compare(const WaitingLabel& said, Label label, std::int64_t time_ms, std::uint64_t id,
                     std::uint32_t revision) {
  if (label == Label::kUnknown) return LabelOutcome::kApplied;
  if (said.label_id == id) {
    return said.revision > revision ? LabelOutcome::kApplied : LabelOutcome::kRepeated;
  }
  const bool later =
      said.label_time_ms != time_ms ? said.label_time_ms > time_ms : said.label_id > id;
  return later ? LabelOutcome::kApplied : LabelOutcome::kOutdated;
}

/// Makes the operation's head ready. A new entity gets one; one of other declarations is computed
/// again from the rows.
void open_head(Operation& operation);

/// The newest labelled events: in order, each once.
void note_labelled(Operation& operation, const EventRow& row) {
  if (!operation.plan.needs_labelled) return;
  std::string& page = operation.write(kLabelledPage);
  auto rows = elements<EventRow>(&page);
  const auto place = std::ranges::lower_bound(rows, row, before);
  const auto at = static_cast<std::size_t>(place - rows.begin());
  const bool known = place != rows.end() && place->sequence == row.sequence;
  if (known) erase_elements<EventRow>(page, at, at + 1);
  if (!known && rows.size() == kLabelledRowsMax) {
    if (at == 0) return;  // older than all of them
    erase_elements<EventRow>(page, 0, 1);
    insert_element(page, at - 1, row);
    return;
  }
  insert_element(page, at, row);
}

void open_head(Operation& operation) {
  const WindowPlan& plan = operation.plan;
  std::string& bytes = operation.write(kHeadPage);
  const std::size_t size = HeadPage::bytes(plan);
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
  if (changed) bytes.resize(size);
  operation.head = HeadPage(plan, bytes.data());
  if (!changed) return;
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

/// Gives the row at `place` another label; the windows follow.
EventRow set_label(Operation& operation, Place place, const WaitingLabel& said) {
  std::string& page = operation.write_rows(place.page);
  auto* row = reinterpret_cast<EventRow*>(page.data()) + place.index;
  const EventRow was = *row;
  row->label = said.label;
  row->label_time_ms = said.label_time_ms;
  row->label_id = said.label_id;
  row->label_revision = said.revision;
  const EventRow now = *row;
  relabel(operation, was, now);
  note_labelled(operation, now);
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
  const std::int64_t horizon = horizon_of(operation);
  auto labels = elements<WaitingLabel>(&page);
  for (std::size_t i = labels.size(); i-- > 0;) {
    const WaitingLabel& label = labels[i];
    const bool same =
        label.transaction == said.transaction && label.event_time_ms == said.event_time_ms;
    if (same) {
      const auto outcome =
          compare(said, label.label, label.label_time_ms, label.label_id, label.revision);
      if (outcome != LabelOutcome::kApplied) return outcome;
    }
    if (same || label.event_time_ms <= horizon) erase_elements<WaitingLabel>(page, i, i + 1);
    labels = elements<WaitingLabel>(&page);
  }
  if (labels.size() >= kWaitingMax) {
    const auto oldest = std::ranges::min_element(labels, {}, &WaitingLabel::event_time_ms);
    const auto at = static_cast<std::size_t>(oldest - labels.begin());
    erase_elements<WaitingLabel>(page, at, at + 1);
  }
  insert_element(page, page.size() / sizeof(WaitingLabel), said);
  fixed.waiting_labels = static_cast<std::uint32_t>(page.size() / sizeof(WaitingLabel));
  return LabelOutcome::kWaiting;
}

}  // namespace

struct EntityWindows::Impl {
  const WindowPlan& plan;
  PageStore& pages;
};

EntityWindows::EntityWindows(const WindowPlan& plan, PageStore& pages)
    : impl_(std::make_unique<Impl>(Impl{plan, pages})) {}
EntityWindows::~EntityWindows() = default;

Result<EventRow> EntityWindows::add(std::string_view entity, EventRow row,
                                    std::span<double> values) {
  Operation operation(impl_->plan, impl_->pages, entity);
  open_head(operation);
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
    if (!values.empty() && in_order) write_window_values(operation, values);
    // Not before: a payment's own values never know its label.
    if (const auto said = take_waiting(operation, row)) row = set_label(operation, place, *said);
  }
  drop_old_pages(operation, horizon_of(operation));
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
  advance(operation, time_ms);
  write_values_before(operation, values);
  write_window_values(operation, values);
  drop_old_pages(operation, horizon_of(operation));
  if (!operation.status()) return operation.status().error();
  return true;
}

Result<LabelOutcome> EntityWindows::label(std::string_view entity, const LabelOpinion& opinion) {
  Operation operation(impl_->plan, impl_->pages, entity);
  open_head(operation);
  const WaitingLabel said = waiting_of(opinion);
  LabelOutcome outcome{};
  if (const auto place = find_row(operation, opinion.event_time_ms, opinion.transaction)) {
    const EventRow row = operation.rows(place->page)[place->index];
    outcome = compare(said, row.label, row.label_time_ms, row.label_id, row.label_revision);
    if (outcome == LabelOutcome::kApplied) set_label(operation, *place, said);
  } else if (opinion.event_time_ms <= horizon_of(operation)) {
    outcome = LabelOutcome::kExpired;
  } else {
    outcome = keep_waiting(operation, said);
  }
  if (!operation.status()) return operation.status().error();
  return outcome;
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
  recompute(operation);
  return operation.status();
}

}  // namespace weir::state
