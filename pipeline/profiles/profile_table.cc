#include "pipeline/profiles/profile_table.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <mutex>
#include <shared_mutex>
#include <utility>

#include "operators/features/entity_event.h"
#include "pipeline/core/partitioner.h"
#include "state/bytes.h"

namespace weir {

using operators::ProfileState;
using std::chrono::milliseconds;

namespace {

/// A shard of a table of a million profiles grows in well below a millisecond.
constexpr std::size_t kShards = 256;
constexpr std::size_t kCacheLineBytes = 64;
constexpr std::int64_t kNeverHeard = std::numeric_limits<std::int64_t>::min();

/// What glibc's heap takes for so many bytes.
constexpr std::size_t heap_bytes_of(std::size_t bytes) {
  return std::max<std::size_t>((bytes + 8 + 15) / 16 * 16, 32);
}

std::size_t hash_of(std::string_view key) {
  return std::hash<std::string_view>{}(key);
}

Error refused(const char* why) {
  return {ErrorKind::kRejectEvent, why};
}

}  // namespace

/// Key and profile in one piece of memory, the profile as its record has it: length of the key (u8)
/// and of the profile (u16), both texts. Or nothing.
class ProfileTable::Entry {
 public:
  Entry() = default;
  Entry(std::string_view key, std::string_view value)
      : bytes_(std::make_unique_for_overwrite<char[]>(kHeadBytes + key.size() + value.size())) {
    state::store(bytes_.get(), static_cast<std::uint8_t>(key.size()));
    state::store(bytes_.get() + 1, static_cast<std::uint16_t>(value.size()));
    key.copy(bytes_.get() + kHeadBytes, key.size());
    overwrite(value);
  }
  explicit operator bool() const { return bytes_ != nullptr; }
  [[nodiscard]] std::string_view key() const {
    return {bytes_.get() + kHeadBytes, state::load<std::uint8_t>(bytes_.get())};
  }
  [[nodiscard]] std::string_view value() const {
    return {key().data() + key().size(), state::load<std::uint16_t>(bytes_.get() + 1)};
  }
  /// With a value of the same size.
  void overwrite(std::string_view value) const {
    value.copy(bytes_.get() + kHeadBytes + key().size(), value.size());
  }
  [[nodiscard]] std::size_t heap_bytes() const {
    return heap_bytes_of(kHeadBytes + key().size() + value().size());
  }

 private:
  static constexpr std::size_t kHeadBytes = 3;
  std::unique_ptr<char[]> bytes_;
};

/// Entries by hash, open addressing with linear probing: a lookup reads the slots and then the one
/// entry it wants. In a table of a million each of these is a cache miss, and one more (the node of
/// a std::unordered_set) would make it half as slow again.
class alignas(kCacheLineBytes) ProfileTable::Shard {
 public:
  mutable std::shared_mutex mutex;  // whoever calls the functions holds it

  /// Null: there is none.
  [[nodiscard]] const Entry* find(std::string_view key, std::size_t hash) const {
    if (slots_.empty()) return nullptr;
    for (std::size_t i = hash & mask(); slots_[i].entry; i = next(i)) {
      if (slots_[i].hash == hash && slots_[i].entry.key() == key) return &slots_[i].entry;
    }
    return nullptr;
  }
  void put(std::string_view key, std::size_t hash, std::string_view value) {
    if (const Entry* found = find(key, hash)) {
      if (found->value().size() == value.size()) return found->overwrite(value);
      erase(key, hash);
    }
    if ((size_ + 1) * 4 > slots_.size() * 3) grow();
    Slot slot{Entry(key, value), hash};
    entry_bytes_ += slot.entry.heap_bytes();
    ++size_;
    insert(std::move(slot));
  }
  void erase(std::string_view key, std::size_t hash) {
    const Entry* found = find(key, hash);
    if (found == nullptr) return;
    entry_bytes_ -= found->heap_bytes();
    --size_;
    // What was pushed past the hole moves back into it, so that no search ends too early.
    std::size_t hole = hash & mask();
    while (&slots_[hole].entry != found) hole = next(hole);
    slots_[hole] = {};
    for (std::size_t i = next(hole); slots_[i].entry; i = next(i)) {
      const std::size_t pushed = (i - slots_[i].hash) & mask();
      if (pushed < ((i - hole) & mask())) continue;
      slots_[hole] = std::exchange(slots_[i], {});
      hole = i;
    }
  }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t heap_bytes() const {
    return entry_bytes_ + slots_.size() * sizeof(Slot);
  }

 private:
  struct Slot {
    Entry entry;
    std::size_t hash = 0;
  };
  static constexpr std::size_t kSlotsMin = 8;

  [[nodiscard]] std::size_t mask() const { return slots_.size() - 1; }
  [[nodiscard]] std::size_t next(std::size_t i) const { return (i + 1) & mask(); }
  void insert(Slot slot) {
    std::size_t i = slot.hash & mask();
    while (slots_[i].entry) i = next(i);
    slots_[i] = std::move(slot);
  }
  void grow() {
    std::vector<Slot> old(std::max(kSlotsMin, slots_.size() * 2));
    old.swap(slots_);
    for (Slot& slot : old) {
      if (slot.entry) insert(std::move(slot));
    }
  }

