#include "pipeline/kafka/kafka_output.h"

#include <algorithm>

#include <fmt/core.h>

#include "pipeline/kafka/log_sink.h"

namespace weir::kafka {
namespace {

using std::chrono::milliseconds;

constexpr int kCallTimeoutMs = 5'000;
constexpr milliseconds kCommitDeadline{40'000};
constexpr milliseconds kFlushDeadline{
    15'000};  // message.timeout.ms (9 s) ends every wait before this
/// Nobody sees a record of a transaction before its end, so few large requests are better than
/// many.
constexpr milliseconds kTransactionLinger{5};
constexpr int kInitTries = 4;  // of 15 s each

// A record's opaque: whose input partition it belongs to and which stream it is, without an
// allocation.
void* pack(std::int32_t input_partition, Stream stream) {
  const auto bits =
      (static_cast<std::uint64_t>(static_cast<std::uint32_t>(input_partition)) << 8U) |
      static_cast<std::uint64_t>(stream);
  // NOLINTNEXTLINE(performance-no-int-to-ptr): librdkafka's opaque is a void*
  return reinterpret_cast<void*>(bits);
}
std::int32_t packed_partition(const void* opaque) {
  return static_cast<std::int32_t>(
      static_cast<std::uint32_t>(reinterpret_cast<std::uint64_t>(opaque) >> 8U));
}
Stream packed_stream(const void* opaque) {
  return static_cast<Stream>(reinterpret_cast<std::uint64_t>(opaque) & 0xffU);
}

TxnResult aborted(std::string message, std::int32_t input_partition = -1,
                  Stream stream = Stream::kVerdicts) {
  return {TxnOutcome::kAborted, std::move(message), input_partition, stream};
}

}  // namespace

// -- both

Status ProducerOutput::create(milliseconds linger, const Properties& owned,
                              RequestCounter* counter) {
  Properties ours{
      {"message.timeout.ms", "9000"},
      {"request.timeout.ms", "5000"},
      {"socket.timeout.ms", "10000"},
      {"queue.buffering.max.messages", "500000"},
      {"queue.buffering.max.kbytes", "262144"},
      {"batch.num.messages", "10000"},
      {"retry.backoff.ms", "10"},
      {"message.max.bytes", "33554432"},
      {"linger.ms", std::to_string(linger.count())},
      {"partitioner", "murmur2_random"},
  };
  Properties all = owned;
  all["enable.idempotence"] = "true";
  all["acks"] = "all";
  auto conf = make_conf(options_.connection, ours, all);
  if (!conf) return conf.error();
  rd_kafka_conf_set_opaque(conf->get(), this);
  rd_kafka_conf_set_dr_msg_cb(conf->get(), &ProducerOutput::on_delivery);
  if (counter != nullptr) counter->install(conf->get());
  auto made = make_client(RD_KAFKA_PRODUCER, *std::move(conf));
  if (!made) return made.error();
  client_ = *std::move(made);
  for (std::size_t i = 0; i < kStreamCount; ++i) {
    topics_[i].reset(rd_kafka_topic_new(client_.get(), options_.topics[i].c_str(), nullptr));
  }
  forget_deliveries();
  return ok();
}

void ProducerOutput::destroy() {
  if (!client_) return;
  // Whatever is still queued belongs to a transaction that is over or given up.
  rd_kafka_purge(client_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                    RD_KAFKA_PURGE_F_NON_BLOCKING);
  for (auto& topic : topics_) topic.reset();
  client_.reset();
}

std::int32_t ProducerOutput::partition_of(const OutputRecord& record) const {
  if (record.partition >= 0) return record.partition;
  const bool follows =
      options_.partitions[static_cast<std::size_t>(record.stream)] == options_.input_partitions;
  return follows && record.input_partition >= 0 ? record.input_partition : RD_KAFKA_PARTITION_UA;
}

TxnResult ProducerOutput::send(OutputRecord&& record) {
  if (failure_) return *failure_;
  rd_kafka_topic_t* topic = topics_[static_cast<std::size_t>(record.stream)].get();
  rd_kafka_headers_t* headers = nullptr;
  if (!record.headers.empty()) {
    headers = rd_kafka_headers_new(record.headers.size());
    for (const auto& [name, value] : record.headers) {
      rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), value.data(),
                          static_cast<ssize_t>(value.size()));
    }
  }
  const std::int32_t partition = partition_of(record);
  for (;;) {
    std::array<rd_kafka_vu_t, 7> arguments;  // filled below; librdkafka reads exactly `count`
    std::size_t count = 0;
    const auto add = [&](rd_kafka_vtype_t type) -> rd_kafka_vu_t& {
      auto& slot = arguments[count++];
      slot = {};
      slot.vtype = type;
      return slot;
    };
    add(RD_KAFKA_VTYPE_RKT).u.rkt = topic;
    add(RD_KAFKA_VTYPE_PARTITION).u.i32 = partition;
    add(RD_KAFKA_VTYPE_MSGFLAGS).u.i = RD_KAFKA_MSG_F_COPY;
    if (!record.tombstone) {
      add(RD_KAFKA_VTYPE_VALUE).u.mem = {record.value.data(), record.value.size()};
    }
    add(RD_KAFKA_VTYPE_KEY).u.mem = {record.key.data(), record.key.size()};
    add(RD_KAFKA_VTYPE_OPAQUE).u.ptr = pack(record.input_partition, record.stream);
    if (headers != nullptr) add(RD_KAFKA_VTYPE_HEADERS).u.headers = headers;
    const KafkaError error(rd_kafka_produceva(client_.get(), arguments.data(), count));
    if (!error) return {};
    const auto code = rd_kafka_error_code(error.get());
    if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      rd_kafka_poll(client_.get(), 10);  // back-pressure: the broker takes what is queued
      if (failure_) {
        if (headers != nullptr) rd_kafka_headers_destroy(headers);
        return *failure_;
      }
      continue;
    }
    if (headers != nullptr) rd_kafka_headers_destroy(headers);
    failure_ = aborted(
        fmt::format("cannot write to topic {}: {}", rd_kafka_topic_name(topic), describe(code)),
        record.input_partition, record.stream);
    return *failure_;
  }
}

