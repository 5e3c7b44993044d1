#include "operators/features/profile.h"

#include <cstring>

#include "pipeline/core/event_time.h"
#include "state/bytes.h"

namespace weir::operators {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kHeadBytes = 1 + 8 + 8 + 4 + 8 + 2;
constexpr std::size_t kHeartbeatBytes = 1 + 4 + 8 + 8;

Error refused(std::string_view why) {
  return {ErrorKind::kRejectEvent, "entity profile: " + std::string(why)};
}

/// Behind the version, which is checked.
Result<state::ByteReader> open_value(std::string_view value) {
  state::ByteReader reader(value);
  const auto version = reader.number<std::uint8_t>();
  if (reader.failed()) return refused("record without a value");
  if (version != kVersion) return refused("unknown format version");
  return reader;
}

}  // namespace

std::string encode_profile(const Profile& profile) {
  WEIR_CHECK(profile.values.size() <= kProfileValuesMax);
  std::string value;
  value.reserve(kHeadBytes + profile.values.size() * sizeof(double));
  state::append(value, kVersion);
  state::append(value, profile.version.as_of_ms);
  state::append(value, profile.version.sequence);
  state::append(value, profile.partition);
  state::append(value, profile.plan_digest);
  state::append(value, static_cast<std::uint16_t>(profile.values.size()));
  for (const double number : profile.values) state::append(value, number);
  return value;
}

std::string encode_heartbeat(const ProfileHeartbeat& heartbeat) {
  std::string value;
  value.reserve(kHeartbeatBytes);
  state::append(value, kVersion);
  state::append(value, heartbeat.partition);
  state::append(value, heartbeat.current_as_of_wall_ms);
  state::append(value, heartbeat.watermark_ms);
  return value;
}

std::string heartbeat_key(std::int32_t partition) {
  return "~" + std::to_string(partition);
}

void ProfileView::copy_values(std::span<double> to) const {
  WEIR_CHECK(to.size() == size());
  // Bytes at any address: no double may be read in place.
  if (!values.empty()) std::memcpy(to.data(), values.data(), values.size());
}

Result<ProfileView> parse_profile(std::string_view value) {
  auto reader = open_value(value);
  if (!reader) return reader.error();
  ProfileView profile;
  profile.version.as_of_ms = reader->number<std::int64_t>();
  profile.version.sequence = reader->number<std::uint64_t>();
  profile.partition = reader->number<std::int32_t>();
  profile.plan_digest = reader->number<std::uint64_t>();
  const std::size_t count = reader->number<std::uint16_t>();
  profile.values = reader->rest();
  if (reader->failed() || profile.values.size() != count * sizeof(double)) {
    return refused("profile of wrong length");
  }
  if (count > kProfileValuesMax) return refused("profile of too many values");
  return profile;
}

Result<Profile> decode_profile(std::string_view value) {
  const auto view = parse_profile(value);
  if (!view) return view.error();
  Profile profile{view->version, view->partition, view->plan_digest,
                  std::vector<double>(view->size())};
  view->copy_values(profile.values);
  return profile;
}

Result<ProfileHeartbeat> decode_heartbeat(std::string_view key, std::string_view value) {
  auto reader = open_value(value);
  if (!reader) return reader.error();
  ProfileHeartbeat heartbeat;
  heartbeat.partition = reader->number<std::int32_t>();
  heartbeat.current_as_of_wall_ms = reader->number<std::int64_t>();
  heartbeat.watermark_ms = reader->number<std::int64_t>();
  if (!reader->complete()) return refused("heartbeat of wrong length");
  // So that ages can be computed from it.
  if (heartbeat.current_as_of_wall_ms < 0 || heartbeat.current_as_of_wall_ms > kEventTimeMax.ms) {
    return refused("heartbeat time out of range");
  }
  if (key != heartbeat_key(heartbeat.partition)) {
    return refused("heartbeat key and value name different partitions");
  }
  return heartbeat;
}

}  // namespace weir::operators
