#pragma once
// Bytes as they come from and go to the log.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir {

struct HeaderView {
  std::string_view name;
  std::string_view value;
};

/// The topics that one worker reads side by side, partition by partition: partition p of all of
/// them speaks of the same users and has one owner. Between lanes there is no order.
enum class Lane : std::uint8_t {
  kEvents,  // payments, or what the stage is about
  kLabels,  // opinions about them; not every stage and configuration reads them
};
inline constexpr Lane kLanes[] = {Lane::kEvents, Lane::kLabels};

/// A record of an input topic. Views point into memory the InputLog owns until its next poll().
struct RawRecord {
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::int64_t timestamp_ms =
      -1;  // broker's or producer's record time; -1 unknown. Never used in a verdict.
  std::string_view key;
  std::string_view value;
  bool tombstone = false;  // null value (an empty one counts too)
  std::vector<HeaderView> headers;
  Lane lane = Lane::kEvents;
};

/// The output streams. Names come from configuration (topics.*).
enum class Stream : std::uint8_t {
  kVerdicts,
  kFeatures,
  kDeadLetters,
  kChangelog,
  kMetrics,
  kEntities,  // from stage decisions to stage entities
  kProfiles,  // from stage entities to every instance
};
inline constexpr std::size_t kStreamCount = 7;

/// A record to be sent. `partition` < 0 lets the log partition by key (murmur2, as Kafka's own
/// clients do).
struct OutputRecord {
  Stream stream = Stream::kVerdicts;
  std::int32_t partition = -1;
  std::int32_t input_partition = -1;  // whose failure this record's failure is
  std::string key;
  std::string value;
  std::vector<std::pair<std::string, std::string>> headers;
  bool tombstone = false;  // no value at all: compaction forgets the key
};

}  // namespace weir
