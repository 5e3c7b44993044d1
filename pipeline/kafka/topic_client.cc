#include "pipeline/kafka/topic_client.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/core.h>

#include "pipeline/kafka/handles.h"
#include "pipeline/kafka/list_offsets.h"

namespace weir::kafka {
namespace {

constexpr int kTimeoutMs = 10'000;

using Headers = std::unique_ptr<rd_kafka_headers_t, Deleter<rd_kafka_headers_destroy>>;

/// What librdkafka is told of a partition: an offset, a name for one, or for kTime the time.
std::int64_t offset_for(ReadFrom from) {
  switch (from.place) {
    case ReadFrom::Place::kBeginning:
      return RD_KAFKA_OFFSET_BEGINNING;
    case ReadFrom::Place::kNow:
      return RD_KAFKA_OFFSET_END;
    case ReadFrom::Place::kTime:
      return from.value;
    case ReadFrom::Place::kLast:
      return RD_KAFKA_OFFSET_TAIL(from.value);
  }
  return RD_KAFKA_OFFSET_END;
}

Result<Client> open_consumer(const Connection& connection) {
  auto conf = make_conf(
      connection, {{"queued.max.messages.kbytes", "16384"}},
      {{"group.id", connection.group + "-tap"},  // never joined: partitions are assigned by hand
       {"enable.auto.commit", "false"},
       {"enable.partition.eof", "true"},
       {"auto.offset.reset", "earliest"},
       {"isolation.level", "read_committed"}});
  if (!conf) return conf.error();
  return make_client(RD_KAFKA_CONSUMER, *std::move(conf));
}

void read_headers(const rd_kafka_message_t* message, std::vector<HeaderView>& out) {
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0;
       rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
       ++i) {
    out.push_back({name, {static_cast<const char*>(value), value == nullptr ? 0 : size}});
  }
}

}  // namespace

struct TopicProducer::Impl {
  std::uint64_t failed = 0;
  std::string last_failure;
  Client client;

  static void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) return;
    auto* impl = static_cast<Impl*>(self);
    ++impl->failed;
    impl->last_failure = describe(message->err);
  }
};

TopicProducer::TopicProducer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TopicProducer::~TopicProducer() = default;

Result<std::unique_ptr<TopicProducer>> TopicProducer::open(const Connection& connection) {
  auto impl = std::make_unique<Impl>();
  auto conf = make_conf(connection, {{"linger.ms", "0"}},
                        {{"enable.idempotence", "true"}, {"partitioner", "murmur2_random"}});
  if (!conf) return conf.error();
  rd_kafka_conf_set_opaque(conf->get(), impl.get());
  rd_kafka_conf_set_dr_msg_cb(conf->get(), &Impl::on_delivery);
  auto client = make_client(RD_KAFKA_PRODUCER, *std::move(conf));
  if (!client) return client.error();
  impl->client = *std::move(client);
  return std::unique_ptr<TopicProducer>(new TopicProducer(std::move(impl)));
}

Status TopicProducer::send(const std::string& topic, std::string_view key, std::string_view value,
                           std::int32_t partition) {
  for (;;) {
    const auto code = rd_kafka_producev(
        impl_->client.get(), RD_KAFKA_V_TOPIC(topic.c_str()),
        RD_KAFKA_V_PARTITION(partition < 0 ? RD_KAFKA_PARTITION_UA : partition),
        RD_KAFKA_V_KEY(key.data(), key.size()),
        RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()),  // copied, never written
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) break;
    if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      return retry(fmt::format("cannot write to topic {}: {}", topic, describe(code)));
    }
    rd_kafka_poll(impl_->client.get(), 10);
  }
  rd_kafka_poll(impl_->client.get(), 0);
  return ok();
}

Status TopicProducer::send_to(const std::string& topic, std::int32_t partition,
                              std::string_view key, std::string_view value,
                              const std::vector<std::pair<std::string, std::string>>& headers) {
  for (;;) {
    Headers list(rd_kafka_headers_new(headers.size()));
    for (const auto& [name, text] : headers) {
      rd_kafka_header_add(list.get(), name.data(), static_cast<ssize_t>(name.size()), text.data(),
                          static_cast<ssize_t>(text.size()));
    }
    const auto code = rd_kafka_producev(
        impl_->client.get(), RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(partition),
        RD_KAFKA_V_KEY(key.data(), key.size()),
        RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()),  // copied, never written
        RD_KAFKA_V_HEADERS(list.get()), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
      (void)list.release();  // the record took them over
      break;
    }
    if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      return retry(fmt::format("cannot write to topic {}: {}", topic, describe(code)));
    }
    rd_kafka_poll(impl_->client.get(), 10);
  }
  rd_kafka_poll(impl_->client.get(), 0);
  return ok();
}

Status TopicProducer::flush(std::chrono::milliseconds timeout) {
  const auto code = rd_kafka_flush(impl_->client.get(), static_cast<int>(timeout.count()));
  if (const auto failed = std::exchange(impl_->failed, 0); failed > 0) {
    return retry(fmt::format("{} records were not written: {}", failed, impl_->last_failure));
  }
  if (code) return retry(fmt::format("records were not acknowledged in time: {}", describe(code)));
  return ok();
}

struct TopicReader::Impl {
  Client client;
  std::set<std::pair<std::string, std::int32_t>> unread;  // partitions whose end was not seen yet
  std::map<std::pair<std::string, std::int32_t>, std::int64_t> next;  // offset not yet handed out
  std::map<std::string, int> partitions;                              // never changes after open()
};

