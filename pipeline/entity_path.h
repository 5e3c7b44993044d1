#pragma once
// The way of one record of topic `entities`: into the exact windows of its merchant, device,
// address or card; then that entity's profile, published to topic `entity-profiles`.
//
// Who is published: merchants, since there are few, always; devices, addresses and cards, of which
// there are many, once they link two users or carry a fraud. A profile is as of its entity's last
// event. Windows slide on without events, so quiet entities are computed again, one after the
// other, every `refresh`.

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "operators/features/entity_event.h"
#include "operators/features/profile.h"
#include "pipeline/core/clock.h"
#include "pipeline/core/error.h"
#include "pipeline/core/record.h"
#include "pipeline/telemetry/worker_metrics.h"
#include "state/user_store.h"

namespace weir {

struct EntityStage {
  std::string topic = "entities";  // named in dead letters
  state::WindowPlans plans;
  std::chrono::milliseconds refresh{600'000};
  /// What is published so far: who says something no longer is taken back. May be null.
  const operators::ProfileSource* known = nullptr;
};

class EntityPath {
 public:
  using StoreOf = std::function<state::UserStore&(std::int32_t partition)>;

  /// All must outlive this.
  EntityPath(EntityStage stage, StoreOf store_of, telemetry::WorkerMetrics& metrics);

  /// Stages what the records change and appends profiles and dead letters to `out`. A record that
  /// was seen before (at_least_once) changes nothing. An Error is a store's: the caller rolls back.
  Status process(std::span<const RawRecord> records, std::vector<OutputRecord>& out);

  /// One partition between batches.
  struct Turn {
    std::int32_t partition = 0;
    std::int64_t next_offset = 0;        // everything before it was processed
    bool at_end = false;                 // and there is nothing else
    std::int64_t last_timestamp_ms = 0;  // of the last record processed
    bool busy = false;                   // something waits for the next commit anyway
    Clock::TimePoint now;
    std::int64_t wall_ms = 0;
  };
  /// Appends a heartbeat when one is due, and profiles of quiet entities. False: nothing was.
  Result<bool> tend(const Turn& turn, std::vector<OutputRecord>& out);
  /// These partitions are not this worker's any more, or are rewound.
  void forget(std::int32_t partition) { partitions_.erase(partition); }

  /// The key of an entity as a store's owner.
  static state::EntityKind kind_of(std::string_view owner);

 private:
  struct Partition {
    std::int64_t watermark_ms = -1;
    Clock::TimePoint beat_at{};
    Clock::TimePoint refreshed_at{};
    Clock::TimePoint cycle_at{};
    bool in_cycle = false;
    std::string cursor;  // the last entity computed again in this cycle
  };

  Status apply(const RawRecord& record, const operators::EntityKey& key,
               const operators::EntityRecord& what);
  /// As of `time_ms` or the entity's last event, whichever is later.
  Status publish(std::int32_t partition, std::string_view owner, std::int64_t time_ms,
                 std::int64_t next_offset, std::vector<OutputRecord>& out);
  Status refresh(const Turn& turn, Partition& partition, std::vector<OutputRecord>& out);
  [[nodiscard]] bool is_published(state::EntityKind kind, std::string_view owner);

  EntityStage stage_;
  StoreOf store_of_;
  telemetry::WorkerMetrics& metrics_;
  std::map<std::int32_t, Partition> partitions_;
  std::map<std::pair<std::int32_t, std::string>, std::int64_t> touched_;  // scratch: next offset
  std::vector<double> values_;                                            // scratch
};

}  // namespace weir
