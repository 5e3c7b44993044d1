#pragma once
// link: what the merchant, device, address and card of a payment, or of a label, are told: records
// of topic `entities` for the stage that keeps their past.

#include <span>
#include <vector>

#include "operators/decide.h"
#include "operators/features/feature_engine.h"
#include "pipeline/core/label.h"
#include "pipeline/core/record.h"

namespace weir::operators {

/// Stateless. Without an engine, or where the engine keeps the past of entities itself, nothing is
/// sent.
class Link {
 public:
  /// `engine` may be null, and must outlive this.
  explicit Link(const FeatureEngine* engine) : engine_(engine) {}

  /// One record for each payment and entity it names. Late payments enter no windows.
  void process(std::span<const DecidedTransaction> payments, std::vector<OutputRecord>& out) const;
  /// One record for each entity that the label names itself.
  void process(const FraudLabel& label, std::vector<OutputRecord>& out) const;

 private:
  template <class Named>
  void send(const Named& named, const std::string& value, std::vector<OutputRecord>& out) const;
  [[nodiscard]] bool sends() const;

  const FeatureEngine* engine_;
};

}  // namespace weir::operators
