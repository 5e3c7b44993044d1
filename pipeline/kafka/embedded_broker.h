#pragma once
// librdkafka's mock cluster in this process: for `weir demo` and for tests of error classes.
// It has no isolation, no fencing, keeps no transactional offsets and some 5 MB a partition: it
// proves nothing about exactly_once.

#include <memory>
#include <string>
#include <vector>

#include "pipeline/core/error.h"

namespace weir::kafka {

class EmbeddedBroker {
 public:
  static Result<std::unique_ptr<EmbeddedBroker>> start(int brokers = 1);
  ~EmbeddedBroker();
  [[nodiscard]] std::string bootstrap() const;
  Status create_topic(const std::string& name, int partitions);
  /// The next `codes.size()` answers to this request carry these protocol errors (0 = none). For
  /// tests.
  void fail_requests(int api_key, const std::vector<int>& codes);
  /// Broker `id` (from 1) stops answering, or comes back. For tests.
  void set_broker_up(int id, bool up);

 private:
  struct Impl;
  explicit EmbeddedBroker(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace weir::kafka
