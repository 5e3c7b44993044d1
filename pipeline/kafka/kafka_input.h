#pragma once
// The input topics through a consumer group: static membership, range assignor, read_committed. The
// topics have equally many partitions, so that the assignor gives partition p of all of them to one
// member.
//
// librdkafka 2.0.2 sets the rules here: consumer_poll only (the batch call skips offsets around
// pause and resume before 2.1), no cooperative-sticky (endless loop before 2.6.1), a rebalance
// callback always, offsets never committed by the consumer in exactly_once. Records below the
// position asked for are dropped: a seek may still deliver some that were fetched before.

#include <map>
#include <optional>

#include "pipeline/core/log.h"
#include "pipeline/kafka/handles.h"

namespace weir::kafka {

struct InputOptions {
  Connection connection;
  std::string topic;
  std::string labels_topic;  // empty: labels are not read
  std::string group_id;
  std::string member_id;  // group.instance.id: the same after a restart; empty = dynamic member
};

class KafkaInput final : public InputLog {
 public:
  explicit KafkaInput(InputOptions options) : options_(std::move(options)) {}
  ~KafkaInput() override;

  Status open(AssignmentListener& listener) override;
  Status poll(std::vector<RawRecord>& out, std::size_t max,
              std::chrono::milliseconds timeout) override;
  Result<std::vector<PartitionOffset>> committed(std::span<const std::int32_t> partitions) override;
  Result<std::int64_t> first_offset(std::int32_t partition, Lane lane) override;
  [[nodiscard]] std::int64_t known_end(std::int32_t partition, Lane lane) const override;
  [[nodiscard]] bool at_end(std::int32_t partition, Lane lane) const override;
  Status resume_at(std::span<const PartitionOffset> positions) override;
  Status pause(std::span<const std::int32_t> partitions) override;
  void close() override;

  /// Taken at each commit, so that the broker can check member and generation.
  [[nodiscard]] GroupMetadata group_metadata() const;
  /// at_least_once: offsets after results. kFatal: the group has given the partitions away.
  Status commit_offsets(std::span<const PartitionOffset> offsets);
  /// As librdkafka wants them, topics named.
  [[nodiscard]] PartitionList make_list(std::span<const PartitionOffset> offsets) const;

 private:
  using Input = std::pair<Lane, std::int32_t>;
  struct Position {
    std::int64_t start = 0;  // where the consumer was told to start
    std::int64_t next = 0;   // first offset to deliver
    bool flowing = false;    // false: paused, deliver nothing
    bool at_end = false;     // the broker had nothing more at the last fetch
    bool skipped =
        false;  // a record fetched before the pause took effect was dropped: seek to resume
    std::int64_t end = -1;  // as asked at the assignment
  };

  static void on_rebalance(rd_kafka_t*, rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t*,
                           void* self);
  void assign(rd_kafka_topic_partition_list_t* partitions);
  void refuse_assignment(const Error& why);
  void revoke(rd_kafka_topic_partition_list_t* partitions);
  Status seek(std::span<const PartitionOffset> positions);
  [[nodiscard]] PartitionList make_list(std::span<const std::int32_t> partitions) const;
  [[nodiscard]] const std::string& topic(Lane lane) const {
    return lane == Lane::kEvents ? options_.topic : options_.labels_topic;
  }
  [[nodiscard]] Lane lane_of(std::string_view topic) const {
    return topic == options_.topic ? Lane::kEvents : Lane::kLabels;
  }
  [[nodiscard]] std::span<const Lane> lanes() const {
    return std::span(kLanes).first(options_.labels_topic.empty() ? 1 : std::size(kLanes));
  }
  void note_end(const rd_kafka_message_t& message);
  /// Nothing is fetched, and so no end learnt, before resume_at(); but what waits should be seen.
  void ask_ends(std::span<const PartitionOffset> partitions);
  void take(Message message, std::vector<RawRecord>& out);

  InputOptions options_;
  Client client_;
  AssignmentListener* listener_ = nullptr;
  std::map<Input, Position> positions_;
  std::vector<Message> held_;     // bytes of the records handed out by the last poll()
  std::optional<Error> failure_;  // met inside a callback, returned by poll()
};

}  // namespace weir::kafka
