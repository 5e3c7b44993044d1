#pragma once
// traces: which records of a batch belong to a trace, and the headers that carry it on with what
// leaves for them. Verdicts themselves know nothing of traces.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "operators/validate.h"
#include "pipeline/core/record.h"
#include "pipeline/core/trace_context.h"

namespace weir::operators {

/// One record's place in its trace. Views live as long as the batch.
struct RecordTrace {
  std::size_t record = 0;            // index into the batch
  TraceContext own;                  // span_id: Weir's work on this record
  std::uint64_t caller_span_id = 0;  // 0: the trace begins here
  std::string_view tracestate;       // empty: none to pass on
};

/// The traces of one batch.
///
/// Nothing here comes from chance: a record that is processed again, or a payment that is sent
/// again, gets the same span id, and so the same headers. The span of a payment is named by user
/// and transaction, that of any other record by where it lies.
///
/// Threading: one worker thread. Records without a trace cost one look at whether they have
/// headers.
class BatchTraces {
 public:
  /// `topic` is that of the records. `ratio`: of the payments that bring no trace, the share that
  /// begins one, sampled; chosen by transaction id.
  explicit BatchTraces(std::string topic, double ratio = 0);

  /// Begins a batch. Returns how many records had a traceparent that is none: they are treated as
  /// if they had no such header.
  std::size_t read(std::span<const RawRecord> records);
  /// Names the spans of payments, and begins traces.
  void identify(std::span<const ValidTransaction> payments);

  [[nodiscard]] bool empty() const { return traces_.empty(); }
  /// By record.
  [[nodiscard]] std::span<const RecordTrace> all() const { return traces_; }
  [[nodiscard]] const RecordTrace* find(std::size_t record) const;
  /// Puts the record's trace on what was made for it, in place of headers copied from it.
  void carry_on(std::size_t record, std::span<OutputRecord> made) const;

 private:
  void begin(const ValidTransaction& payment);

  std::string topic_;
  double ratio_;
  std::vector<RecordTrace> traces_;  // in order of their records
};

}  // namespace weir::operators
