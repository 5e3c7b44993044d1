#pragma once
// The output side of one worker: verdicts, features, dead letters, changelog, and the input offsets
// that belong to them.
//
// TransactionalOutput (exactly_once): one Kafka transaction from begin() to commit(). Rules kept
// here (ARCHITECTURE.md has their reasons): commit calls are bounded and repeated while retriable,
// an unknown outcome is never guessed; after any abort, and after any control request that was
// resent or lost, a fresh producer before the next begin(); delivery report callback set, so that
// flush and commit do not sleep in steps of 10 ms.
//
// IdempotentOutput (at_least_once): records go out at once; commit() waits until all are
// acknowledged, then commits offsets.

#include <array>
#include <map>
#include <optional>

#include "pipeline/core/clock.h"
#include "pipeline/core/log.h"
#include "pipeline/kafka/handles.h"
#include "pipeline/kafka/kafka_input.h"
#include "pipeline/kafka/request_counter.h"

namespace weir::kafka {

using StreamTopics = std::array<std::string, kStreamCount>;  // indexed by Stream

struct OutputOptions {
  Connection connection;
  StreamTopics topics;
  std::string transactional_id;  // the same after a restart, so that a restart aborts its own
                                 // leftovers at once
  std::int32_t input_partitions = 0;
  /// Partition counts of the topics. Where a topic has as many as the input, records follow their
  /// input partition: a user's records stay together and a transaction touches few partitions.
  std::array<std::int32_t, kStreamCount> partitions{};
};

/// What both kinds of producer share: client, topic handles, delivery reports.
class ProducerOutput : public OutputLog {
 public:
  TxnResult send(OutputRecord&& record) override;
  [[nodiscard]] std::int64_t changelog_position(std::int32_t partition) const override;
  void poll() override;

 protected:
  ProducerOutput(OutputOptions options, const Clock& clock)
      : options_(std::move(options)), clock_(clock) {}
  /// `linger`: how long a record may wait for others to share a request with; flush() never waits.
  Status create(std::chrono::milliseconds linger, const Properties& owned, RequestCounter* counter);
  void destroy();
  /// Waits until everything is acknowledged or failed, at most `timeout`.
  TxnResult drain(std::chrono::milliseconds timeout);
  void forget_deliveries();
  [[nodiscard]] rd_kafka_t* client() const { return client_.get(); }
  [[nodiscard]] const Clock& clock() const { return clock_; }
  OutputOptions options_;

 private:
  static void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* self);

  [[nodiscard]] std::int32_t partition_of(const OutputRecord& record) const;

  const Clock& clock_;
  Client client_;
  std::array<TopicHandle, kStreamCount> topics_;  // after client_: handles go first
  std::map<std::int32_t, std::int64_t> changelog_positions_;
  std::optional<TxnResult> failure_;  // first record that could not be delivered
};

class TransactionalOutput final : public ProducerOutput {
 public:
  /// `input` gives the group metadata at each commit; it must outlive this.
  TransactionalOutput(OutputOptions options, const KafkaInput& input, const Clock& clock)
      : ProducerOutput(std::move(options), clock), input_(input) {}
  ~TransactionalOutput() override;

  Status open() override;
  TxnResult begin() override;
  TxnResult flush() override;
  TxnResult commit(std::span<const PartitionOffset> offsets) override;
  Status abort() override;

 private:
  Status renew();
  TxnResult classify(KafkaError error, std::string_view step) const;

  const KafkaInput& input_;
  RequestCounter counter_;
  bool renew_before_begin_ = false;
};

class IdempotentOutput final : public ProducerOutput {
 public:
  IdempotentOutput(OutputOptions options, KafkaInput& input, const Clock& clock)
      : ProducerOutput(std::move(options), clock), input_(input) {}
  ~IdempotentOutput() override;

  Status open() override;
  TxnResult begin() override { return {}; }
  TxnResult flush() override;
  TxnResult commit(std::span<const PartitionOffset> offsets) override;
  Status abort() override;

 private:
  KafkaInput& input_;
};

}  // namespace weir::kafka
