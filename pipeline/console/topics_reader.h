#pragma once
// The console's own consumer: committed verdicts, features records (their places only), labels and
// audit, from the newest `records_max` of each partition on. Beside the workers: another client,
// another thread; a broker that does not answer only makes the console stand still.

#include <atomic>
#include <string>
#include <thread>

#include "pipeline/config/config.h"
#include "pipeline/console/kept_verdicts.h"
#include "pipeline/core/clock.h"
#include "pipeline/core/record.h"

namespace weir::console {

class TopicsReader {
 public:
  /// Starts the thread. All must outlive this.
  TopicsReader(const config::Config& config, KeptVerdicts& kept, const Clock& clock);
  /// Within seconds, also without a broker.
  ~TopicsReader() = default;

  /// What is there at the start has been read: until then things may be missing.
  [[nodiscard]] bool caught_up() const { return caught_up_.load(std::memory_order_relaxed); }

 private:
  void run(const std::stop_token& stop);
  void read_until_stopped(const std::stop_token& stop);

  const config::Config& config_;
  KeptVerdicts& kept_;
  const Clock& clock_;
  std::atomic<bool> caught_up_{false};
  std::jthread thread_;  // last: it uses all of the above
};

/// One record of topic `audit`; nullopt: it is no disposition.
std::optional<Disposition> parse_audit(std::string_view json);

}  // namespace weir::console
