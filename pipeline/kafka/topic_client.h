#pragma once
// Plain clients for everything that is not the event path: publishing the demo's input, metrics
// windows, `weir tap`.

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/core/error.h"
#include "pipeline/core/record.h"
#include "pipeline/kafka/connection.h"

namespace weir::kafka {

/// Idempotent producer without transactions; keys are partitioned by murmur2, as Kafka's own
/// clients do.
class TopicProducer {
 public:
  static Result<std::unique_ptr<TopicProducer>> open(const Connection& connection);
  ~TopicProducer();
  /// Queues a record; waits while the queue is full. A `partition` below 0: by the key.
  Status send(const std::string& topic, std::string_view key, std::string_view value,
              std::int32_t partition = -1);
  /// The same into one partition, with headers.
  Status send_to(const std::string& topic, std::int32_t partition, std::string_view key,
                 std::string_view value,
                 const std::vector<std::pair<std::string, std::string>>& headers);
  /// All queued records are acknowledged, or an error says how many are not.
  Status flush(std::chrono::milliseconds timeout);

 private:
  struct Impl;
  explicit TopicProducer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Where to begin, in every partition.
struct ReadFrom {
  enum class Place : std::uint8_t {
    kBeginning,
    kNow,
    kTime,  // the first record stamped `value` (ms since 1970) or later
    kLast,  // `value` offsets before the end; fewer records where transactions left their marks
  };
  Place place = Place::kNow;
  std::int64_t value = 0;
};

/// By partition the first offset behind what a read_committed reader may see.
using TopicEnds = std::map<std::int32_t, std::int64_t>;

/// Reads whole topics without a group, read_committed. Threads: one at a time, but ends_of().
class TopicReader {
 public:
  static Result<std::unique_ptr<TopicReader>> open(const Connection& connection,
                                                   const std::vector<std::string>& topics,
                                                   ReadFrom from);
  /// The same with a place for each topic; all by time or none.
  static Result<std::unique_ptr<TopicReader>> open(
      const Connection& connection, const std::vector<std::pair<std::string, ReadFrom>>& topics);
  ~TopicReader();
  /// Calls `sink` (topic, record) for what is there; waits at most `timeout` for the first one.
  /// `sink` returns false to stop.
  Status poll(std::chrono::milliseconds timeout,
              const std::function<bool(const std::string&, const RawRecord&)>& sink);
  /// True when every partition was read up to the end it had at some moment since the last record.
  [[nodiscard]] bool at_end() const;
  /// Where a topic of this reader ends now, asked of the broker. Any thread.
  Result<TopicEnds> ends_of(const std::string& topic, std::chrono::milliseconds timeout) const;
  /// True when all before `ends` was handed out. The marks that transactions leave behind their
  /// records count as read within half a second, when the broker says that nothing follows.
  [[nodiscard]] bool has_read(const std::string& topic, const TopicEnds& ends) const;

 private:
  struct Impl;
  explicit TopicReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// One record by its place; kRetry when it does not come in time, nullopt when it is no longer
/// kept.
Result<std::optional<std::string>> read_record(const Connection& connection,
                                               const std::string& topic, std::int32_t partition,
                                               std::int64_t offset,
                                               std::chrono::milliseconds timeout);

}  // namespace weir::kafka
