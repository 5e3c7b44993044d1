#pragma once
// Owning handles for librdkafka's C objects, and the one place that turns settings into a client.

#include <memory>
#include <string>

#include <librdkafka/rdkafka.h>

#include "pipeline/core/error.h"
#include "pipeline/kafka/connection.h"

namespace weir::kafka {

template <auto Destroy>
struct Deleter {
  template <class T>
  void operator()(T* object) const {
    Destroy(object);
  }
};

using Client = std::unique_ptr<rd_kafka_t, Deleter<rd_kafka_destroy>>;
using Conf = std::unique_ptr<rd_kafka_conf_t, Deleter<rd_kafka_conf_destroy>>;
using PartitionList = std::unique_ptr<rd_kafka_topic_partition_list_t,
                                      Deleter<rd_kafka_topic_partition_list_destroy>>;
using Message = std::unique_ptr<rd_kafka_message_t, Deleter<rd_kafka_message_destroy>>;
using TopicHandle = std::unique_ptr<rd_kafka_topic_t, Deleter<rd_kafka_topic_destroy>>;
using GroupMetadata = std::unique_ptr<rd_kafka_consumer_group_metadata_t,
                                      Deleter<rd_kafka_consumer_group_metadata_destroy>>;
using KafkaError = std::unique_ptr<rd_kafka_error_t, Deleter<rd_kafka_error_destroy>>;

/// Builds a configuration: `ours` first, then the user's properties, then `owned`, which nobody may
/// change. (librdkafka itself ignores producer keys on a consumer and the other way round.)
Result<Conf> make_conf(const Connection& connection, const Properties& ours,
                       const Properties& owned);
/// Takes the configuration over. The error names the property that was refused, never its value.
Result<Client> make_client(rd_kafka_type_t type, Conf conf);

/// "Broker: Topic authorization failed (TOPIC_AUTHORIZATION_FAILED)".
std::string describe(rd_kafka_resp_err_t code);

}  // namespace weir::kafka