void ProducerOutput::on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
  auto* output = static_cast<ProducerOutput*>(self);
  const auto partition = packed_partition(message->_private);
  const auto stream = packed_stream(message->_private);
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    // A purged record is the consequence of another failure, not the cause.
    const bool consequence = message->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
                             message->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
    if (!output->failure_ || (!consequence && output->failure_->failed_input_partition < 0)) {
      output->failure_ =
          aborted(fmt::format("topic {} did not take a record: {}",
                              rd_kafka_topic_name(message->rkt), describe(message->err)),
                  consequence ? -1 : partition, stream);
    }
    return;
  }
  if (stream == Stream::kChangelog) {
    auto& position = output->changelog_positions_[partition];
    position = std::max(position, message->offset + 1);
  }
}

std::int64_t ProducerOutput::changelog_position(std::int32_t partition) const {
  const auto found = changelog_positions_.find(partition);
  return found == changelog_positions_.end() ? -1 : found->second;
}

void ProducerOutput::poll() {
  if (client_) rd_kafka_poll(client_.get(), 0);
}

TxnResult ProducerOutput::drain(milliseconds timeout) {
  const auto code = rd_kafka_flush(client_.get(), static_cast<int>(timeout.count()));
  if (failure_) return *failure_;
  if (code)
    return aborted(fmt::format("records were not acknowledged in time: {}", describe(code)));
  return {};
}

void ProducerOutput::forget_deliveries() {
  failure_.reset();
  changelog_positions_.clear();
}

// -- exactly once

TransactionalOutput::~TransactionalOutput() {
  destroy();
}

Status TransactionalOutput::open() {
  return renew();
}

Status TransactionalOutput::renew() {
  destroy();
  counter_.reset();
  WEIR_RETURN_IF_ERROR(
      create(kTransactionLinger,
             {{"transactional.id", options_.transactional_id}, {"transaction.timeout.ms", "10000"}},
             &counter_));
  std::string last;
  for (int i = 0; i < kInitTries; ++i) {
    const KafkaError error(rd_kafka_init_transactions(client(), kCallTimeoutMs * 3));
    if (!error) {
      counter_.reset();
      renew_before_begin_ = false;
      return ok();
    }
    last = rd_kafka_error_string(error.get());
    if (!rd_kafka_error_is_retriable(error.get())) {
      return fatal(
          fmt::format("cannot start transactions as {}: {}", options_.transactional_id, last));
    }
  }
  return retry(fmt::format("cannot start transactions as {}: {}", options_.transactional_id, last));
}

