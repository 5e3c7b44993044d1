#pragma once
// The window engine: exact sliding windows over the events of one kind of entity.
//
// Windows are true windows ending at the payment's own event time: (t - delay - length, t - delay].
// An entity's events lie in pages, in order of (event time, arrival). Each window has a finger on
// the first event behind its head and one on the first event behind its tail; when time moves on,
// the fingers pass events one by one and exact running aggregates (integers) follow. So the cost of
// an event depends neither on the length of a window nor on how many events it holds: an event
// enters and leaves each window once. Railgun (Gomes et al., VLDB 2021) has the idea of chunks with
// head and tail positions.
//
// Frontier: the newest event time of the entity. An event older than it is out of order: it takes
// its place, every window it lies in counts it, and its own values are read by a scan. Behind the
// plan's lateness those, and its ratio, are over the rows still kept: what is older than the span
// may be gone. What is said to a payment is never changed afterwards.
//
// Everything kept can be computed again from the rows (rebuild): after a change of the
// declarations, and where a label takes an event out of a list of extremes or of last occurrences.
//
// Threads: none of its own; one worker uses it. Values depend on the entity's operations alone.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "pipeline/core/error.h"
#include "state/windows/event_row.h"
#include "state/windows/page_store.h"
#include "state/windows/window_plan.h"

namespace weir::state {

/// An opinion about a payment. Of several the one with the latest label_time counts (ties: the
/// larger label id); a higher revision of one label_id replaces the lower whatever its time.
struct LabelOpinion {
  std::uint64_t transaction = 0;
  std::int64_t event_time_ms = 0;
  bool fraud = false;
  std::int64_t label_time_ms = 0;
  std::uint64_t label_id = 0;
  std::uint32_t revision = 0;
};

/// Labels that came before their payment, kept for one entity; the oldest events go first.
inline constexpr std::size_t kWaitingLabelsMax = 1'024;

enum class LabelOutcome : std::uint8_t {
  kApplied,   // it counts now
  kRepeated,  // seen before: nothing changes
  kOutdated,  // a later opinion counts
  kWaiting,   // its payment has not come: kept, and applied when it does
  kCrowding,  // the same, in place of the oldest that waited: there were kWaitingLabelsMax
  kExpired,   // its payment is older than anything a window still sees
};

/// What stays known of an entity whatever its windows hold.
struct EntityFacts {
  std::int64_t frontier_ms = 0;  // newest time of any event or evaluation
  bool linked = false;           // events of two users or more were seen
  bool fraud = false;            // an event was labelled as fraud once
};

/// Told what changes, row by row: what a log must hold to give the windows back (see put()).
class WindowJournal {
 public:
  virtual ~WindowJournal() = default;
  /// The row is new, or its label is.
  virtual void row_put(std::string_view entity, const EventRow& row) = 0;
  /// No window or list sees the row any more.
  virtual void row_dropped(std::string_view entity, std::uint32_t sequence) = 0;
  /// A label waits for its payment, or waits no longer.
  virtual void label_waits(std::string_view entity, const LabelOpinion& opinion) = 0;
  virtual void label_taken(std::string_view entity, std::uint64_t transaction) = 0;
};

class EntityWindows {
 public:
  /// All must outlive this; `journal` may be null.
  EntityWindows(const WindowPlan& plan, PageStore& pages, WindowJournal* journal = nullptr);
  ~EntityWindows();

  /// Adds an event and writes plan.size() values as of its own place, itself included (last,
  /// time_since and median: the events before it). `values` may be empty: nothing is computed.
  /// Returns the row as kept: with sequence, ratio and a label that waited for it.
  Result<EventRow> add(std::string_view entity, EventRow row, std::span<double> values);

  /// Values as of `time_ms`, without a new event; an older time than the frontier counts as the
  /// frontier. False: the entity is unknown, `values` are those of no events.
  Result<bool> evaluate(std::string_view entity, std::int64_t time_ms, std::span<double> values);

  Result<LabelOutcome> label(std::string_view entity, const LabelOpinion& opinion);

  /// Gives back what the journal was told: the row as it is, wherever it belongs. Putting a row
  /// again changes nothing, and of the versions of one row the last one put stays; so a log may be
  /// read from any point before the end of what is known. Tells no journal.
  Status put(std::string_view entity, const EventRow& row);
  Status put_waiting(std::string_view entity, const LabelOpinion& opinion);

  /// nullopt: no event of the entity was ever seen.
  Result<std::optional<EntityFacts>> facts(std::string_view entity);
  /// Whether this event - same transaction, user and time - is kept: for who may be told twice.
  Result<bool> contains(std::string_view entity, const EventRow& row);

  /// Every row kept, oldest first: tools and tests. Rows that only medians still see come without
  /// label: whether one came in time says nothing about any value.
  Status rows(std::string_view entity, const std::function<void(const EventRow&)>& sink);

  /// The entity's newest labelled events, newest first, at most `rows.size()`; returns how many.
  Result<std::size_t> labelled_rows(std::string_view entity, std::span<EventRow> rows);

  /// Computes everything but the rows again; for tests, and used inside.
  Status rebuild(std::string_view entity);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weir::state