TopicReader::TopicReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TopicReader::~TopicReader() {
  rd_kafka_consumer_close(impl_->client.get());
}

Result<std::unique_ptr<TopicReader>> TopicReader::open(const Connection& connection,
                                                       const std::vector<std::string>& topics,
                                                       ReadFrom from) {
  std::vector<std::pair<std::string, ReadFrom>> beginnings;
  for (const std::string& topic : topics) beginnings.emplace_back(topic, from);
  return open(connection, beginnings);
}

Result<std::unique_ptr<TopicReader>> TopicReader::open(
    const Connection& connection, const std::vector<std::pair<std::string, ReadFrom>>& topics) {
  auto client = open_consumer(connection);
  if (!client) return client.error();
  auto impl = std::make_unique<Impl>();
  impl->client = *std::move(client);

  const PartitionList list(rd_kafka_topic_partition_list_new(16));
  bool by_time = false;
  for (const auto& [topic, from] : topics) {
    const TopicHandle handle(rd_kafka_topic_new(impl->client.get(), topic.c_str(), nullptr));
    const rd_kafka_metadata_t* metadata = nullptr;
    if (const auto code =
            rd_kafka_metadata(impl->client.get(), 0, handle.get(), &metadata, kTimeoutMs)) {
      return retry(
          fmt::format("no answer about topic {}: {}; check kafka.brokers", topic, describe(code)));
    }
    const int count = metadata->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    if (count == 0) {
      return fatal(
          fmt::format("there is no topic {}; check its name (topics.*), or create it", topic));
    }
    for (std::int32_t p = 0; p < count; ++p) {
      rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), p)->offset = offset_for(from);
      impl->unread.insert({topic, p});
    }
    impl->partitions[topic] = count;
    by_time = by_time || from.place == ReadFrom::Place::kTime;
  }
  if (by_time) {
    if (const auto code = rd_kafka_offsets_for_times(impl->client.get(), list.get(), kTimeoutMs)) {
      return retry(fmt::format("cannot find records by time: {}", describe(code)));
    }
  }
  if (const auto code = rd_kafka_assign(impl->client.get(), list.get())) {
    return retry(fmt::format("cannot read: {}", describe(code)));
  }
  return std::unique_ptr<TopicReader>(new TopicReader(std::move(impl)));
}

Status TopicReader::poll(std::chrono::milliseconds timeout,
                         const std::function<bool(const std::string&, const RawRecord&)>& sink) {
  int wait_ms = static_cast<int>(timeout.count());
  for (;;) {
    const Message message(rd_kafka_consumer_poll(impl_->client.get(), wait_ms));
    wait_ms = 0;
    if (!message) return ok();
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      impl_->unread.erase({rd_kafka_topic_name(message->rkt), message->partition});
      impl_->next[{rd_kafka_topic_name(message->rkt), message->partition}] = message->offset;
      continue;
    }
    if (message->err) continue;  // the library retries by itself
    RawRecord record;
    record.partition = message->partition;
    record.offset = message->offset;
    rd_kafka_timestamp_type_t type{};
    record.timestamp_ms = rd_kafka_message_timestamp(message.get(), &type);
    record.key = {static_cast<const char*>(message->key), message->key_len};
    record.value = {static_cast<const char*>(message->payload), message->len};
    record.tombstone = message->payload == nullptr;
    read_headers(message.get(), record.headers);
    impl_->next[{rd_kafka_topic_name(message->rkt), message->partition}] = message->offset + 1;
    if (!sink(rd_kafka_topic_name(message->rkt), record)) return ok();
  }
}

bool TopicReader::at_end() const {
  return impl_->unread.empty();
}

Result<TopicEnds> TopicReader::ends_of(const std::string& topic,
                                       std::chrono::milliseconds timeout) const {
  const int count = impl_->partitions.at(topic);
  const PartitionList list(rd_kafka_topic_partition_list_new(count));
  rd_kafka_topic_partition_list_add_range(list.get(), topic.c_str(), 0, count - 1);
  ask_end_offsets(impl_->client, list, static_cast<int>(timeout.count()));
  TopicEnds ends;
  for (int i = 0; i < list->cnt; ++i) {
    const auto& answer = list->elems[i];
    if (answer.offset < 0) {
      return retry(
          fmt::format("no answer where topic {} partition {} ends", topic, answer.partition));
    }
    ends[answer.partition] = answer.offset;
  }
  return ends;
}

bool TopicReader::has_read(const std::string& topic, const TopicEnds& ends) const {
  return std::ranges::all_of(ends, [&](const auto& end) {
    const auto found = impl_->next.find({topic, end.first});
    return found != impl_->next.end() && found->second >= end.second;
  });
}

Result<std::optional<std::string>> read_record(const Connection& connection,
                                               const std::string& topic, std::int32_t partition,
                                               std::int64_t offset,
                                               std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  auto client = open_consumer(connection);
  if (!client) return client.error();
  const PartitionList list(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition)->offset = offset;
  if (const auto code = rd_kafka_assign(client->get(), list.get())) {
    return retry(fmt::format("cannot read: {}", describe(code)));
  }
  while (std::chrono::steady_clock::now() < deadline) {
    const Message message(rd_kafka_consumer_poll(client->get(), 50));
    if (!message) continue;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) return std::optional<std::string>{};
    if (message->err) continue;  // the library retries by itself
    if (message->offset != offset) return std::optional<std::string>{};
    return std::optional<std::string>{
        std::string(static_cast<const char*>(message->payload), message->len)};
  }
  return retry(fmt::format("no answer from topic {} in {} ms", topic, timeout.count()));
}

}  // namespace weir::kafka
