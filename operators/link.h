#pragma once
// link: what the merchant, device, address and card of a payment, or of a label, are told: records
// of topic `entities` for the stage that keeps their past.

#include <span>
#include <vector>

#include "operators/decide.h"
#include "operators/decode_label.h"
#include "operators/features/feature_engine.h"
#include "operators/traces.h"
#include "pipeline/core/record.h"

namespace weir::operators {

/// Stateless. Without an engine, or where the engine keeps the past of entities itself, nothing is
/// sent.
class Link {
 public:
  /// `engine` may be null, and must outlive this.
  explicit Link(const FeatureEngine* engine) : engine_(engine) {}

  /// One record for each payment and entity it names. Late payments enter no windows. `traces` is
  /// of the batch they came in.
  void process(std::span<const DecidedTransaction> payments, const BatchTraces& traces,
               std::vector<OutputRecord>& out) const;
  /// One record for each entity that the label names itself.
  void process(const ValidLabel& label, const BatchTraces& traces,
               std::vector<OutputRecord>& out) const;

 private:
  template <class Named>
  void send(const Named& named, const std::string& value, std::vector<OutputRecord>& out) const;
  [[nodiscard]] bool sends() const;

  const FeatureEngine* engine_;
};

}  // namespace weir::operators
