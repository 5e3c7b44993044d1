#include "pipeline/registry/registry_client.h"

#include <algorithm>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace weir::registry {
namespace {

using Json = nlohmann::json;

constexpr int kReferenceDepthMax = 16;
constexpr std::size_t kReferencesMax = 256;
constexpr const char* kMediaType = "application/vnd.schemaregistry.v1+json";
constexpr long kNotFound = 404;
constexpr long kConflict = 409;
constexpr long kUnprocessable = 422;
constexpr const char* kTypeNames[] = {"AVRO", "PROTOBUF", "JSON"};

std::string guid_text(const SchemaGuid& guid) {
  std::string text;
  for (std::size_t i = 0; i < guid.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += fmt::format("{:02x}", guid[i]);
  }
  return text;
}

std::string path_of(const SchemaId& id) {
  if (const auto* number = std::get_if<std::uint32_t>(&id)) {
    return fmt::format("/schemas/ids/{}", *number);
  }
  return "/schemas/guids/" + guid_text(std::get<SchemaGuid>(id));
}

/// The registry's own code, 404xx where it is the thing asked for that is missing; 0: this is not
/// how a registry talks.
int error_code(const std::string& body) {
  const Json json = Json::parse(body, nullptr, false);
  const auto found = json.is_object() ? json.find("error_code") : json.end();
  return found != json.end() && found->is_number_integer() ? found->get<int>() : 0;
}
bool says_unknown(const http::Response& response) {
  return response.status == kNotFound && error_code(response.body) / 100 == kNotFound;
}

std::string message_of(const std::string& body) {
  const Json json = Json::parse(body, nullptr, false);
  const auto found = json.is_object() ? json.find("message") : json.end();
  if (found == json.end() || !found->is_string()) return "no reason given";
  return found->get<std::string>().substr(0, 500);
}

Error strange(std::string_view what, const http::Response& response) {
  return retry(
      fmt::format("schema registry: {} answered {}; is registry.urls the address of its "
                  "API, path included?",
                  what, response.status));
}

std::string body_of(const RegisteredSchema& schema) {
  Json json = {{"schema", schema.text}};
  if (schema.type != SchemaType::kAvro) {
    json["schemaType"] = kTypeNames[static_cast<std::size_t>(schema.type)];
  }
  return json.dump();
}

std::string subject_path(const std::string& subject) {
  return "/subjects/" + http::escape_segment(subject);
}

Result<std::uint32_t> read_id(const http::Response& response) {
  const Json json = Json::parse(response.body, nullptr, false);
  const auto found = json.is_object() ? json.find("id") : json.end();
  if (found == json.end() || !found->is_number_unsigned())
    return strange("a schema's id", response);
  return found->get<std::uint32_t>();
}

}  // namespace

RegistryClient::RegistryClient(RegistryOptions options, RequestCounter counter)
    : options_(std::move(options)),
      counter_(std::move(counter)),
      http_({.connect_timeout = options_.timeout,
             .timeout = options_.timeout,
             .response_bytes_max = 4U << 20U,
             .ca_file = options_.ca_file}) {
  WEIR_CHECK(!options_.urls.empty());
}

Result<http::Response> RegistryClient::ask(const std::string& method, const std::string& path,
                                           const std::string& body) {
  http::Request request;
  request.method = method;
  request.headers = {fmt::format("Accept: {}, application/json", kMediaType)};
  if (!body.empty()) request.headers.push_back(fmt::format("Content-Type: {}", kMediaType));
  request.body = body;
  request.user = options_.user;
  request.password = options_.password;
  request.bearer_token = options_.bearer_token;
  std::string trouble;
  for (std::size_t i = 0; i < options_.urls.size(); ++i) {
    const std::size_t at = (preferred_ + i) % options_.urls.size();
    request.url = options_.urls[at];
    while (request.url.ends_with('/')) request.url.pop_back();
    request.url += path;
    auto response = http_.send(request);
    const bool unwell = response && (response->status >= 500 || response->status == 429 ||
                                     response->status == 401 || response->status == 403);
    const bool answered = response && !unwell;
    if (counter_) counter_(answered);
    if (answered) {
      preferred_ = at;
      return response;
    }
    trouble += trouble.empty() ? "" : "; ";
    trouble += unwell ? fmt::format("{}: answered {}", request.url, response->status)
                      : response.error().message;
  }
  return retry("schema registry: " + trouble);
}

Result<std::optional<RegisteredSchema>> RegistryClient::schema(const SchemaId& id) {
  const auto response = ask("GET", path_of(id));
  if (!response) return response.error();
  if (response->status == 200) {
    auto schema = read_schema(response->body, 0);
    if (!schema) return schema.error();
    return std::optional(*std::move(schema));
  }
  // Registries without GUIDs have no such path at all.
  const bool no_guids = response->status == kNotFound && std::holds_alternative<SchemaGuid>(id);
  if (says_unknown(*response) || no_guids) return std::optional<RegisteredSchema>();
  return strange(path_of(id), *response);
}

