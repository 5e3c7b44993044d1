#include "pipeline/kafka/partition_transaction.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "pipeline/kafka/handles.h"

namespace weir::kafka {
namespace {

constexpr int kCallTimeoutMs = 15'000;
constexpr int kCommitTries = 3;

}  // namespace

struct PartitionTransaction::Impl {
  Client client;
  TopicHandle topic;  // after the client: it goes first
  std::int32_t partition = 0;
  bool open = false;
  std::int64_t first_offset = -1;
  std::string failure;

  static void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
    auto& impl = *static_cast<Impl*>(self);
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      if (impl.failure.empty()) impl.failure = describe(message->err);
      return;
    }
    const bool earlier = impl.first_offset < 0 || message->offset < impl.first_offset;
    if (earlier) impl.first_offset = message->offset;
  }
};

PartitionTransaction::PartitionTransaction(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<PartitionTransaction>> PartitionTransaction::begin(
    const Connection& connection, const std::string& transactional_id, const std::string& topic,
    std::int32_t partition) {
  auto impl = std::make_unique<Impl>();
  impl->partition = partition;
  auto conf = make_conf(connection, {{"message.timeout.ms", "9000"}, {"linger.ms", "5"}},
                        {{"transactional.id", transactional_id},
                         {"transaction.timeout.ms", "30000"},
                         {"enable.idempotence", "true"},
                         {"acks", "all"}});
  if (!conf) return conf.error();
  rd_kafka_conf_set_opaque(conf->get(), impl.get());
  rd_kafka_conf_set_dr_msg_cb(conf->get(), &Impl::on_delivery);
  auto client = make_client(RD_KAFKA_PRODUCER, *std::move(conf));
  if (!client) return client.error();
  impl->client = *std::move(client);
  const auto failed = [&](const KafkaError& error) {
    return retry(fmt::format("cannot start a transaction as {}: {}", transactional_id,
                             rd_kafka_error_string(error.get())));
  };
  if (const KafkaError error(rd_kafka_init_transactions(impl->client.get(), kCallTimeoutMs * 2));
      error) {
    return failed(error);
  }
  if (const KafkaError error(rd_kafka_begin_transaction(impl->client.get())); error) {
    return failed(error);
  }
  impl->open = true;
  impl->topic.reset(rd_kafka_topic_new(impl->client.get(), topic.c_str(), nullptr));
  return std::unique_ptr<PartitionTransaction>(new PartitionTransaction(std::move(impl)));
}

PartitionTransaction::~PartitionTransaction() {
  if (!impl_->open) return;
  rd_kafka_purge(impl_->client.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  // Should this fail, the broker aborts it after transaction.timeout.ms.
  const KafkaError error(rd_kafka_abort_transaction(impl_->client.get(), kCallTimeoutMs));
}

Status PartitionTransaction::send(std::string_view key, std::string_view value, bool tombstone) {
  // librdkafka copies both; its signature is older than const.
  auto* bytes = tombstone ? nullptr : const_cast<char*>(value.data());
  for (;;) {
    const int refused =
        rd_kafka_produce(impl_->topic.get(), impl_->partition, RD_KAFKA_MSG_F_COPY, bytes,
                         tombstone ? 0 : value.size(), key.data(), key.size(), nullptr);
    if (refused == 0) return ok();
    const auto code = rd_kafka_last_error();
    if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      return retry(fmt::format("cannot write to topic {}: {}",
                               rd_kafka_topic_name(impl_->topic.get()), describe(code)));
    }
    rd_kafka_poll(impl_->client.get(), 10);
  }
}

Result<std::int64_t> PartitionTransaction::flush() {
  const auto code = rd_kafka_flush(impl_->client.get(), kCallTimeoutMs);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR && impl_->failure.empty()) impl_->failure = describe(code);
  if (!impl_->failure.empty()) {
    return retry(fmt::format("topic {} did not take a record: {}",
                             rd_kafka_topic_name(impl_->topic.get()), impl_->failure));
  }
  return impl_->first_offset;
}

Status PartitionTransaction::commit() {
  for (int i = 1;; ++i) {
    const KafkaError error(rd_kafka_commit_transaction(impl_->client.get(), kCallTimeoutMs));
    if (!error) break;
    const auto text = std::string(rd_kafka_error_string(error.get()));
    if (rd_kafka_error_txn_requires_abort(error.get()) != 0) return retry(text);
    if (rd_kafka_error_is_retriable(error.get()) == 0 || i == kCommitTries) {
      impl_->open = false;
      return fatal(fmt::format("it is not known how the transaction ended: {}", text));
    }
  }
  impl_->open = false;
  return ok();
}

}  // namespace weir::kafka