  std::vector<Slot> slots_;  // a power of two of them, or none; a quarter is free
  std::size_t size_ = 0;
  std::size_t entry_bytes_ = 0;
};

ProfileTable::ProfileTable(std::int32_t partitions, milliseconds max_staleness, const Clock& clock)
    : max_staleness_(max_staleness),
      clock_(clock),
      shards_(std::make_unique<Shard[]>(kShards)),
      current_as_of_ms_(static_cast<std::size_t>(partitions)) {
  WEIR_CHECK(partitions > 0);
  for (auto& as_of : current_as_of_ms_) as_of.store(kNeverHeard, std::memory_order_relaxed);
}

ProfileTable::~ProfileTable() = default;

ProfileTable::Shard& ProfileTable::shard_of(std::size_t hash) const {
  // A shard takes the low bits for its slots.
  return shards_[(hash >> 48U) % kShards];
}

bool ProfileTable::has_partition(std::int32_t partition) const {
  return partition >= 0 && static_cast<std::size_t>(partition) < current_as_of_ms_.size();
}

Status ProfileTable::put(std::string_view key, std::string_view value) {
  if (operators::is_heartbeat_key(key)) {
    const auto heartbeat = operators::decode_heartbeat(key, value);
    if (!heartbeat) return heartbeat.error();
    if (!has_partition(heartbeat->partition)) return refused("heartbeat of an unknown partition");
    // The last one said counts, also when it is earlier: a clock that was ahead is forgotten.
    current_as_of_ms_[static_cast<std::size_t>(heartbeat->partition)].store(
        heartbeat->current_as_of_wall_ms, std::memory_order_release);
    return ok();
  }
  if (const auto entity = operators::parse_entity_key(key); !entity) return entity.error();
  const auto profile = operators::parse_profile(value);
  if (!profile) return profile.error();
  if (!has_partition(profile->partition)) return refused("profile of an unknown partition");

  const std::size_t hash = hash_of(key);
  Shard& shard = shard_of(hash);
  const std::unique_lock lock(shard.mutex);
  shard.put(key, hash, value);
  return ok();
}

Status ProfileTable::remove(std::string_view key) {
  if (operators::is_heartbeat_key(key)) return ok();  // nobody deletes one; the last one stays
  if (const auto entity = operators::parse_entity_key(key); !entity) return entity.error();
  const std::size_t hash = hash_of(key);
  Shard& shard = shard_of(hash);
  const std::unique_lock lock(shard.mutex);
  shard.erase(key, hash);
  return ok();
}

ProfileTable::Lookup ProfileTable::look_up(state::EntityKind kind, std::string_view id,
                                           std::uint64_t plan_digest, std::span<double> values,
                                           operators::ProfileVersion& version,
                                           std::vector<operators::LabelledRow>* rows) const {
  if (!loaded()) return {};
  operators::EntityKeyBuffer buffer;
  const std::string_view key = operators::entity_key(kind, id, buffer);
  const std::size_t hash = hash_of(key);
  const std::int64_t now_ms = clock_.wall_ms();

  const Shard& shard = shard_of(hash);
  const std::shared_lock lock(shard.mutex);
  const Entry* found = shard.find(key, hash);
  if (found == nullptr) {
    const auto partitions = static_cast<std::int32_t>(current_as_of_ms_.size());
    const auto age = staleness(now_ms, partition_of_key(key, partitions));
    if (!age) return {};
    return {*age > max_staleness_ ? ProfileState::kStale : ProfileState::kNone, age};
  }
  const auto profile = operators::parse_profile(found->value());
  WEIR_CHECK(profile);  // put() has seen to it
  const auto age = staleness(now_ms, profile->partition);
  if (!age) return {};
  if (*age > max_staleness_ || profile->plan_digest != plan_digest ||
      profile->size() != values.size()) {
    return {ProfileState::kStale, age};
  }
  profile->copy_values(values);
  if (rows != nullptr) profile->copy_rows(*rows);
  version = profile->version;
  return {ProfileState::kCurrent, age};
}

std::optional<milliseconds> ProfileTable::staleness(std::int64_t now_wall_ms,
                                                    std::int32_t partition) const {
  WEIR_CHECK(has_partition(partition));
  const std::int64_t as_of =
      current_as_of_ms_[static_cast<std::size_t>(partition)].load(std::memory_order_acquire);
  if (as_of == kNeverHeard) return std::nullopt;
  return milliseconds(std::max<std::int64_t>(now_wall_ms - as_of, 0));
}

std::optional<milliseconds> ProfileTable::worst_staleness(std::int64_t now_wall_ms) const {
  milliseconds worst{0};
  for (std::size_t p = 0; p < current_as_of_ms_.size(); ++p) {
    const auto age = staleness(now_wall_ms, static_cast<std::int32_t>(p));
    if (!age) return std::nullopt;
    worst = std::max(worst, *age);
  }
  return worst;
}

std::size_t ProfileTable::size() const {
  std::size_t count = 0;
  for (std::size_t i = 0; i < kShards; ++i) {
    const std::shared_lock lock(shards_[i].mutex);
    count += shards_[i].size();
  }
  return count;
}

std::size_t ProfileTable::bytes() const {
  std::size_t sum = kShards * sizeof(Shard);
  for (std::size_t i = 0; i < kShards; ++i) {
    const std::shared_lock lock(shards_[i].mutex);
    sum += shards_[i].heap_bytes();
  }
  return sum;
}

}  // namespace weir
