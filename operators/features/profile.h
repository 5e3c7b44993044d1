#pragma once
// What is known of a merchant, a device, an address or a card, as one small record: the values of
// all features declared over its kind, and of a merchant its newest labelled payments. Stage
// "entities" publishes them to the compacted topic `entity-profiles`; every instance keeps all of
// them in one table and its "decisions" workers look them up.
//
//   key    as in topic `entities`: "m:T04913"       operators/features/entity_event.h
//   value  version u8, as_of i64, sequence u64,     a profile; no value: there is none any more
//          partition i32, plan digest u64,
//          count u16, rows u8, count values f64,
//          rows labelled payments, newest first:
//            time i64, label time i64, amount i64,
//            transaction u64, user u64,
//            ratio in 1/1000 u32, fraud u8
//   key    "~", partition in decimal                "~3"
//   value  version u8, partition i32,               a heartbeat
//          current as of i64, watermark i64
//
// Little-endian, version 2; values keep their bits, NaN is "missing". Version 1 of a profile has no
// `rows`, its heartbeat is the same: both are read, so that a stage of the version before counts
// until its profiles are made again. An instance of the version before reads neither of version 2,
// and says stale instead of believing what was. A heartbeat stands in the same partition
// of the topic as the profiles it speaks of, behind them: who reads it has read them.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "operators/features/merchant_rows.h"
#include "pipeline/core/error.h"
#include "state/windows/declaration.h"

namespace weir::operators {

/// Which of an entity's profiles it is. A verdict records it: with it the features of the verdict
/// can be derived again.
struct ProfileVersion {
  std::int64_t as_of_ms = 0;   // event time that the values are of
  std::uint64_t sequence = 0;  // offset in topic entities behind the last record it was made from
  friend bool operator==(const ProfileVersion&, const ProfileVersion&) = default;
};

struct Profile {
  ProfileVersion version;
  std::int32_t partition = 0;     // of topic `entities`: whose heartbeat speaks of it
  std::uint64_t plan_digest = 0;  // of the features the values are of (WindowPlan::digest)
  std::vector<double> values;     // in the order of their declaration
  std::vector<LabelledRow> rows;  // of a merchant: its newest labelled payments, newest first
};

/// "Everything that reached this partition of topic `entities` before current_as_of is in the
/// profiles." By the clock of the machine that says so, as all ages are that are made from it.
struct ProfileHeartbeat {
  std::int32_t partition = 0;
  std::int64_t current_as_of_wall_ms = 0;
  std::int64_t watermark_ms = 0;  // newest event time of the partition
  friend bool operator==(const ProfileHeartbeat&, const ProfileHeartbeat&) = default;
};

inline constexpr std::size_t kProfileValuesMax = 4'096;
inline constexpr std::size_t kLabelledRowBytes = 8 + 8 + 8 + 8 + 8 + 4 + 1;

/// At most kProfileValuesMax values and state::kLabelledRowsMax rows.
std::string encode_profile(const Profile& profile);
std::string encode_heartbeat(const ProfileHeartbeat& heartbeat);
std::string heartbeat_key(std::int32_t partition);
inline bool is_heartbeat_key(std::string_view key) {
  return key.starts_with('~');
}

/// A profile taken apart without copying: how the table keeps and reads them.
struct ProfileView {
  ProfileVersion version;
  std::int32_t partition = 0;
  std::uint64_t plan_digest = 0;
  std::string_view values;  // 8 bytes each
  std::string_view rows;    // kLabelledRowBytes each
  [[nodiscard]] std::size_t size() const { return values.size() / sizeof(double); }
  /// `to` has room for size() values.
  void copy_values(std::span<double> to) const;
  void copy_rows(std::vector<LabelledRow>& to) const;
};
/// Errors of all three are kRejectEvent with a static text.
Result<ProfileView> parse_profile(std::string_view value);
Result<Profile> decode_profile(std::string_view value);
/// Refuses a heartbeat whose key names another partition.
Result<ProfileHeartbeat> decode_heartbeat(std::string_view key, std::string_view value);

enum class ProfileState : std::uint8_t {
  kCurrent,  // as of at most entities.max_staleness ago
  kNone,     // the stage is current and has nothing to say of this entity
  kStale,    // older than that, or made from other declarations than ours
  kDown,     // never heard of the stage, or what it said is not read yet
};

/// Where profiles come from.
///
/// None of the four states holds a payment up. A verdict must always come: profiles are made by
/// other workers from other partitions, perhaps on another machine, so waiting for one would make
/// every payment as slow as the slowest of them, and stop all payments when that stage stops. What
/// is missing is missing in the features, and kStale and kDown are said in the verdict
/// (`degraded`); a value too old to be believed is not passed on.
class ProfileSource {
 public:
  virtual ~ProfileSource() = default;
  /// Writes `values` (as many as were declared over `kind`), `version` and `rows` when kCurrent,
  /// and else leaves all alone. `rows` is null for who does not want them. `kind` is not kUser,
  /// `id` has 1 to kIdBytesMax bytes.
  virtual ProfileState find(state::EntityKind kind, std::string_view id, std::uint64_t plan_digest,
                            std::span<double> values, ProfileVersion& version,
                            std::vector<LabelledRow>* rows) const = 0;
};

}  // namespace weir::operators
