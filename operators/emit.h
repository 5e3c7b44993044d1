#pragma once
// emit: what leaves for each record, in input order: a verdict with its features record, or a dead
// letter.

#include <span>
#include <string>
#include <vector>

#include "operators/decide.h"
#include "operators/dedupe.h"
#include "operators/formats/record_format.h"
#include "operators/rejection.h"
#include "operators/traces.h"
#include "operators/verdict_json.h"
#include "pipeline/core/record.h"
#include "pipeline/core/verdict.h"
#include "pipeline/telemetry/worker_metrics.h"

namespace weir::operators {

/// What became of a batch. Each list is in input order; together they hold every record but the
/// tombstones once.
struct BatchOutcome {
  std::span<const RawRecord> records;
  std::span<const DecidedTransaction> decided;
  std::span<const DuplicateTransaction> duplicates;
  std::span<const Rejection> rejected;
  const BatchTraces& traces;
};

/// Writes output records and counts them.
///
/// `input` in a verdict is the record it was made for. The answer to a duplicate repeats the first
/// one's and carries its own origin in the header `weir-input` (topic/partition/offset).
/// A features record is written for what a model was given, for declared features and for rows of
/// merchants; so not when there is none of these, and not for duplicates and poisoned payments. A
/// What leaves for a record of a trace carries the trace on (BatchTraces). A
/// poisoned payment gets its verdict and, for whoever has to find out why, a dead letter with
/// reason poison.
class Emit {
 public:
  /// `lineage` is that of all decided payments, `window_names` those of their windows; they and
  /// `metrics` must outlive this. Verdicts are written as `format`; features are JSON.
  Emit(std::string input_topic, const Lineage& lineage, telemetry::WorkerMetrics& metrics,
       std::span<const std::string> window_names = {}, VerdictFormat format = VerdictFormat::kJson,
       std::uint32_t schema_id = 0)
      : input_topic_(std::move(input_topic)),
        format_(format),
        schema_id_(schema_id),
        lineage_(lineage),
        window_names_(window_names),
        metrics_(metrics) {}

  void process(const BatchOutcome& batch, std::vector<OutputRecord>& out);

 private:
  void emit_decided(const RawRecord& record, const DecidedTransaction& payment,
                    std::vector<OutputRecord>& out);
  void emit_duplicate(const RawRecord& record, const DuplicateTransaction& payment,
                      std::span<const DecidedTransaction> decided, std::vector<OutputRecord>& out);
  void emit_verdict(const VerdictContent& verdict, const Transaction& payment,
                    std::vector<OutputRecord>& out);
  void emit_dead_letter(const RawRecord& record, RejectReason reason, std::string_view detail,
                        std::vector<OutputRecord>& out);
  void count(const DecidedTransaction& payment);

  void append_verdict(std::string& out, const VerdictContent& verdict) const;

  std::string input_topic_;
  VerdictFormat format_;
  std::uint32_t schema_id_;  // what the registry calls the schema of `format_`
  const Lineage& lineage_;
  std::span<const std::string> window_names_;
  telemetry::WorkerMetrics& metrics_;
};

}  // namespace weir::operators
