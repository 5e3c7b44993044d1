#pragma once
// Follows topic `entity-profiles` from its beginning for as long as the process runs, all
// partitions, only what is committed, without a group: every instance keeps all of it.
//
// Threads: one of its own, from construction to destruction. It calls the sink, and nothing else
// does; a record's bytes live for the call. It ends when the destructor asks it to, and never ends
// the process: profiles that are not read age, and payments are decided without them. So errors of
// brokers, a missing topic included, are said in a line and tried again for ever; records that the
// sink refuses are counted and said at most once a minute.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include "pipeline/core/clock.h"
#include "pipeline/core/error.h"
#include "pipeline/kafka/handles.h"

namespace weir::kafka {

/// What becomes of the records. The order is that of each partition.
struct ProfileSink {
  /// An Error is counted as a bad record; its text is static.
  std::function<Status(std::string_view key, std::string_view value)> put;
  std::function<Status(std::string_view key)> remove;  // a record without a value
  /// Once: every partition was read to the end that it had when reading began.
  std::function<void()> loaded;
};

class ProfileReader {
 public:
  /// Starts the thread. `clock` and what the sink refers to must outlive this.
  ProfileReader(Connection connection, std::string topic, ProfileSink sink, const Clock& clock);
  /// Returns when the thread has ended: within seconds, also without a broker.
  ~ProfileReader() = default;
  ProfileReader(const ProfileReader&) = delete;
  ProfileReader& operator=(const ProfileReader&) = delete;

  // Counted since the start; any thread.
  [[nodiscard]] std::uint64_t records() const { return records_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t bad_records() const { return bad_.load(std::memory_order_relaxed); }

 private:
  void run(const std::stop_token& stop);
  Status open();
  void take(const rd_kafka_message_t& message);
  void deliver(const rd_kafka_message_t& message);
  void reached(std::int32_t partition, std::int64_t position);
  void set_loaded();
  void note_bad(const std::string& reason);
  void note_error(rd_kafka_resp_err_t code);

  /// At once, and then at most once a minute.
  bool may_say(std::optional<Clock::TimePoint>& said);

  Connection connection_;
  std::string topic_;
  ProfileSink sink_;
  const Clock& clock_;

  // The thread's own.
  Client client_;
  std::map<std::int32_t, std::int64_t> ends_;  // of partitions not read so far
  std::optional<Clock::TimePoint> said_bad_, said_error_;

  std::atomic<std::uint64_t> records_{0};
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<std::uint64_t> bad_{0};
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace weir::kafka
