#pragma once
// What the window engine has to say, computed the slow way: a list of events per entity, and for
// each question a walk over the part of the list that the window covers. Written from the contract
// in state/windows/*.h alone; it has its own reading of fields, filters and functions and takes
// nothing from the engine but the structs.
//
// What the contract leaves open is decided here:
//   - The frontier also moves with evaluate().
//   - An event at or before frontier - span is not kept, and a label for such an event is not
//     applied. Span: the longest delay + window, or 90 days where run functions are declared,
//     plus the lateness.
//   - Values are only promised to events within the lateness (Moment::exact).
//   - The ratio of an event behind the lateness is promised where all the rows that it reads are
//     younger than the span (Moment::ratio_promised). Else it is over the rows still kept, and
//     which of the older ones are is the engine's affair: told by believe(). That every window
//     counts the event with the ratio it was given is promised to all.
//   - Of one label id only the revision that counts on the payment is remembered: an opinion is
//     compared with the one that counts and with nothing else.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "state/windows/declaration.h"
#include "state/windows/entity_windows.h"
#include "state/windows/event_row.h"

namespace weir::state {

class WindowsOracle {
 public:
  using Place = std::pair<std::int64_t, std::uint32_t>;  // event time, arrival

  struct Entity {
    std::vector<EventRow> rows;  // in order of Place
    std::set<Place> labelled;
    std::unordered_map<std::uint64_t, LabelOpinion> waiting;  // by transaction
    std::optional<std::int64_t> frontier_ms;
    std::uint32_t next_sequence = 0;
  };

  /// A point of view: an entity at a time, perhaps that of a payment which has just arrived.
  struct Moment {
    Entity* entity = nullptr;
    std::int64_t time_ms = 0;
    std::optional<EventRow> own;
    bool exact = true;           // false: too late for exact values
    bool ratio_promised = true;  // false: its ratio may be over fewer rows
    bool kept = true;            // false: too late to matter to anybody
  };

  WindowsOracle(EntityKind kind, std::vector<FeatureDeclaration> declarations,
                std::int64_t lateness_ms);

  [[nodiscard]] const std::vector<FeatureDeclaration>& declarations() const {
    return declarations_;
  }
  [[nodiscard]] std::int64_t span_ms() const { return span_ms_; }
  Entity& entity(const std::string& name) { return entities_[name]; }

  /// A payment takes its place. A label that waits for it is applied by settle(), after its values.
  Moment arrive(const std::string& name, EventRow row);
  EventRow settle(const Moment& moment);
  /// The engine's ratio of a payment to which none was promised.
  static void believe(Moment& moment, std::uint32_t ratio_milli);
  /// The entity at a time that is at or after its frontier, or at the frontier.
  Moment look(const std::string& name, std::int64_t time_ms);
  LabelOutcome label(const std::string& name, const LabelOpinion& opinion);

  /// The value of declarations()[feature]; NaN is missing.
  [[nodiscard]] double value(const Moment& moment, std::size_t feature) const;
  /// About how many events that has to look at.
  [[nodiscard]] std::size_t cost(const Moment& moment, std::size_t feature) const;

  /// Newest first.
  [[nodiscard]] static std::vector<EventRow> labelled_rows(const Entity& entity);

 private:
  [[nodiscard]] double windowed(const Moment& moment, const FeatureDeclaration& feature) const;
  [[nodiscard]] double median(const Moment& moment, const FeatureDeclaration& feature) const;
  [[nodiscard]] double of_run(const Moment& moment, const FeatureDeclaration& feature) const;
  [[nodiscard]] std::uint32_t ratio_of(const Entity& entity, const EventRow& row) const;
  void say(Entity& entity, EventRow& row, const LabelOpinion& opinion);

  EntityKind kind_;
  std::vector<FeatureDeclaration> declarations_;
  std::int64_t lateness_ms_;
  std::int64_t span_ms_ = 0;
  std::map<std::string, Entity> entities_;
};

}  // namespace weir::state
