#pragma once
// Dispositions: what an analyst says of a verdict becomes a record on `labels` (so that windows and
// training learn of it) and one on `audit` (so that anybody can see who said what): both in one
// Kafka transaction, so that neither ever stands alone.
//
// An answer that never came, a process that was killed: whether the decision was committed is then
// unknown, and nobody guesses. Before the next one the desk settles what was left (the broker ends
// the old transaction), reads the topic `audit` up to its end, and only then looks whether the same
// was said before. So what is sent again is never doubled.
//
// One key press, at most one opinion: label_id is made from verdict and analyst, so the same said
// twice is the same label, and a change of mind is its next revision. The label goes to the
// partition of its payment, whoever partitioned the payments. What people write reaches no log.
//
// Threads: one, the console's desk. It may wait for Kafka.

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "pipeline/config/config.h"
#include "pipeline/console/http_server.h"
#include "pipeline/console/kept_verdicts.h"
#include "pipeline/console/named_payments.h"
#include "pipeline/core/clock.h"
#include "pipeline/kafka/transactional_writer.h"

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
  /// Reads into `kept` all dispositions that were committed before the call; false: not in time.
  using ReadDispositions = std::function<bool(std::chrono::milliseconds patience)>;

  /// All must outlive this.
  DecisionDesk(const config::Config& config, KeptVerdicts& kept, const NamedPayments& named,
               const Clock& clock, ReadDispositions read_dispositions);

  /// Ends what an instance of this name had begun when it was killed, so that nobody who reads the
  /// topics waits for it. Without an answer the first decision does.
  void open();

  /// What the payment named: known, or read back from its record. Empty: nothing, or not to be had.
  NamedIds ids_of(const KeptVerdict& verdict);

  /// 201 only after Kafka has committed both records.
  Reply decide(const Request& request, const std::string& analyst);

 private:
  Status know_what_was_said();
  Status write(const Disposition& said, const KeptVerdict& verdict,
               const std::optional<Disposition>& before, const std::string& from);

  const config::Config& config_;
  KeptVerdicts& kept_;
  const NamedPayments& named_;
  const Clock& clock_;
  const ReadDispositions read_dispositions_;
  NamedIdsReader reader_;  // without a registry: what is not known of registered formats stays so
  kafka::TransactionalWriter writer_;
  bool may_not_know_ = true;  // dispositions may be committed that `kept_` has not heard of
};

}  // namespace weir::console
