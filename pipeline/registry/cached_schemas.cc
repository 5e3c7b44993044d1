#include "pipeline/registry/cached_schemas.h"

namespace weir::registry {
namespace {

constexpr std::size_t kSchemasMax = 10'000;
constexpr std::chrono::seconds kUnknownFor{10};

}  // namespace

CachedSchemas::CachedSchemas(const RegistryOptions& options, const Clock& clock,
                             telemetry::WorkerMetrics& metrics)
    : clock_(clock), metrics_(metrics), client_(options, [&metrics](bool answered) {
        metrics.registry_requests[answered ? 0 : 1].add();
      }) {}
CachedSchemas::~CachedSchemas() = default;

Result<const RegisteredSchema*> CachedSchemas::find(const SchemaId& id) {
  const RegisteredSchema* nobodys = nullptr;
  if (const auto known = known_.find(id); known != known_.end()) {
    return static_cast<const RegisteredSchema*>(known->second.get());
  }
  const auto unknown = unknown_.find(id);
  if (unknown != unknown_.end() && clock_.now() < unknown->second) return nobodys;
  auto found = client_.schema(id);
  if (!found) return found.error();
  if (!*found) {
    if (unknown_.size() >= kSchemasMax) unknown_.clear();
    unknown_.insert_or_assign(id, clock_.now() + kUnknownFor);
    return nobodys;
  }
  unknown_.erase(id);
  if (known_.size() >= kSchemasMax) known_.clear();
  auto& kept = known_[id];
  kept = std::make_unique<RegisteredSchema>(**std::move(found));
  metrics_.registry_schemas.set(static_cast<double>(known_.size()));
  return static_cast<const RegisteredSchema*>(kept.get());
}

}  // namespace weir::registry
