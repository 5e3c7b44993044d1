#pragma once
// One input partition as its worker sees it.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/core/clock.h"
#include "pipeline/core/log.h"
#include "state/user_store.h"

namespace weir {

struct Partition {
  enum class Phase : std::uint8_t {
    kOpening,    // its local store is to be opened
    kRestoring,  // the changelog tail is being read
    kActive,
    kRewinding,  // after an abort: paused until the back-off is over
    kStopped,    // cannot go on without help or time; nothing is skipped
  };

  Phase phase = Phase::kOpening;
  std::unique_ptr<state::UserStore> store;
  LaneOffsets committed;              // the group's offsets
  LaneOffsets next{0, -1};            // inputs: first not yet processed (staged)
  LaneOffsets committed_next{0, -1};  // inputs: first not yet committed
  bool reads_labels = false;
  bool touched = false;             // something is staged that no input record caused
  std::int64_t restore_target = 0;  // changelog position at which restore is complete
  std::int64_t staged_position =
      0;  // changelog position behind the commit record of the open transaction
  std::int64_t assigned_ms = 0;  // wall clock
  std::int64_t last_timestamp_ms = -1;
  int mismatches = 0;           // commit record and group offset disagreed this often in a row
  int rebuilds = 0;             // local store refused since the last success
  int failures = 0;             // aborts in a row caused by this partition's dead letters
  bool log_in_doubt = false;    // at_least_once: an unfinished commit may be in the changelog
  Clock::TimePoint retry_at{};  // kStopped: when to try again; max() = only by hand
  std::string why_stopped;

  /// Where its lanes stand, for the group: those that are read.
  void append_offsets(std::int32_t id, const LaneOffsets& at,
                      std::vector<PartitionOffset>& to) const {
    to.push_back({id, at.events, Lane::kEvents});
    if (reads_labels) to.push_back({id, at.labels, Lane::kLabels});
  }
  [[nodiscard]] bool has_progress() const { return touched || next != committed_next; }
};

}  // namespace weir
