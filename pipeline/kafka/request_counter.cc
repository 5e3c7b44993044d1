#include "pipeline/kafka/request_counter.h"

namespace weir::kafka {
namespace {

// Kafka protocol API keys (https://kafka.apache.org/protocol#protocol_api_keys).
constexpr std::int16_t kAddPartitionsToTxn = 24;
constexpr std::int16_t kAddOffsetsToTxn = 25;
constexpr std::int16_t kEndTxn = 26;
constexpr std::int16_t kTxnOffsetCommit = 28;

bool is_control(std::int16_t api_key) {
  return api_key == kAddPartitionsToTxn || api_key == kAddOffsetsToTxn || api_key == kEndTxn ||
         api_key == kTxnOffsetCommit;
}

}  // namespace

void RequestCounter::install(rd_kafka_conf_t* conf) {
  rd_kafka_conf_interceptor_add_on_new(conf, "weir-request-counter", &RequestCounter::on_new, this);
}

rd_kafka_resp_err_t RequestCounter::on_new(rd_kafka_t* client, const rd_kafka_conf_t*, void* self,
                                           char*, size_t) {
  rd_kafka_interceptor_add_on_request_sent(client, "weir-request-counter", &RequestCounter::on_sent,
                                           self);
  rd_kafka_interceptor_add_on_response_received(client, "weir-request-counter",
                                                &RequestCounter::on_response, self);
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t RequestCounter::on_sent(rd_kafka_t*, int, const char*, int32_t, int16_t api_key,
                                            int16_t, int32_t, size_t, void* self) {
  if (is_control(api_key)) {
    auto* counter = static_cast<RequestCounter*>(self);
    counter->control_sent_.fetch_add(1);
    if (api_key == kEndTxn) counter->end_txn_sent_.fetch_add(1);
    if (api_key == kAddPartitionsToTxn) counter->add_partitions_sent_.fetch_add(1);
  }
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t RequestCounter::on_response(rd_kafka_t*, int, const char*, int32_t,
                                                int16_t api_key, int16_t, int32_t, size_t, int64_t,
                                                rd_kafka_resp_err_t error, void* self) {
  if (is_control(api_key) && error == RD_KAFKA_RESP_ERR_NO_ERROR) {
    static_cast<RequestCounter*>(self)->control_answered_.fetch_add(1);
  }
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}

bool RequestCounter::epoch_is_doubtful() const {
  // A refused AddPartitions (CONCURRENT_TRANSACTIONS) is answered and asked again: harmless, counts
  // as answered.
  return control_sent_.load() > control_answered_.load() || end_txn_sent_.load() > 1;
}

void RequestCounter::reset() {
  control_sent_ = 0;
  control_answered_ = 0;
  end_txn_sent_ = 0;
  add_partitions_sent_ = 0;
}

}  // namespace weir::kafka
