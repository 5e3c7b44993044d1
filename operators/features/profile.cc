#include "operators/features/profile.h"

#include <cstring>

#include "operators/features/event_row.h"
#include "pipeline/core/event_time.h"
#include "state/bytes.h"

namespace weir::operators {
namespace {

constexpr std::uint8_t kVersion = 2;
constexpr std::uint8_t kVersionWithoutRows = 1;
constexpr std::size_t kHeadBytes = 1 + 8 + 8 + 4 + 8 + 2 + 1;
constexpr std::size_t kHeartbeatBytes = 1 + 4 + 8 + 8;

Error refused(std::string_view why) {
  return {ErrorKind::kRejectEvent, "entity profile: " + std::string(why)};
}

struct Opened {
  std::uint8_t version = 0;
  state::ByteReader reader;  // behind the version
};
Result<Opened> open_value(std::string_view value) {
  state::ByteReader reader(value);
  const auto version = reader.number<std::uint8_t>();
  if (reader.failed()) return refused("record without a value");
  if (version != kVersion && version != kVersionWithoutRows) {
    return refused("unknown format version");
  }
  return Opened{version, reader};
}

bool in_range(std::int64_t number, std::int64_t max) {
  return number >= 0 && number <= max;
}

/// So that features of rows can be computed.
bool are_sound(std::string_view rows) {
  state::ByteReader reader(rows);
  while (!reader.rest().empty()) {
    const auto time_ms = reader.number<std::int64_t>();
    const auto label_time_ms = reader.number<std::int64_t>();
    const auto amount = reader.number<std::int64_t>();
    reader.bytes(8 + 8 + 4);
    const auto fraud = reader.number<std::uint8_t>();
    if (!in_range(time_ms, kEventTimeMax.ms) || !in_range(label_time_ms, kEventTimeMax.ms) ||
        !in_range(amount, kEventAmountMax) || fraud > 1) {
      return false;
    }
  }
  return true;
}

}  // namespace

std::string encode_profile(const Profile& profile) {
  WEIR_CHECK(profile.values.size() <= kProfileValuesMax);
  WEIR_CHECK(profile.rows.size() <= state::kLabelledRowsMax);
  std::string value;
  value.reserve(kHeadBytes + profile.values.size() * sizeof(double) +
                profile.rows.size() * kLabelledRowBytes);
  state::append(value, kVersion);
  state::append(value, profile.version.as_of_ms);
  state::append(value, profile.version.sequence);
  state::append(value, profile.partition);
  state::append(value, profile.plan_digest);
  state::append(value, static_cast<std::uint16_t>(profile.values.size()));
  state::append(value, static_cast<std::uint8_t>(profile.rows.size()));
  for (const double number : profile.values) state::append(value, number);
  for (const LabelledRow& row : profile.rows) {
    state::append(value, row.time_ms);
    state::append(value, row.label_time_ms);
    state::append(value, row.amount);
    state::append(value, row.transaction);
    state::append(value, row.user);
    state::append(value, row.ratio_milli);
    state::append(value, static_cast<std::uint8_t>(row.fraud));
  }
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

void ProfileView::copy_rows(std::vector<LabelledRow>& to) const {
  to.clear();
  state::ByteReader reader(rows);
  for (std::size_t i = 0; i < rows.size() / kLabelledRowBytes; ++i) {
    LabelledRow& row = to.emplace_back();
    row.time_ms = reader.number<std::int64_t>();
    row.label_time_ms = reader.number<std::int64_t>();
    row.amount = reader.number<std::int64_t>();
    row.transaction = reader.number<std::uint64_t>();
    row.user = reader.number<std::uint64_t>();
    row.ratio_milli = reader.number<std::uint32_t>();
    row.fraud = reader.number<std::uint8_t>() == 1;
  }
}

Result<ProfileView> parse_profile(std::string_view value) {
  auto opened = open_value(value);
  if (!opened) return opened.error();
  state::ByteReader& reader = opened->reader;
  ProfileView profile;
  profile.version.as_of_ms = reader.number<std::int64_t>();
  profile.version.sequence = reader.number<std::uint64_t>();
  profile.partition = reader.number<std::int32_t>();
  profile.plan_digest = reader.number<std::uint64_t>();
  const std::size_t count = reader.number<std::uint16_t>();
  const std::size_t rows = opened->version == kVersion ? reader.number<std::uint8_t>() : 0;
  profile.values = reader.bytes(count * sizeof(double));
  profile.rows = reader.bytes(rows * kLabelledRowBytes);
  if (!reader.complete()) return refused("profile of wrong length");
  if (count > kProfileValuesMax) return refused("profile of too many values");
  if (rows > state::kLabelledRowsMax) return refused("profile of too many rows");
  if (!are_sound(profile.rows)) return refused("labelled row out of range");
  return profile;
}

Result<Profile> decode_profile(std::string_view value) {
  const auto view = parse_profile(value);
  if (!view) return view.error();
  Profile profile{
      view->version, view->partition, view->plan_digest, std::vector<double>(view->size()), {}};
  view->copy_values(profile.values);
  view->copy_rows(profile.rows);
  return profile;
}

Result<ProfileHeartbeat> decode_heartbeat(std::string_view key, std::string_view value) {
  auto opened = open_value(value);
  if (!opened) return opened.error();
  state::ByteReader& reader = opened->reader;
  ProfileHeartbeat heartbeat;
  heartbeat.partition = reader.number<std::int32_t>();
  heartbeat.current_as_of_wall_ms = reader.number<std::int64_t>();
  heartbeat.watermark_ms = reader.number<std::int64_t>();
  if (!reader.complete()) return refused("heartbeat of wrong length");
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
