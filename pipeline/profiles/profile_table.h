#pragma once
// Topic `entity-profiles` in memory, once for all workers of an instance.
//
// Threads: one thread writes (put, remove, set_loaded: the reader of the topic), any thread looks
// up. Of the places that threads meet in, this is the only one on the way of a payment, so it is
// cut into shards by hash, each under a lock that readers share: a lookup waits for nobody but a
// writer that copies one profile into the same shard, and no lock is held while another is taken.
//
// Nothing here is state: it is a copy of a topic, read from its beginning at every start. Of the
// records of one entity the last one counts, whatever its version says, as compaction would have
// it: so every instance ends with the same table.
//
// Invariant: what a heartbeat says is true of every profile that a lookup can see at that moment,
// since its record stands behind theirs and a lookup reads it while no profile of its shard can
// change.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "operators/features/profile.h"
#include "pipeline/core/clock.h"
#include "pipeline/core/error.h"

namespace weir {

class ProfileTable final : public operators::ProfileSource {
 public:
  /// `partitions`: of topic `entities`. A profile is current while its partition's last heartbeat
  /// is at most `max_staleness` old. `clock` must outlive this.
  ProfileTable(std::int32_t partitions, std::chrono::milliseconds max_staleness,
               const Clock& clock);
  ~ProfileTable() override;
  ProfileTable(const ProfileTable&) = delete;
  ProfileTable& operator=(const ProfileTable&) = delete;

  // The writer.

  /// A record with a value. Error (kRejectEvent, static text): it is no such record, and nothing
  /// has changed.
  Status put(std::string_view key, std::string_view value);
  /// A record without a value.
  Status remove(std::string_view key);
  /// Everything is read that was there at the start: from now on what is not here does not exist.
  void set_loaded() { loaded_.store(true, std::memory_order_release); }

  // Any thread.

  operators::ProfileState find(state::EntityKind kind, std::string_view id,
                               std::uint64_t plan_digest, std::span<double> values,
                               operators::ProfileVersion& version,
                               std::vector<operators::LabelledRow>* rows) const override {
    return look_up(kind, id, plan_digest, values, version, rows).state;
  }
  struct Lookup {
    operators::ProfileState state = operators::ProfileState::kDown;
    std::optional<std::chrono::milliseconds> staleness;  // of the partition; nullopt: kDown
  };
  /// find(), and how old what it says is.
  Lookup look_up(state::EntityKind kind, std::string_view id, std::uint64_t plan_digest,
                 std::span<double> values, operators::ProfileVersion& version,
                 std::vector<operators::LabelledRow>* rows) const;

  /// How long ago the profiles of a partition were complete; nullopt: never heard of it. A clock
  /// ahead of ours makes it 0.
  [[nodiscard]] std::optional<std::chrono::milliseconds> staleness(std::int64_t now_wall_ms,
                                                                   std::int32_t partition) const;
  /// Of the partition that is furthest behind; nullopt: one of them was never heard of.
  [[nodiscard]] std::optional<std::chrono::milliseconds> worst_staleness(
      std::int64_t now_wall_ms) const;
  [[nodiscard]] bool loaded() const { return loaded_.load(std::memory_order_acquire); }
  /// Profiles, and the memory they take, overhead of map and heap included.
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::size_t bytes() const;

 private:
  class Entry;
  class Shard;

  [[nodiscard]] Shard& shard_of(std::size_t hash) const;
  [[nodiscard]] bool has_partition(std::int32_t partition) const;

  std::chrono::milliseconds max_staleness_;
  const Clock& clock_;
  std::unique_ptr<Shard[]> shards_;
  std::vector<std::atomic<std::int64_t>> current_as_of_ms_;  // by partition
  std::atomic<bool> loaded_{false};
};

}  // namespace weir