TxnResult TransactionalOutput::begin() {
  if (renew_before_begin_) {
    if (const auto status = renew(); !status) return aborted(status.error().message);
  }
  forget_deliveries();
  counter_.reset();
  return classify(KafkaError(rd_kafka_begin_transaction(client())), "begin");
}

TxnResult TransactionalOutput::flush() {
  return drain(kFlushDeadline);
}

TxnResult TransactionalOutput::commit(std::span<const PartitionOffset> offsets) {
  const auto list = input_.make_list(offsets);
  const auto deadline = clock().now() + kCommitDeadline;
  const auto bounded = [&](auto call, std::string_view step) -> TxnResult {
    for (;;) {
      KafkaError error(call());
      if (!error) return {};
      const bool again = rd_kafka_error_is_retriable(error.get()) != 0 &&
                         rd_kafka_error_txn_requires_abort(error.get()) == 0 &&
                         clock().now() < deadline;
      if (!again) return classify(std::move(error), step);
    }
  };
  const auto metadata = input_.group_metadata();
  auto sent = bounded(
      [&] {
        return rd_kafka_send_offsets_to_transaction(client(), list.get(), metadata.get(),
                                                    kCallTimeoutMs);
      },
      "send offsets");
  if (sent.outcome != TxnOutcome::kCommitted) {
    // Nothing was ended yet, so even an answer that never came leaves a transaction that can only
    // be aborted.
    if (sent.outcome == TxnOutcome::kUnknown) sent.outcome = TxnOutcome::kAborted;
    return sent;
  }
  auto ended =
      bounded([&] { return rd_kafka_commit_transaction(client(), kCallTimeoutMs); }, "commit");
  renew_before_begin_ = ended.outcome == TxnOutcome::kCommitted && counter_.epoch_is_doubtful();
  if (renew_before_begin_) {
    log(6,
        "a transaction request was resent: the next transaction gets a fresh producer (epoch "
        "rule)");
  }
  return ended;
}

TxnResult TransactionalOutput::classify(KafkaError error, std::string_view step) const {
  if (!error) return {};
  const auto text = fmt::format("{}: {} ({})", step, rd_kafka_error_string(error.get()),
                                rd_kafka_error_name(error.get()));
  auto code = rd_kafka_error_code(error.get());
  if (rd_kafka_error_is_fatal(error.get()) != 0) {
    std::array<char, 256> reason{};
    const auto underlying = rd_kafka_fatal_error(client(), reason.data(), reason.size());
    if (underlying != RD_KAFKA_RESP_ERR_NO_ERROR) code = underlying;
    const bool fenced = code == RD_KAFKA_RESP_ERR__FENCED ||
                        code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
                        code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
    return {fenced ? TxnOutcome::kFenced : TxnOutcome::kUnknown, text, -1, Stream::kVerdicts};
  }
  if (rd_kafka_error_txn_requires_abort(error.get()) != 0) return aborted(text);
  return {TxnOutcome::kUnknown, text, -1, Stream::kVerdicts};
}

Status TransactionalOutput::abort() {
  if (client() == nullptr) return renew();  // a renewal failed half-way
  KafkaError error(rd_kafka_abort_transaction(client(), kCallTimeoutMs * 2));
  if (error && classify(std::move(error), "abort").outcome == TxnOutcome::kFenced) {
    return retry(
        fmt::format("another process took over transactional id {}; does a second instance have "
                    "the same instance.id?",
                    options_.transactional_id));
  }
  // Whatever abort said: a fresh producer of the same id ends the old transaction for certain.
  return renew();
}

// -- at least once

IdempotentOutput::~IdempotentOutput() {
  destroy();
}

Status IdempotentOutput::open() {
  destroy();
  return create(milliseconds(0), {}, nullptr);  // at_least_once: a verdict goes out at once
}

TxnResult IdempotentOutput::flush() {
  return drain(kFlushDeadline);
}

TxnResult IdempotentOutput::commit(std::span<const PartitionOffset> offsets) {
  forget_deliveries();
  // Results are durable; should this fail, the commit record in the changelog still says where to
  // go on, and the next commit carries the offsets along.
  const auto status = input_.commit_offsets(offsets);
  if (!status && status.error().kind == ErrorKind::kFatal) {
    return {TxnOutcome::kUnknown, status.error().message, -1, Stream::kVerdicts};
  }
  if (!status) {
    log(4, fmt::format("{}; tried again with the next commit", status.error().message));
  }
  return {};
}

Status IdempotentOutput::abort() {
  return open();
}

}  // namespace weir::kafka
