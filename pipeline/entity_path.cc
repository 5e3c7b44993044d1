#include "pipeline/entity_path.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "operators/dead_letter.h"
#include "operators/features/feature_engine.h"

namespace weir {
namespace {

using state::EntityKind;
using std::chrono::milliseconds;

constexpr milliseconds kBeatBusy{100};  // with a commit that comes anyway
constexpr milliseconds kBeatIdle{1'000};
constexpr milliseconds kRefreshPause{50};
constexpr std::size_t kRefreshChunk = 50;  // entities: a millisecond or so

bool is_due(Clock::TimePoint now, Clock::TimePoint last, milliseconds every) {
  return last == Clock::TimePoint{} || now - last >= every;
}

}  // namespace

EntityPath::EntityPath(EntityStage stage, StoreOf store_of, telemetry::WorkerMetrics& metrics)
    : stage_(std::move(stage)), store_of_(std::move(store_of)), metrics_(metrics) {}

state::EntityKind EntityPath::kind_of(std::string_view owner) {
  const auto key = operators::parse_entity_key(owner);
  return key ? key->kind : EntityKind::kUser;  // users have no windows in a store of entities
}

Status EntityPath::process(std::span<const RawRecord> records, std::vector<OutputRecord>& out) {
  touched_.clear();
  for (const RawRecord& record : records) {
    if (record.tombstone) {
      metrics_.tombstones.add();
      continue;
    }
    const auto key = operators::parse_entity_key(record.key);
    const auto what = key ? operators::decode_entity_record(record.value)
                          : Result<operators::EntityRecord>(key.error());
    if (!what) {
      out.push_back(operators::make_dead_letter(record, telemetry::RejectReason::kDecode,
                                                what.error().message, stage_.topic));
      metrics_.dead_letters.of(telemetry::InputTopic::kEntities, telemetry::RejectReason::kDecode)
          .add();
      continue;
    }
    WEIR_RETURN_IF_ERROR(apply(record, *key, *what));
  }
  for (const auto& [entity, next_offset] : touched_) {
    WEIR_RETURN_IF_ERROR(publish(entity.first, entity.second,
                                 std::numeric_limits<std::int64_t>::min(), next_offset, out));
  }
  return ok();
}

Status EntityPath::apply(const RawRecord& record, const operators::EntityKey& key,
                         const operators::EntityRecord& what) {
  state::UserStore& store = store_of_(record.partition);
  state::EntityWindows* windows = store.windows(key.kind);
  if (windows == nullptr) return ok();  // no feature reads this kind any more
  if (const auto* event = std::get_if<operators::EntityEvent>(&what)) {
    const auto known = windows->contains(record.key, event->row);
    if (!known) return known.error();
    if (*known) {
      metrics_.duplicates.add();
      return ok();
    }
    if (auto kept = windows->add(record.key, event->row, {}); !kept) return kept.error();
    auto& watermark_ms = partitions_[record.partition].watermark_ms;
    watermark_ms = std::max(watermark_ms, std::int64_t{event->row.time_ms});
  } else {
    const auto outcome = windows->label(record.key, std::get<operators::EntityLabel>(what).opinion);
    if (!outcome) return outcome.error();
    if (*outcome == state::LabelOutcome::kCrowding) metrics_.waiting_labels_dropped.add();
  }
  store.log(store.take_window_changes(), state::WindowCause::kEvent, record.offset);
  touched_[{record.partition, std::string(record.key)}] = record.offset + 1;
  return ok();
}

Status EntityPath::publish(std::int32_t partition, std::string_view owner, std::int64_t time_ms,
                           std::int64_t next_offset, std::vector<OutputRecord>& out) {
  state::UserStore& store = store_of_(partition);
  const EntityKind kind = kind_of(owner);
  state::EntityWindows* windows = store.windows(kind);
  if (windows == nullptr) return ok();
  const auto facts = windows->facts(owner);
  if (!facts) return facts.error();
  if (!*facts) return ok();

  OutputRecord record;
  record.stream = Stream::kProfiles;
  record.partition = record.input_partition = partition;
  record.key = owner;
  const bool says_something = kind == EntityKind::kMerchant || (*facts)->linked || (*facts)->fraud;
  if (!says_something) {
    record.tombstone = true;
    if (is_published(kind, owner)) out.push_back(std::move(record));
    return ok();
  }
  const state::WindowPlan& plan = *stage_.plans.of(kind);
  operators::Profile profile;
  profile.version.as_of_ms = std::max(time_ms, (*facts)->frontier_ms);
  profile.version.sequence = static_cast<std::uint64_t>(next_offset);
  profile.partition = partition;
  profile.plan_digest = plan.values_digest;
  profile.values.resize(plan.size());
  const auto known = windows->evaluate(owner, profile.version.as_of_ms, profile.values);
  if (!known) return known.error();
  if (plan.labelled_rows > 0) {
    WEIR_RETURN_IF_ERROR(operators::newest_labelled(*windows, plan, owner, profile.rows));
  }
  store.log(store.take_window_changes(), state::WindowCause::kEvent, next_offset);
  record.value = operators::encode_profile(profile);
  out.push_back(std::move(record));
  return ok();
}

bool EntityPath::is_published(EntityKind kind, std::string_view owner) {
  if (stage_.known == nullptr) return false;
  const auto key = operators::parse_entity_key(owner);
  values_.resize(stage_.plans.of(kind)->size());
  operators::ProfileVersion version;
  using enum operators::ProfileState;
  const auto found = stage_.known->find(kind, key->id, stage_.plans.of(kind)->values_digest,
                                        values_, version, nullptr);
  return found == kCurrent || found == kStale;
}

Result<bool> EntityPath::tend(const Turn& turn, std::vector<OutputRecord>& out) {
  Partition& partition = partitions_[turn.partition];
  const std::size_t before = out.size();
  WEIR_RETURN_IF_ERROR(refresh(turn, partition, out));
  const bool busy = turn.busy || out.size() > before;
  if (is_due(turn.now, partition.beat_at, busy ? kBeatBusy : kBeatIdle)) {
    const std::int64_t current_ms = turn.at_end ? turn.wall_ms : turn.last_timestamp_ms;
    if (current_ms > 0) {
      partition.beat_at = turn.now;
      OutputRecord beat;
      beat.stream = Stream::kProfiles;
      beat.partition = beat.input_partition = turn.partition;
      beat.key = operators::heartbeat_key(turn.partition);
      beat.value = operators::encode_heartbeat(
          {turn.partition, current_ms, std::max<std::int64_t>(partition.watermark_ms, 0)});
      out.push_back(std::move(beat));
    }
  }
  return out.size() > before;
}

Status EntityPath::refresh(const Turn& turn, Partition& partition, std::vector<OutputRecord>& out) {
  if (partition.watermark_ms < 0) return ok();  // event time has not moved since the start
  if (partition.cycle_at == Clock::TimePoint{}) partition.cycle_at = turn.now;
  if (!partition.in_cycle && turn.now - partition.cycle_at < stage_.refresh) return ok();
  if (partition.in_cycle && turn.now - partition.refreshed_at < kRefreshPause) return ok();
  if (!partition.in_cycle) {
    partition.in_cycle = true;
    partition.cycle_at = turn.now;
    partition.cursor.clear();
  }
  partition.refreshed_at = turn.now;
  state::UserStore& store = store_of_(turn.partition);
  const auto owners = store.window_owners(partition.cursor, kRefreshChunk);
  if (!owners) return owners.error();
  for (const auto& owner : *owners) {
    WEIR_RETURN_IF_ERROR(
        publish(turn.partition, owner, partition.watermark_ms, turn.next_offset, out));
  }
  partition.in_cycle = owners->size() == kRefreshChunk;
  if (partition.in_cycle) partition.cursor = owners->back();
  return ok();
}

}  // namespace weir
