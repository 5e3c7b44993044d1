#pragma once
// The registry as decoding sees it: each schema is fetched once. What an id means never changes, so
// it is kept for good; that nobody knows an id may change soon, so that is kept shortly.

#include <chrono>
#include <map>
#include <memory>

#include "pipeline/core/clock.h"
#include "pipeline/registry/registry_client.h"
#include "pipeline/telemetry/worker_metrics.h"

namespace weir::registry {

/// Bounds: 10,000 schemas, which are then forgotten together at the next look-up; as many unknown
/// ids.
///
/// Threading: one worker thread, which waits while a schema is fetched.
class CachedSchemas final : public SchemaSource {
 public:
  /// `clock` and `metrics` must outlive this.
  CachedSchemas(const RegistryOptions& options, const Clock& clock,
                telemetry::WorkerMetrics& metrics);
  ~CachedSchemas() override;

  Result<const RegisteredSchema*> find(const SchemaId& id) override;

 private:
  const Clock& clock_;
  telemetry::WorkerMetrics& metrics_;
  RegistryClient client_;
  std::map<SchemaId, std::unique_ptr<RegisteredSchema>> known_;
  std::map<SchemaId, Clock::TimePoint> unknown_;  // until when
};

}  // namespace weir::registry
