#pragma once
// Dispositions: what an analyst says of a verdict becomes a record on `labels` (so that windows and
// training learn of it) and one on `audit` (so that anybody can see who said what).
//
// One key press, at most one opinion: label_id is made from verdict and analyst, so the same said
// twice is the same label, and a change of mind is its next revision. The label goes to the
// partition of its payment, whoever partitioned the payments. What people write reaches no log.
//
// Threads: one, the console's desk. It may wait for Kafka.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "pipeline/config/config.h"
#include "pipeline/console/http_server.h"
#include "pipeline/console/kept_verdicts.h"
#include "pipeline/core/clock.h"
#include "pipeline/kafka/topic_client.h"

namespace weir::console {

/// A body of POST /api/dispositions.
struct Wish {
  std::string verdict_id;
  std::string what;                       // fraud, good, escalate
  std::string note;                       // at most 500 characters, without card numbers
  std::optional<std::uint32_t> revision;  // of the disposition that the page saw last, 0: none
};

/// kRejectEvent: the sentence for the analyst.
Result<Wish> parse_wish(std::string_view body);

/// The ids that a payment named beside user and merchant; empty: none, or not known any more.
struct NamedIds {
  std::string device_id, ip, card_token;
};
NamedIds named_ids(std::string_view transaction_json);

/// The opinion that this wish makes, one revision above `before`.
Disposition make_disposition(const Wish& wish, const KeptVerdict& verdict,
                             const std::optional<Disposition>& before, const std::string& analyst,
                             std::int64_t now_ms);

/// The records. `from` is the address the wish came from.
std::string label_record(const Disposition& said, const KeptVerdict& verdict, const NamedIds& ids);
std::string audit_record(const Disposition& said, const KeptVerdict& verdict,
                         const std::optional<Disposition>& before, const std::string& instance,
                         const std::string& from);

class DecisionDesk {
 public:
  /// All must outlive this.
  DecisionDesk(const config::Config& config, KeptVerdicts& kept, const Clock& clock)
      : config_(config), kept_(kept), clock_(clock) {}

  /// 201 only after Kafka has acknowledged both records.
  Reply decide(const Request& request, const std::string& analyst);

 private:
  NamedIds read_ids(const KeptVerdict& verdict) const;
  Status write(const Disposition& said, const KeptVerdict& verdict,
               const std::optional<Disposition>& before, const std::string& from);

  const config::Config& config_;
  KeptVerdicts& kept_;
  const Clock& clock_;
  std::unique_ptr<kafka::TopicProducer> producer_;  // made at the first, renewed after a failure
};

}  // namespace weir::console
