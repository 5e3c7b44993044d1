#include "pipeline/kafka/profile_reader.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include <fmt/core.h>

#include "pipeline/kafka/list_offsets.h"
#include "pipeline/kafka/log_sink.h"

namespace weir::kafka {
namespace {

constexpr int kRequestTimeoutMs = 1'000;  // how long a stop may have to wait
constexpr int kPollMs = 100;
constexpr std::chrono::milliseconds kPauseMin{500};
constexpr std::chrono::milliseconds kPauseMax{30'000};
constexpr std::chrono::minutes kSeldom{1};

/// Sleeps, but not past a stop.
void pause(const std::stop_token& stop, std::chrono::milliseconds length) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, length, [] { return false; });
}

}  // namespace

ProfileReader::ProfileReader(Connection connection, std::string topic, ProfileSink sink,
                             const Clock& clock)
    : connection_(std::move(connection)),
      topic_(std::move(topic)),
      sink_(std::move(sink)),
      clock_(clock),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

void ProfileReader::run(const std::stop_token& stop) {
  auto wait = kPauseMin;
  while (!stop.stop_requested()) {
    const auto opened = open();
    if (opened) break;
    log(4,
        fmt::format("profiles: {}; trying again in {} ms", opened.error().message, wait.count()));
    pause(stop, wait);
    wait = std::min(wait * 2, kPauseMax);
  }
  while (!stop.stop_requested()) {
    const Message message(rd_kafka_consumer_poll(client_.get(), kPollMs));
    if (message) take(*message);
  }
  if (client_) rd_kafka_consumer_close(client_.get());
}

Status ProfileReader::open() {
  auto conf = make_conf(
      connection_, {{"queued.max.messages.kbytes", "16384"}, {"fetch.wait.max.ms", "100"}},
      {{"group.id",
        connection_.group + "-profiles"},  // never joined: partitions are assigned by hand
       {"enable.auto.commit", "false"},
       {"enable.partition.eof", "true"},
       {"auto.offset.reset", "earliest"},
       {"isolation.level", "read_committed"}});
  if (!conf) return conf.error();
  auto client = make_client(RD_KAFKA_CONSUMER, *std::move(conf));
  if (!client) return client.error();

  const TopicHandle handle(rd_kafka_topic_new(client->get(), topic_.c_str(), nullptr));
  const rd_kafka_metadata_t* metadata = nullptr;
  if (const auto code =
          rd_kafka_metadata(client->get(), 0, handle.get(), &metadata, kRequestTimeoutMs)) {
    return retry(fmt::format("no answer about topic {}: {}", topic_, describe(code)));
  }
  const int partitions = metadata->topic_cnt == 1 ? metadata->topics[0].partition_cnt : 0;
  rd_kafka_metadata_destroy(metadata);
  if (partitions == 0) return retry(fmt::format("there is no topic {}", topic_));

  // The end as a read_committed handle sees it, which stops at the first open transaction: what
  // lies behind it is not lost but late, as the heartbeats say, which lie behind it too.
  const PartitionList list(rd_kafka_topic_partition_list_new(partitions));
  std::map<std::int32_t, std::int64_t> ends;
  for (std::int32_t p = 0; p < partitions; ++p) {
    const auto end = end_offset_of(*client, topic_, p, kRequestTimeoutMs);
    if (!end) return end.error();
    if (*end > 0) ends[p] = *end;
    rd_kafka_topic_partition_list_add(list.get(), topic_.c_str(), p)->offset =
        RD_KAFKA_OFFSET_BEGINNING;
  }
  if (const auto code = rd_kafka_assign(client->get(), list.get())) {
    return retry(fmt::format("cannot read topic {}: {}", topic_, describe(code)));
  }
  client_ = *std::move(client);
  ends_ = std::move(ends);
  if (ends_.empty()) set_loaded();
  return ok();
}

void ProfileReader::take(const rd_kafka_message_t& message) {
  if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    // Its offset counts control records too: the end may consist of them.
    reached(message.partition, message.offset);
  } else if (message.err) {
    note_error(message.err);
  } else {
    deliver(message);
    reached(message.partition, message.offset + 1);
  }
}

void ProfileReader::deliver(const rd_kafka_message_t& message) {
  const std::string_view key{static_cast<const char*>(message.key), message.key_len};
  const std::string_view value{static_cast<const char*>(message.payload), message.len};
  records_.fetch_add(1, std::memory_order_relaxed);
  bytes_.fetch_add(key.size() + value.size(), std::memory_order_relaxed);
  const Status taken = message.payload == nullptr ? sink_.remove(key) : sink_.put(key, value);
  if (taken) return;
  bad_.fetch_add(1, std::memory_order_relaxed);
  note_bad(fmt::format("{} (partition {}, offset {})", taken.error().message, message.partition,
                       message.offset));
}

void ProfileReader::reached(std::int32_t partition, std::int64_t position) {
  const auto end = ends_.find(partition);
  if (end == ends_.end() || position < end->second) return;
  ends_.erase(end);
  if (ends_.empty()) set_loaded();
}

void ProfileReader::set_loaded() {
  sink_.loaded();
  log(6, fmt::format("profiles: topic {} is read, {} records", topic_, records()));
}

bool ProfileReader::may_say(std::optional<Clock::TimePoint>& said) {
  const auto now = clock_.now();
  if (said && now - *said < kSeldom) return false;
  said = now;
  return true;
}

void ProfileReader::note_bad(const std::string& reason) {
  if (!may_say(said_bad_)) return;
  log(4, fmt::format("profiles: topic {}: record refused: {}; {} refused so far", topic_, reason,
                     bad_records()));
}

void ProfileReader::note_error(rd_kafka_resp_err_t code) {
  // The library tries again by itself.
  if (!may_say(said_error_)) return;
  log(4, fmt::format("profiles: cannot read topic {} now: {}", topic_, describe(code)));
}

}  // namespace weir::kafka
