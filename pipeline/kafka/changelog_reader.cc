#include "pipeline/kafka/changelog_reader.h"

#include <fmt/core.h>

#include "pipeline/kafka/list_offsets.h"

namespace weir::kafka {
namespace {

constexpr int kRequestTimeoutMs = 5'000;
constexpr int kRecordsPerRead = 20'000;

}  // namespace

Result<Client> KafkaChangelogReader::make_reader(const char* isolation) const {
  auto conf =
      make_conf(connection_, {{"queued.max.messages.kbytes", "16384"}, {"fetch.wait.max.ms", "20"}},
                {{"group.id",
                  connection_.group + "-restore"},  // never joined: partitions are assigned by hand
                 {"enable.auto.commit", "false"},
                 {"enable.partition.eof", "true"},
                 {"auto.offset.reset", "error"},
                 {"isolation.level", isolation}});
  if (!conf) return conf.error();
  return make_client(RD_KAFKA_CONSUMER, *std::move(conf));
}

Result<std::pair<std::int64_t, std::int64_t>> KafkaChangelogReader::bounds(std::int32_t partition) {
  if (!ends_) {
    auto made = make_reader("read_uncommitted");
    if (!made) return made.error();
    ends_ = *std::move(made);
  }
  const auto low = first_offset_of(ends_, topic_, partition, kRequestTimeoutMs);
  if (!low) return low.error();
  const auto high = end_offset_of(ends_, topic_, partition, kRequestTimeoutMs);
  if (!high) return high.error();
  return std::pair{*low, *high};
}

Status KafkaChangelogReader::start(std::span<const PartitionOffset> positions) {
  if (!reader_) {
    auto made = make_reader("read_committed");
    if (!made) return made.error();
    reader_ = *std::move(made);
  }
  positions_.clear();
  const PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(positions.size())));
  for (const auto& p : positions) {
    rd_kafka_topic_partition_list_add(list.get(), topic_.c_str(), p.partition)->offset =
        p.next_offset;
    positions_[p.partition] = p.next_offset;
  }
  if (const auto code = rd_kafka_assign(reader_.get(), list.get())) {
    return retry(fmt::format("cannot read changelog {}: {}", topic_, describe(code)));
  }
  return ok();
}

Status KafkaChangelogReader::read(std::chrono::milliseconds timeout,
                                  const std::function<Status(const Record&)>& sink) {
  int wait_ms = static_cast<int>(timeout.count());
  for (int i = 0; i < kRecordsPerRead; ++i) {
    const Message message(rd_kafka_consumer_poll(reader_.get(), wait_ms));
    wait_ms = 0;
    if (!message) break;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      // Its offset counts control records too, so "position >= end asked before" is a sound end of
      // restore.
      positions_[message->partition] = std::max(positions_[message->partition], message->offset);
      continue;
    }
    if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
      return fatal(fmt::format("changelog {} partition {} no longer has the position asked for",
                               topic_, message->partition));
    }
    if (message->err) continue;  // the library retries by itself
    WEIR_RETURN_IF_ERROR(sink({message->partition,
                               message->offset,
                               {static_cast<const char*>(message->key), message->key_len},
                               {static_cast<const char*>(message->payload), message->len},
                               message->payload == nullptr}));
    positions_[message->partition] = message->offset + 1;
  }
  return ok();
}

std::int64_t KafkaChangelogReader::position(std::int32_t partition) const {
  const auto found = positions_.find(partition);
  return found == positions_.end() ? -1 : found->second;
}

void KafkaChangelogReader::stop() {
  // Restores are rare; between them neither client should cost a thread or a fetch buffer.
  positions_.clear();
  if (reader_) rd_kafka_consumer_close(reader_.get());
  reader_.reset();
  ends_.reset();
}

}  // namespace weir::kafka
