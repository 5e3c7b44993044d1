#include "pipeline/kafka/list_offsets.h"

#include <string_view>

#include <fmt/core.h>

namespace weir::kafka {
namespace {

/// `wanted` takes the place of a time: RD_KAFKA_OFFSET_BEGINNING or RD_KAFKA_OFFSET_END.
Result<std::int64_t> ask(const Client& client, const std::string& topic, std::int32_t partition,
                         std::int64_t wanted, std::string_view name, int timeout_ms) {
  const PartitionList list(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition)->offset = wanted;
  auto code = rd_kafka_offsets_for_times(client.get(), list.get(), timeout_ms);
  const auto& answer = list->elems[0];
  if (!code) code = answer.err;
  // Without an answer it still holds what was asked, and a partition may be left out of one.
  if (!code && answer.offset < 0) code = RD_KAFKA_RESP_ERR__BAD_MSG;
  if (!code) return std::int64_t{answer.offset};
  return retry(fmt::format("cannot ask for the {} of topic {} partition {}: {}", name, topic,
                           partition, describe(code)));
}

}  // namespace

Result<std::int64_t> first_offset_of(const Client& client, const std::string& topic,
                                     std::int32_t partition, int timeout_ms) {
  return ask(client, topic, partition, RD_KAFKA_OFFSET_BEGINNING, "beginning", timeout_ms);
}

Result<std::int64_t> end_offset_of(const Client& client, const std::string& topic,
                                   std::int32_t partition, int timeout_ms) {
  return ask(client, topic, partition, RD_KAFKA_OFFSET_END, "end", timeout_ms);
}

void ask_end_offsets(const Client& client, const PartitionList& partitions, int timeout_ms) {
  for (int i = 0; i < partitions->cnt; ++i) partitions->elems[i].offset = RD_KAFKA_OFFSET_END;
  const bool failed = rd_kafka_offsets_for_times(client.get(), partitions.get(), timeout_ms) !=
                      RD_KAFKA_RESP_ERR_NO_ERROR;
  for (int i = 0; i < partitions->cnt; ++i) {
    auto& answer = partitions->elems[i];
    if (failed || answer.err != RD_KAFKA_RESP_ERR_NO_ERROR || answer.offset < 0) answer.offset = -1;
  }
}

}  // namespace weir::kafka
