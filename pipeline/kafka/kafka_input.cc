#include "pipeline/kafka/kafka_input.h"

#include <algorithm>
#include <thread>
#include <utility>

#include <fmt/core.h>

#include "pipeline/kafka/list_offsets.h"
#include "pipeline/kafka/log_sink.h"

namespace weir::kafka {
namespace {

constexpr int kRequestTimeoutMs = 5'000;
constexpr int kEndsTimeoutMs = 2'000;  // figures only: a rebalance does not wait longer for them
constexpr int kCommittedTries =
    6;  // an open transaction of the previous owner ends after transaction.timeout.ms (10 s)
constexpr std::chrono::milliseconds kLeaderPatience{10'000};
constexpr std::chrono::milliseconds kLeaderPause{50};
constexpr std::chrono::milliseconds kSeekPatience{30'000};
constexpr std::chrono::milliseconds kSeekPause{20};

}  // namespace

KafkaInput::~KafkaInput() {
  if (client_) close();
}

Status KafkaInput::open(AssignmentListener& listener) {
  listener_ = &listener;
  Properties ours{
      {"session.timeout.ms", "10000"},
      {"heartbeat.interval.ms", "1000"},
      {"queued.min.messages", "20000"},
      {"queued.max.messages.kbytes", "16384"},
      {"fetch.wait.max.ms", "100"},
      {"topic.metadata.refresh.interval.ms", "30000"},
      {"partition.assignment.strategy", "range"},
  };
  Properties owned{
      {"group.id", options_.group_id},       {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"}, {"isolation.level", "read_committed"},
      {"auto.offset.reset", "error"},        {"enable.partition.eof", "true"},
  };
  if (!options_.member_id.empty()) owned["group.instance.id"] = options_.member_id;
  auto conf = make_conf(options_.connection, ours, owned);
  if (!conf) return conf.error();
  rd_kafka_conf_set_opaque(conf->get(), this);
  rd_kafka_conf_set_rebalance_cb(conf->get(), &KafkaInput::on_rebalance);
  auto client = make_client(RD_KAFKA_CONSUMER, *std::move(conf));
  if (!client) return client.error();
  client_ = *std::move(client);

  const PartitionList topics(rd_kafka_topic_partition_list_new(2));
  for (const auto lane : lanes()) {
    rd_kafka_topic_partition_list_add(topics.get(), topic(lane).c_str(), RD_KAFKA_PARTITION_UA);
  }
  if (const auto code = rd_kafka_subscribe(client_.get(), topics.get())) {
    return fatal(fmt::format("cannot subscribe to topic {}: {}", options_.topic, describe(code)));
  }
  return ok();
}

Status KafkaInput::poll(std::vector<RawRecord>& out, std::size_t max,
                        std::chrono::milliseconds timeout) {
  out.clear();
  held_.clear();
  while (out.size() < max) {
    Message message(rd_kafka_consumer_poll(client_.get(), static_cast<int>(timeout.count())));
    timeout = std::chrono::milliseconds(0);  // only the first record is waited for
    if (failure_) return *std::exchange(failure_, std::nullopt);
    if (!message) break;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      take(std::move(message), out);
      continue;
    }
    switch (message->err) {
      case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        note_end(*message);
        break;
      case RD_KAFKA_RESP_ERR__FATAL:
      case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
        return retry(
            fmt::format("consumer stopped: {}; another process runs with the same instance.id",
                        rd_kafka_message_errstr(message.get())));
      case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
        return fatal(fmt::format(
            "topic {} partition {}: the committed offset is no longer in the log ({}); records "
            "were deleted before they "
            "were read. Decide what to do with the gap, then set the group's offset by hand",
            rd_kafka_topic_name(message->rkt), message->partition,
            rd_kafka_message_errstr(message.get())));
      case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
        return fatal(fmt::format(
            "not allowed to read topic {} as group {}: {}",
            message->rkt != nullptr ? rd_kafka_topic_name(message->rkt) : options_.topic.c_str(),
            options_.group_id, describe(message->err)));
      default:
        log(4, fmt::format("consumer: {}", rd_kafka_message_errstr(
                                               message.get())));  // the library retries by itself
    }
  }
  return ok();
}

void KafkaInput::note_end(const rd_kafka_message_t& message) {
  const Lane lane = lane_of(rd_kafka_topic_name(message.rkt));
  const auto found = positions_.find({lane, message.partition});
  if (found != positions_.end()) found->second.at_end = found->second.flowing;
}

bool KafkaInput::at_end(std::int32_t partition, Lane lane) const {
  const auto found = positions_.find({lane, partition});
  return found != positions_.end() && found->second.flowing && found->second.at_end;
}

void KafkaInput::take(Message message, std::vector<RawRecord>& out) {
  const Lane lane = lane_of(rd_kafka_topic_name(message->rkt));
  const auto found = positions_.find({lane, message->partition});
  if (found == positions_.end() || message->offset < found->second.next) return;
  if (!found->second.flowing) {
    found->second.skipped = true;
    return;
  }
  found->second.next = message->offset + 1;
  found->second.at_end = false;

  RawRecord record;
  record.lane = lane;
  record.partition = message->partition;
  record.offset = message->offset;
  rd_kafka_timestamp_type_t type{};
  record.timestamp_ms = rd_kafka_message_timestamp(message.get(), &type);
  record.key = {static_cast<const char*>(message->key), message->key_len};
  record.value = {static_cast<const char*>(message->payload), message->len};
  record.tombstone = message->len == 0;
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(message.get(), &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    const char* name = nullptr;
    const void* value = nullptr;
    size_t size = 0;
    for (size_t i = 0;
         rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         ++i) {
      record.headers.push_back({name, {static_cast<const char*>(value), size}});
    }
  }
  held_.push_back(std::move(message));
  out.push_back(std::move(record));
}

PartitionList KafkaInput::make_list(std::span<const std::int32_t> partitions) const {
  std::vector<PartitionOffset> inputs;
  for (const auto lane : lanes()) {
    for (const auto partition : partitions) {
      inputs.push_back({partition, RD_KAFKA_OFFSET_INVALID, lane});
    }
  }
  return make_list(inputs);
}

PartitionList KafkaInput::make_list(std::span<const PartitionOffset> offsets) const {
  PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(offsets.size())));
  for (const auto& o : offsets) {
    rd_kafka_topic_partition_list_add(list.get(), topic(o.lane).c_str(), o.partition)->offset =
        o.next_offset;
  }
  return list;
}

Result<std::vector<PartitionOffset>> KafkaInput::committed(
    std::span<const std::int32_t> partitions) {
  const auto list = make_list(partitions);
  rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
  for (int i = 0; i < kCommittedTries; ++i) {
    code = rd_kafka_committed(client_.get(), list.get(), kRequestTimeoutMs);
    for (int k = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && k < list->cnt; ++k)
      code = list->elems[k].err;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) break;
  }
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return retry(fmt::format("cannot read the committed offsets of group {}: {}", options_.group_id,
                             describe(code)));
  }
  std::vector<PartitionOffset> offsets;
  for (int i = 0; i < list->cnt; ++i) {
    offsets.push_back({list->elems[i].partition, std::max<std::int64_t>(list->elems[i].offset, -1),
                       lane_of(list->elems[i].topic)});
  }
  return offsets;
}

