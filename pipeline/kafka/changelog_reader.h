#pragma once
// Restore's reader. The end of the changelog is asked from a read_uncommitted handle, the records
// are read with read_committed: the end as a read_committed (or producer) handle sees it stops at
// the last stable offset, and a restore that stops there misses committed writes (Kafka Streams had
// this bug: KAFKA-10167).

#include <map>

#include "pipeline/core/log.h"
#include "pipeline/kafka/handles.h"

namespace weir::kafka {

class KafkaChangelogReader final : public ChangelogReader {
 public:
  KafkaChangelogReader(Connection connection, std::string topic)
      : connection_(std::move(connection)), topic_(std::move(topic)) {}

  Result<std::pair<std::int64_t, std::int64_t>> bounds(std::int32_t partition) override;
  Status start(std::span<const PartitionOffset> positions) override;
  Status read(std::chrono::milliseconds timeout,
              const std::function<Status(const Record&)>& sink) override;
  [[nodiscard]] std::int64_t position(std::int32_t partition) const override;
  void stop() override;

 private:
  Result<Client> make_reader(const char* isolation) const;

  Connection connection_;
  std::string topic_;
  Client ends_;    // read_uncommitted
  Client reader_;  // read_committed
  std::map<std::int32_t, std::int64_t> positions_;
};

}  // namespace weir::kafka
