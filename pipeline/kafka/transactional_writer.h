#pragma once
// A few records to several topics, all of them or none: what a person decides must not stand on one
// topic without the other.
//
// Beside TransactionalOutput (kafka_output.h), which commits a worker's input offsets along and
// repeats its batch by itself. Here nobody repeats but the person, so any failure ends the
// producer, and the next settle() begins with InitProducerId: the broker answers it only after
// whatever that id had begun is committed or aborted, markers and all. What happened then stands in
// the topics. The epoch rule (request_counter.h) holds here too.
//
// Threads: one at a time. Calls wait for the broker, at most as long as they say.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "pipeline/core/error.h"
#include "pipeline/kafka/connection.h"

namespace weir::kafka {

struct TopicRecord {
  std::string topic, key, value;
  std::int32_t partition = -1;  // below 0: by the key (murmur2)
  bool tombstone = false;       // no value
};

class TransactionalWriter {
 public:
  /// Connects at the first settle(). `transactional_id`: the same after a restart, and nobody
  /// else's: who uses it too fences this one, and is fenced.
  TransactionalWriter(Connection connection, std::string transactional_id);
  ~TransactionalWriter();

  /// Makes write() possible. True: this is another producer than before (the first one, after a
  /// failure, after a long rest), and what the one before had begun is over. kRetry: no answer
  /// within `patience`, or a right is missing; the message says which.
  Result<bool> settle(std::chrono::milliseconds patience);

  /// One transaction; needs a settle() that went well since the last failure. ok: committed.
  /// kRetry: not confirmed, and only the topics, read after the next settle(), say how it ended.
  /// Waits at most twice `patience`, and a second more to abort.
  /// `may_commit` is asked when all records are acknowledged and do not count yet, with the lowest
  /// offset among them: its error gives the transaction up.
  using MayCommit = std::function<Status(std::int64_t first_offset)>;
  Status write(std::span<const TopicRecord> records, std::chrono::milliseconds patience,
               const MayCommit& may_commit = nullptr);

 private:
  struct Producer;
  Error give_up(std::string message);

  const Connection connection_;
  const std::string transactional_id_;
  std::unique_ptr<Producer> producer_;
};

}  // namespace weir::kafka