Result<std::int64_t> KafkaInput::first_offset(std::int32_t partition, Lane lane) {
  // A topic that was created a moment ago may have partitions without a leader yet.
  const auto deadline = std::chrono::steady_clock::now() + kLeaderPatience;
  for (;;) {
    auto first = first_offset_of(client_, topic(lane), partition, kRequestTimeoutMs);
    if (first || std::chrono::steady_clock::now() > deadline) return first;
    std::this_thread::sleep_for(kLeaderPause);
  }
}

std::int64_t KafkaInput::known_end(std::int32_t partition, Lane lane) const {
  std::int64_t low = 0;
  std::int64_t high = -1;
  if (rd_kafka_get_watermark_offsets(client_.get(), topic(lane).c_str(), partition, &low, &high))
    high = -1;
  if (high >= 0) return high;
  const auto found = positions_.find({lane, partition});
  return found == positions_.end() ? -1 : found->second.end;
}

void KafkaInput::ask_ends(std::span<const PartitionOffset> partitions) {
  const auto list = make_list(partitions);
  ask_end_offsets(client_, list, kEndsTimeoutMs);
  for (int i = 0; i < list->cnt; ++i) {
    const auto& answer = list->elems[i];
    positions_[{lane_of(answer.topic), answer.partition}].end = answer.offset;
  }
}

void KafkaInput::on_rebalance(rd_kafka_t*, rd_kafka_resp_err_t code,
                              rd_kafka_topic_partition_list_t* partitions, void* self) {
  auto* input = static_cast<KafkaInput*>(self);
  if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    input->assign(partitions);
  } else {
    input->revoke(partitions);
  }
}

void KafkaInput::assign(rd_kafka_topic_partition_list_t* partitions) {
  positions_.clear();
  std::vector<std::int32_t> ids;
  for (int i = 0; i < partitions->cnt; ++i) {
    if (lane_of(partitions->elems[i].topic) == Lane::kEvents) {
      ids.push_back(partitions->elems[i].partition);
    }
  }
  std::vector<PartitionOffset> offsets;
  if (!ids.empty()) {
    auto stored = committed(ids);
    if (!stored) return refuse_assignment(stored.error());
    offsets = *stored;
  }
  std::vector<PartitionOffset> starts = offsets;
  for (auto& [id, start, lane] : starts) {
    if (start < 0) {
      const auto first = first_offset(id, lane);
      if (!first) return refuse_assignment(first.error());
      start = *first;
    }
    positions_[{lane, id}] = {start, start, false, false, false, -1};
  }
  // What the assignor gave, and nothing else: it deals out all lanes alike.
  const auto ours = make_list(starts);
  if (ours->cnt != partitions->cnt) {
    return refuse_assignment(
        retry(fmt::format("the group assigned {} partitions of topics {} and {} that do not belong "
                          "together; partition.assignment.strategy must be range for all members",
                          partitions->cnt, options_.topic, options_.labels_topic)));
  }
  rd_kafka_assign(client_.get(), ours.get());
  if (!ids.empty()) rd_kafka_pause_partitions(client_.get(), ours.get());
  ask_ends(starts);
  listener_->assigned(offsets);
}