Result<RegisteredSchema> RegistryClient::read_schema(const std::string& body, int depth) {
  const Json json = Json::parse(body, nullptr, false);
  const auto text = json.is_object() ? json.find("schema") : json.end();
  if (text == json.end() || !text->is_string()) {
    return retry("schema registry: an answer without a schema");
  }
  RegisteredSchema schema;
  schema.text = text->get<std::string>();
  const auto type = json.find("schemaType");
  if (type != json.end() && type->is_string()) {
    const auto known = std::ranges::find(kTypeNames, type->get<std::string>());
    if (known == std::end(kTypeNames)) {
      return retry("schema registry: a schema that is neither AVRO, PROTOBUF nor JSON");
    }
    schema.type = static_cast<SchemaType>(known - std::begin(kTypeNames));
  }
  WEIR_RETURN_IF_ERROR(add_references(body, schema, depth));
  return schema;
}

/// What those refer to comes before them.
Status RegistryClient::add_references(const std::string& body, RegisteredSchema& to, int depth) {
  const Json json = Json::parse(body, nullptr, false);
  const auto references = json.find("references");
  if (references == json.end() || !references->is_array()) return ok();
  if (depth > kReferenceDepthMax) return retry("schema registry: references nest too deeply");
  for (const Json& reference : *references) {
    const bool whole = reference.is_object() && reference.contains("name") &&
                       reference["name"].is_string() && reference.contains("subject") &&
                       reference["subject"].is_string() && reference.contains("version") &&
                       reference["version"].is_number_integer();
    if (!whole) return retry("schema registry: a reference without name, subject and version");
    const auto name = reference["name"].get<std::string>();
    if (std::ranges::find(to.references, name, &SchemaReference::name) != to.references.end()) {
      continue;
    }
    if (to.references.size() >= kReferencesMax) {
      return retry("schema registry: a schema with more than 256 references");
    }
    const std::string path =
        fmt::format("{}/versions/{}", subject_path(reference["subject"].get<std::string>()),
                    reference["version"].get<std::int64_t>());
    const auto response = ask("GET", path);
    if (!response) return response.error();
    if (response->status != 200) return strange(path, *response);
    WEIR_RETURN_IF_ERROR(add_references(response->body, to, depth + 1));
    const Json below = Json::parse(response->body, nullptr, false);
    if (!below.is_object() || !below.contains("schema") || !below["schema"].is_string()) {
      return strange(path, *response);
    }
    to.references.push_back({name, below["schema"].get<std::string>()});
  }
  return ok();
}

Status RegistryClient::check() {
  const auto response = ask("GET", "/subjects");
  if (!response) return response.error();
  const bool is_list = Json::parse(response->body, nullptr, false).is_array();
  if (response->status == 200 && is_list) return ok();
  return strange("/subjects", *response);
}

Result<std::optional<std::uint32_t>> RegistryClient::id_of(const std::string& subject,
                                                           const RegisteredSchema& schema) {
  const auto response = ask("POST", subject_path(subject), body_of(schema));
  if (!response) return response.error();
  if (says_unknown(*response)) return std::optional<std::uint32_t>();
  if (response->status != 200) return strange("the look-up of our schema", *response);
  const auto id = read_id(*response);
  if (!id) return id.error();
  return std::optional(*id);
}

Result<bool> RegistryClient::is_compatible(const std::string& subject,
                                           const RegisteredSchema& schema) {
  const auto response =
      ask("POST", "/compatibility" + subject_path(subject) + "/versions/latest", body_of(schema));
  if (!response) return response.error();
  if (says_unknown(*response)) return true;  // the first version of a subject
  if (response->status == kUnprocessable) {
    return fatal("schema registry: it cannot read our schema: " + message_of(response->body));
  }
  const Json json = Json::parse(response->body, nullptr, false);
  const auto found = json.is_object() ? json.find("is_compatible") : json.end();
  if (response->status != 200 || found == json.end() || !found->is_boolean()) {
    return strange("the compatibility check", *response);
  }
  return found->get<bool>();
}

Result<std::uint32_t> RegistryClient::add(const std::string& subject,
                                          const RegisteredSchema& schema) {
  const auto response = ask("POST", subject_path(subject) + "/versions", body_of(schema));
  if (!response) return response.error();
  if (response->status == 200) return read_id(*response);
  if (response->status == kConflict || response->status == kUnprocessable) {
    return fatal(fmt::format("schema registry: subject {} does not take our schema: {}", subject,
                             message_of(response->body)));
  }
  return strange("registration", *response);
}

}  // namespace weir::registry
