#pragma once
// The log as the worker sees it: input with assignment, output with transactions, changelog for
// restore. Implemented by pipeline/kafka (live) and pipeline/replay (in memory). All calls of one
// instance come from one worker thread; callbacks run inside poll().

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "pipeline/core/error.h"
#include "pipeline/core/record.h"

namespace weir {

struct PartitionOffset {
  std::int32_t partition = 0;
  std::int64_t next_offset = -1;  // first not yet processed; -1 = none
  Lane lane = Lane::kEvents;      // of inputs
};

/// A partition's first not yet processed offset in each lane; -1 = none.
struct LaneOffsets {
  std::int64_t events = -1;
  std::int64_t labels = -1;
  std::int64_t& operator[](Lane lane) { return lane == Lane::kEvents ? events : labels; }
  std::int64_t operator[](Lane lane) const { return lane == Lane::kEvents ? events : labels; }
  friend bool operator==(const LaneOffsets&, const LaneOffsets&) = default;
};

/// Told about assignment changes, inside InputLog::poll().
class AssignmentListener {
 public:
  virtual ~AssignmentListener() = default;
  /// New partitions with the group's committed (stable) offsets in every lane that is read; -1
  /// where there is none. They deliver nothing until resume_at() names them.
  virtual void assigned(std::span<const PartitionOffset> partitions) = 0;
  /// Partitions that leave. Not lost: the open transaction can and must be committed before this
  /// returns. Lost: another member may own them already; nothing may be committed.
  virtual void revoked(std::span<const std::int32_t> partitions, bool lost) = 0;
};

class InputLog {
 public:
  virtual ~InputLog() = default;
  /// Appends up to `max` records of all lanes to `out` (cleared first), waiting at most `timeout`
  /// for the first one. Records keep their bytes until the next poll().
  virtual Status poll(std::vector<RawRecord>& out, std::size_t max,
                      std::chrono::milliseconds timeout) = 0;
  /// Joins the group; assignments come through the listener, inside poll().
  virtual Status open(AssignmentListener& listener) = 0;
  /// Committed (stable) offsets of the group for these partitions, in every lane that is read.
  virtual Result<std::vector<PartitionOffset>> committed(
      std::span<const std::int32_t> partitions) = 0;
  /// First offset still there: where a partition without a committed offset starts.
  virtual Result<std::int64_t> first_offset(std::int32_t partition, Lane lane) = 0;
  /// End of the partition as last seen, without asking anybody; -1 when not known yet.
  [[nodiscard]] virtual std::int64_t known_end(std::int32_t partition, Lane lane) const = 0;
  /// Everything there was at the last look has been delivered.
  [[nodiscard]] virtual bool at_end(std::int32_t partition, Lane lane) const = 0;
  /// Delivers from next_offset on, now. Also used to rewind after an abort.
  virtual Status resume_at(std::span<const PartitionOffset> positions) = 0;
  /// All lanes of these partitions.
  virtual Status pause(std::span<const std::int32_t> partitions) = 0;
  /// Leaves the group; the listener sees the revoke inside.
  virtual void close() = 0;
};

/// How a commit or send ended.
enum class TxnOutcome : std::uint8_t {
  kCommitted,
  kAborted,  // everything since begin() is gone; the input must be rewound and run again
  kFenced,   // another instance with this identity took over: stop
  kUnknown,  // cannot be known from here: stop and recover from the log
};

struct TxnResult {
  TxnOutcome outcome = TxnOutcome::kCommitted;
  std::string message;  // empty when committed
  std::int32_t failed_input_partition =
      -1;  // whose record could not be written, if one record was the cause
  Stream failed_stream = Stream::kVerdicts;
};

/// Writes results. In exactly_once mode all between begin() and commit() is one Kafka transaction.
class OutputLog {
 public:
  virtual ~OutputLog() = default;
  /// Makes the producer ready (fences older ones of the same identity). Call before reading
  /// committed offsets.
  virtual Status open() = 0;
  virtual TxnResult begin() = 0;
  virtual TxnResult send(OutputRecord&& record) = 0;
  /// Everything sent is acknowledged, else the transaction has failed. After it,
  /// changelog_position(p) is the position behind the last changelog record acknowledged for
  /// partition p (-1: none in this transaction).
  virtual TxnResult flush() = 0;
  [[nodiscard]] virtual std::int64_t changelog_position(std::int32_t partition) const = 0;
  /// Offsets and everything sent become visible together (exactly_once) or offsets after results
  /// (at_least_once).
  virtual TxnResult commit(std::span<const PartitionOffset> offsets) = 0;
  /// Gives up everything since begin() and starts with a fresh producer (epoch rule).
  virtual Status abort() = 0;
  /// Serves delivery reports; cheap.
  virtual void poll() = 0;
};

/// Reads the changelog for restore, read_committed, up to a target asked from a read_uncommitted
/// handle.
class ChangelogReader {
 public:
  struct Record {
    std::int32_t partition;
    std::int64_t offset;
    std::string_view key;
    std::string_view value;
    bool tombstone;
  };
  virtual ~ChangelogReader() = default;
  /// First offset still there and the end as a read_uncommitted handle sees it.
  virtual Result<std::pair<std::int64_t, std::int64_t>> bounds(std::int32_t partition) = 0;
  /// Starts reading these partitions at these positions.
  virtual Status start(std::span<const PartitionOffset> positions) = 0;
  /// Delivers some records; `position` of a partition moves past markers too. Waits at most
  /// `timeout`.
  virtual Status read(std::chrono::milliseconds timeout,
                      const std::function<Status(const Record&)>& sink) = 0;
  /// Where reading of this partition stands, control records counted.
  [[nodiscard]] virtual std::int64_t position(std::int32_t partition) const = 0;
  virtual void stop() = 0;
};

}  // namespace weir