void KafkaInput::refuse_assignment(const Error& why) {
  positions_.clear();
  failure_ = why;
  rd_kafka_assign(client_.get(), nullptr);
}

void KafkaInput::revoke(rd_kafka_topic_partition_list_t* partitions) {
  std::vector<std::int32_t> ids;
  for (int i = 0; i < partitions->cnt; ++i) {
    if (lane_of(partitions->elems[i].topic) == Lane::kEvents) {
      ids.push_back(partitions->elems[i].partition);
    }
  }
  listener_->revoked(ids, rd_kafka_assignment_lost(client_.get()) != 0);
  positions_.clear();
  rd_kafka_assign(client_.get(), nullptr);
}

Status KafkaInput::resume_at(std::span<const PartitionOffset> positions) {
  std::vector<PartitionOffset> to_seek;
  for (const auto& wanted : positions) {
    auto& position = positions_[{wanted.lane, wanted.partition}];
    const bool untouched =
        !position.flowing && !position.skipped && position.next == position.start;
    if (!untouched || position.start != wanted.next_offset) to_seek.push_back(wanted);
    position.skipped = position.at_end = false;
    position.next = wanted.next_offset;
  }
  // Resume first: a seek needs a fetcher that runs.
  const auto list = make_list(positions);
  if (const auto code = rd_kafka_resume_partitions(client_.get(), list.get())) {
    return retry(fmt::format("cannot resume topic {}: {}", options_.topic, describe(code)));
  }
  if (!to_seek.empty()) WEIR_RETURN_IF_ERROR(seek(to_seek));
  for (const auto& p : positions) positions_[{p.lane, p.partition}].flowing = true;
  return ok();
}

Status KafkaInput::seek(std::span<const PartitionOffset> positions) {
  held_.clear();
  std::vector<PartitionOffset> waiting(positions.begin(), positions.end());
  std::string last;
  const auto deadline = std::chrono::steady_clock::now() + kSeekPatience;
  while (std::chrono::steady_clock::now() < deadline) {
    const auto list = make_list(waiting);
    const KafkaError error(rd_kafka_seek_partitions(client_.get(), list.get(), kRequestTimeoutMs));
    if (error) last = rd_kafka_error_string(error.get());
    std::erase_if(waiting, [&](const PartitionOffset& p) {
      const auto* element =
          rd_kafka_topic_partition_list_find(list.get(), topic(p.lane).c_str(), p.partition);
      if (element->err) last = describe(element->err);
      return !error && element->err == RD_KAFKA_RESP_ERR_NO_ERROR;
    });
    if (waiting.empty()) return ok();
    // The fetcher of a freshly assigned or resumed partition needs a moment before it can be sent
    // elsewhere, and serving consumer_poll() meanwhile would deliver records.
    std::this_thread::sleep_for(kSeekPause);
  }
  return fatal(
      fmt::format("cannot rewind topic {} to its committed offsets: {}", options_.topic, last));
}

Status KafkaInput::pause(std::span<const std::int32_t> partitions) {
  for (const auto lane : lanes()) {
    for (const auto id : partitions) positions_[{lane, id}].flowing = false;
  }
  const auto list = make_list(partitions);
  if (const auto code = rd_kafka_pause_partitions(client_.get(), list.get())) {
    return retry(fmt::format("cannot pause topic {}: {}", options_.topic, describe(code)));
  }
  return ok();
}

void KafkaInput::close() {
  if (!client_) return;
  held_.clear();
  rd_kafka_consumer_close(client_.get());  // calls on_rebalance for what is still assigned
  client_.reset();
}

GroupMetadata KafkaInput::group_metadata() const {
  return GroupMetadata(rd_kafka_consumer_group_metadata(client_.get()));
}

Status KafkaInput::commit_offsets(std::span<const PartitionOffset> offsets) {
  const auto list = make_list(offsets);
  const auto code = rd_kafka_commit(client_.get(), list.get(), 0);
  // No longer a member: somebody else may own the partitions, nothing more may be written.
  if (code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID || code == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID ||
      code == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION || code == RD_KAFKA_RESP_ERR__FATAL) {
    return fatal(
        fmt::format("group {} no longer knows this member: {}", options_.group_id, describe(code)));
  }
  if (code)
    return retry(
        fmt::format("cannot commit offsets of group {}: {}", options_.group_id, describe(code)));
  return ok();
}

}  // namespace weir::kafka
