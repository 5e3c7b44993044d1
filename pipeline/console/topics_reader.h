#pragma once
// The console's own consumer: committed verdicts, features records (their places only), payments
// (what they named), labels and audit, from the newest `records_max` of each partition on. Beside
// the workers: another client, another thread; a broker that does not answer only makes the console
// stand still.

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "pipeline/config/config.h"
#include "pipeline/console/kept_verdicts.h"
#include "pipeline/console/named_payments.h"
#include "pipeline/core/clock.h"
#include "pipeline/core/record.h"
#include "pipeline/kafka/topic_client.h"

namespace weir::console {

class TopicsReader {
 public:
  /// Starts the thread. All must outlive this; `schemas` may be null, and is used by that thread.
  TopicsReader(const config::Config& config, KeptVerdicts& kept, NamedPayments& named,
               SchemaSource* schemas, const Clock& clock);
  /// Within seconds, also without a broker.
  ~TopicsReader() = default;

  /// What is there at the start has been read: until then things may be missing.
  [[nodiscard]] bool caught_up() const { return caught_up_.load(std::memory_order_relaxed); }
  /// Waits until all that topic `audit` holds now has been read, so that what is kept knows every
  /// disposition committed before this call. False: not within `patience`. Not for this thread.
  bool read_all_dispositions(std::chrono::milliseconds patience);

 private:
  void run(const std::stop_token& stop);
  void read_until_stopped(const std::stop_token& stop);
  void publish(std::shared_ptr<kafka::TopicReader> reader);
  void answer_who_waits(const kafka::TopicReader& reader);

  const config::Config& config_;
  KeptVerdicts& kept_;
  NamedPayments& named_;
  NamedIdsReader ids_;
  const Clock& clock_;
  std::atomic<bool> caught_up_{false};
  std::mutex mutex_;
  std::condition_variable progress_;
  std::shared_ptr<kafka::TopicReader> reader_;  // null: none now. Under mutex_, as the next
  std::optional<kafka::TopicEnds> awaited_;     // of `audit`: whoever asks waits for these
  std::jthread thread_;                         // last: it uses all of the above
};

/// One record of topic `audit`; nullopt: it is no disposition.
std::optional<Disposition> parse_audit(std::string_view json);

}  // namespace weir::console
