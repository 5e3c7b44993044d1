#pragma once
// A schema registry as Confluent's API has it: schemas by id and by GUID, with what they refer to;
// a subject's compatibility; registration.

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/core/error.h"
#include "pipeline/core/schema_source.h"
#include "pipeline/http/http_client.h"

namespace weir::registry {

struct RegistryOptions {
  std::vector<std::string> urls;             // tried in turn, the one that answered last first
  std::string user, password;                // basic authentication; empty: none
  std::string bearer_token;                  // empty: none
  std::string ca_file;                       // certificates to trust; empty: the system's
  std::chrono::milliseconds timeout{2'000};  // of one request to one server
};

/// Called for every request with whether it was answered (404 is an answer).
using RequestCounter = std::function<void(bool answered)>;

/// Threading: one thread at a time. Every call waits for the network, at most urls * timeout.
///
/// Errors: kRetry when no server answered or one had trouble of its own (5xx, 429, 401 and 403,
/// which a person must cure); kFatal when the registry refuses what was asked of it.
class RegistryClient {
 public:
  explicit RegistryClient(RegistryOptions options, RequestCounter counter = {});

  /// nullopt: the registry says that it does not know this id.
  Result<std::optional<RegisteredSchema>> schema(const SchemaId& id);

  /// The registry answers and is one.
  Status check();
  /// nullopt: this schema is not registered under the subject.
  Result<std::optional<std::uint32_t>> id_of(const std::string& subject,
                                             const RegisteredSchema& schema);
  /// The registry's rule for the subject, applied to its latest version; true where it has none.
  Result<bool> is_compatible(const std::string& subject, const RegisteredSchema& schema);
  Result<std::uint32_t> add(const std::string& subject, const RegisteredSchema& schema);

 private:
  Result<http::Response> ask(const std::string& method, const std::string& path,
                             const std::string& body = {});
  Result<RegisteredSchema> read_schema(const std::string& body, int depth);
  Status add_references(const std::string& body, RegisteredSchema& to, int depth);

  const RegistryOptions options_;
  const RequestCounter counter_;
  http::Client http_;
  std::size_t preferred_ = 0;  // index into urls
};

}  // namespace weir::registry
