#include "pipeline/kafka/transactional_writer.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "pipeline/kafka/handles.h"
#include "pipeline/kafka/request_counter.h"

namespace weir::kafka {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

/// The broker forgets an id that was not used for a week (transactional.id.expiration.ms), and
/// would refuse the first write after it.
constexpr std::chrono::hours kRestMax{1};
constexpr milliseconds kAbortPatience{1'000};

int left_ms(Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::max<std::int64_t>(left, 1));
}

bool is_fenced(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
         code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
}

}  // namespace

struct TransactionalWriter::Producer {
  RequestCounter counter;
  std::string failure;  // the first record that was not taken
  std::int64_t first_offset = INT64_MAX;
  Clock::time_point used = Clock::now();
  Client client;  // first to go: it uses the others

  ~Producer() {
    // What is still queued belongs to a transaction that is given up.
    if (client) {
      rd_kafka_purge(client.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                       RD_KAFKA_PURGE_F_NON_BLOCKING);
    }
  }

  static void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
    auto* producer = static_cast<Producer*>(self);
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      producer->first_offset = std::min(producer->first_offset, message->offset);
    }
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR || !producer->failure.empty()) return;
    producer->failure = fmt::format("topic {} did not take a record: {}",
                                    rd_kafka_topic_name(message->rkt), describe(message->err));
  }

  Status create(const Connection& connection, const std::string& transactional_id) {
    auto conf = make_conf(connection,
                          {{"linger.ms", "0"},
                           {"message.timeout.ms", "4000"},
                           {"request.timeout.ms", "3000"},
                           {"socket.timeout.ms", "6000"},
                           {"retry.backoff.ms", "10"},
                           {"partitioner", "murmur2_random"}},
                          {{"enable.idempotence", "true"},
                           {"acks", "all"},
                           {"transactional.id", transactional_id},
                           {"transaction.timeout.ms", "10000"}});
    if (!conf) return conf.error();
    rd_kafka_conf_set_opaque(conf->get(), this);
    rd_kafka_conf_set_dr_msg_cb(conf->get(), &Producer::on_delivery);
    counter.install(conf->get());
    auto made = make_client(RD_KAFKA_PRODUCER, *std::move(conf));
    if (!made) return made.error();
    client = *std::move(made);
    return ok();
  }

  /// What went wrong, in words that help: whose right is missing, or who has taken over.
  [[nodiscard]] std::string words_for(const rd_kafka_error_t* error, const std::string& id) const {
    auto code = rd_kafka_error_code(error);
    char reason[256] = {};
    if (rd_kafka_error_is_fatal(error) != 0) {
      const auto underlying = rd_kafka_fatal_error(client.get(), reason, sizeof reason);
      if (underlying != RD_KAFKA_RESP_ERR_NO_ERROR) code = underlying;
    }
    if (is_fenced(code)) {
      return fmt::format(
          "another process writes as transactional id {}: give each instance an instance.id of its "
          "own",
          id);
    }
    if (code == RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED) {
      return fmt::format("no right to write as transactional id {}: deploy/topics/weir-topics", id);
    }
    return fmt::format("{} ({})", rd_kafka_error_string(error), rd_kafka_error_name(error));
  }

  [[nodiscard]] KafkaError send(const TopicRecord& record) const {
    rd_kafka_vu_t arguments[5] = {};
    arguments[0].vtype = RD_KAFKA_VTYPE_TOPIC;
    arguments[0].u.cstr = record.topic.c_str();
    arguments[1].vtype = RD_KAFKA_VTYPE_PARTITION;
    arguments[1].u.i32 = record.partition < 0 ? RD_KAFKA_PARTITION_UA : record.partition;
    arguments[2].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    arguments[2].u.i = RD_KAFKA_MSG_F_COPY;
    arguments[3].vtype = RD_KAFKA_VTYPE_KEY;  // copied, never written
    arguments[3].u.mem = {const_cast<char*>(record.key.data()), record.key.size()};
    arguments[4].vtype = RD_KAFKA_VTYPE_VALUE;
    arguments[4].u.mem = {const_cast<char*>(record.value.data()), record.value.size()};
    const std::size_t count = std::size(arguments) - (record.tombstone ? 1 : 0);
    return KafkaError(rd_kafka_produceva(client.get(), arguments, count));
  }
};

TransactionalWriter::TransactionalWriter(Connection connection, std::string transactional_id)
    : connection_(std::move(connection)), transactional_id_(std::move(transactional_id)) {}
TransactionalWriter::~TransactionalWriter() = default;

Error TransactionalWriter::give_up(std::string message) {
  producer_.reset();
  return retry(std::move(message));
}

Result<bool> TransactionalWriter::settle(milliseconds patience) {
  if (producer_ && !producer_->counter.epoch_is_doubtful() &&
      Clock::now() - producer_->used < kRestMax) {
    return false;
  }
  producer_ = std::make_unique<Producer>();
  if (const auto made = producer_->create(connection_, transactional_id_); !made) {
    producer_.reset();
    return made.error();
  }
  const KafkaError error(
      rd_kafka_init_transactions(producer_->client.get(), static_cast<int>(patience.count())));
  if (error) return give_up(producer_->words_for(error.get(), transactional_id_));
  producer_->counter.reset();
  return true;
}

Status TransactionalWriter::write(std::span<const TopicRecord> records, milliseconds patience,
                                  const MayCommit& may_commit) {
  WEIR_CHECK(producer_ != nullptr);
  Producer& producer = *producer_;
  rd_kafka_t* client = producer.client.get();
  const auto words = [&](const KafkaError& error) {
    return producer.words_for(error.get(), transactional_id_);
  };
  producer.counter.reset();
  producer.used = Clock::now();
  producer.first_offset = INT64_MAX;
  if (const KafkaError error(rd_kafka_begin_transaction(client)); error) {
    return give_up(words(error));
  }
  for (const TopicRecord& record : records) {
    if (const auto error = producer.send(record); error) {
      producer.failure = fmt::format("cannot write to topic {}: {}", record.topic, words(error));
      break;
    }
  }
  if (producer.failure.empty()) {
    const auto late = rd_kafka_flush(client, static_cast<int>(patience.count()));
    if (late && producer.failure.empty()) producer.failure = "the broker does not answer";
  }
  if (producer.failure.empty() && may_commit) {
    if (const auto may = may_commit(producer.first_offset); !may) {
      producer.failure = may.error().message;
    }
  }
  if (!producer.failure.empty()) {
    // At once, where the broker can be asked: an open transaction holds up who reads the topics.
    const KafkaError aborted(
        rd_kafka_abort_transaction(client, static_cast<int>(kAbortPatience.count())));
    const bool fenced = aborted && rd_kafka_error_is_fatal(aborted.get()) != 0;
    return give_up(fenced ? words(aborted) : std::exchange(producer.failure, {}));
  }
  for (const auto deadline = Clock::now() + patience;;) {
    const KafkaError error(rd_kafka_commit_transaction(client, left_ms(deadline)));
    if (!error) return ok();
    const bool again = rd_kafka_error_is_retriable(error.get()) != 0 &&
                       rd_kafka_error_txn_requires_abort(error.get()) == 0 &&
                       Clock::now() < deadline;
    if (!again) return give_up(words(error));
  }
}

}  // namespace weir::kafka
