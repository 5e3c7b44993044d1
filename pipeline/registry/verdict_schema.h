#pragma once
// Our side of the contract: the schemas that verdicts are written by, as shipped in deploy/schemas,
// and their place in the registry.

#include <cstdint>
#include <string>

#include "operators/formats/record_format.h"
#include "pipeline/core/schema_source.h"
#include "pipeline/registry/registry_client.h"

namespace weir::registry {

/// Not for JSON, which needs none.
RegisteredSchema verdict_schema(operators::VerdictFormat format);

/// The id of our schema under `subject`. Fatal, in words for whoever runs Weir, when the registry's
/// rule for the subject refuses it, or when it is not there and `may_register` is false.
Result<std::uint32_t> find_verdict_schema(RegistryClient& registry, const std::string& subject,
                                          operators::VerdictFormat format, bool may_register);

/// The same question without registering: would a start succeed?
Status check_verdict_schema(RegistryClient& registry, const std::string& subject,
                            operators::VerdictFormat format, bool may_register);

}  // namespace weir::registry
