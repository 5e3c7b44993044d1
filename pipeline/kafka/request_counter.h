#pragma once
// The epoch rule's eyes: counts the control requests of a transactional producer on the wire.
//
// librdkafka speaks the transaction protocol before KIP-890: a control request that was resent may
// be executed late, on the *next* transaction. So when one was sent more often than it was answered
// well, the producer must be replaced (InitProducerId bumps the epoch, which makes every late
// request harmless) before the next transaction begins. The interceptors run on librdkafka's
// threads; hence atomics. Nothing else of ours runs there.

#include <atomic>
#include <cstdint>

#include <librdkafka/rdkafka.h>

namespace weir::kafka {

class RequestCounter {
 public:
  /// Installs the interceptors. The counter must outlive the client made from `conf`.
  void install(rd_kafka_conf_t* conf);

  /// True when some control request since the last reset() was resent, lost, or failed in
  /// transport.
  [[nodiscard]] bool epoch_is_doubtful() const;
  /// AddPartitionsToTxn requests since the last reset(): more than one a commit means refusals or
  /// growth.
  [[nodiscard]] int add_partitions_sent() const { return add_partitions_sent_.load(); }
  void reset();

 private:
  static rd_kafka_resp_err_t on_new(rd_kafka_t* client, const rd_kafka_conf_t*, void* self, char*,
                                    size_t);
  static rd_kafka_resp_err_t on_sent(rd_kafka_t*, int, const char*, int32_t, int16_t api_key,
                                     int16_t, int32_t, size_t, void* self);
  static rd_kafka_resp_err_t on_response(rd_kafka_t*, int, const char*, int32_t, int16_t api_key,
                                         int16_t, int32_t, size_t, int64_t,
                                         rd_kafka_resp_err_t error, void* self);

  std::atomic<int> control_sent_{0};
  std::atomic<int> control_answered_{0};
  std::atomic<int> end_txn_sent_{0};
  std::atomic<int> add_partitions_sent_{0};
};

}  // namespace weir::kafka
