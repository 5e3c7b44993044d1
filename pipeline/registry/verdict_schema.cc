#include "pipeline/registry/verdict_schema.h"

#include <fmt/core.h>

#include "pipeline/registry/shipped_schemas.h"

namespace weir::registry {
namespace {

using operators::VerdictFormat;

Error not_there(const std::string& subject, VerdictFormat format) {
  return fatal(
      fmt::format("the schema of verdicts is not in the registry under {}; register "
                  "deploy/schemas/verdict.{}, or set registry.auto_register: true",
                  subject, format == VerdictFormat::kAvro ? "avsc" : "proto"));
}

/// nullopt: not there, and it may be registered.
Result<std::optional<std::uint32_t>> look(RegistryClient& registry, const std::string& subject,
                                          VerdictFormat format, bool may_register) {
  const auto schema = verdict_schema(format);
  auto id = registry.id_of(subject, schema);
  if (!id || *id) return id;
  const auto compatible = registry.is_compatible(subject, schema);
  if (!compatible) return compatible.error();
  if (!*compatible) {
    return fatal(fmt::format(
        "the schema of verdicts is not compatible with what the registry has under {}: readers of "
        "that topic could not read them. Give topics.verdicts a name of its own, or relax the "
        "subject's rule",
        subject));
  }
  if (!may_register) return not_there(subject, format);
  return id;
}

}  // namespace

RegisteredSchema verdict_schema(VerdictFormat format) {
  if (format == VerdictFormat::kAvro) return {SchemaType::kAvro, kVerdictAvsc, {}};
  return {SchemaType::kProtobuf, kVerdictProto, {}};
}

Result<std::uint32_t> find_verdict_schema(RegistryClient& registry, const std::string& subject,
                                          VerdictFormat format, bool may_register) {
  const auto id = look(registry, subject, format, may_register);
  if (!id) return id.error();
  if (*id) return **id;
  return registry.add(subject, verdict_schema(format));
}

Status check_verdict_schema(RegistryClient& registry, const std::string& subject,
                            VerdictFormat format, bool may_register) {
  const auto id = look(registry, subject, format, may_register);
  if (!id) return id.error();
  return ok();
}

}  // namespace weir::registry
