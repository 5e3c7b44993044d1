#include "pipeline/cases/case_schema.h"

#include <set>
#include <span>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "operators/decode.h"
#include "operators/decode_label.h"
#include "operators/explain.h"
#include "pipeline/cases/case_keys.h"
#include "pipeline/tap/record_fields.h"
#include "pipeline/telemetry/worker_metrics.h"

namespace weir::cases {
namespace {

using Json = nlohmann::ordered_json;
using query::FieldType;

const Json kText = {{"type", "string"}};
const Json kNothing = {{"type", "null"}};

Json reference(std::string_view name) {
  return {{"$ref", fmt::format("#/$defs/{}", name)}};
}

Json list_of(Json items) {
  return {{"type", "array"}, {"items", std::move(items)}};
}

Json some_of(Json items) {
  return {{"type", "array"}, {"items", std::move(items)}, {"minItems", 1}};
}

Json or_null(Json schema) {
  return {{"anyOf", {std::move(schema), kNothing}}};
}

Json codes() {
  Json names = Json::array();
  for (std::uint8_t code = 0; code < operators::kReasonCodes; ++code)
    names.push_back(operators::reason_name(code));
  return list_of({{"enum", std::move(names)}});
}

Json chance() {
  const Json number = {{"type", "number"}, {"minimum", 0}, {"maximum", 1}};
  return {{"anyOf",
           {number,
            kNothing,
            {{"type", "object"},
             {"properties", {{"from", number}, {"to", number}}},
             {"additionalProperties", false}}}}};
}

Json schema_of(ValueForm form) {
  switch (form) {
    case ValueForm::kText:
      return kText;
    case ValueForm::kScalar:
      return {{"type", {"string", "number", "boolean"}}};
    case ValueForm::kTexts:
      return list_of(kText);
    case ValueForm::kTime:
      return {{"type", "string"}, {"pattern", "^[0-9]{4}-[0-9]{2}-[0-9]{2}T"}};
    case ValueForm::kDuration:
      return {{"type", "string"}, {"pattern", "^[0-9]+(ms|s|m|h|d)$"}};
    case ValueForm::kTimes:
      return {{"type", "integer"}, {"minimum", 1}, {"maximum", kTimesMax}};
    case ValueForm::kPayment:
      return reference("payment");
    case ValueForm::kLabel:
      return reference("label");
    case ValueForm::kRecord:
      return reference("record");
    case ValueForm::kExpect:
      return reference("expect");
    case ValueForm::kCodes:
      return codes();
    case ValueForm::kRejected:
      return or_null({{"enum", telemetry::kRejectReasonNames}});
    case ValueForm::kFeatures:
      return {{"type", "object"}, {"additionalProperties", {{"type", {"number", "null"}}}}};
    case ValueForm::kChance:
      return chance();
    case ValueForm::kState:
      return {{"type", "object"}, {"additionalProperties", kText}};
    case ValueForm::kEvents:
      return some_of(reference("event"));
    case ValueForm::kCases:
      return some_of(reference("case"));
  }
  return {};
}

/// A map of these keys and no others.
Json map_of(std::span<const CaseKey> keys) {
  Json properties = Json::object();
  Json required = Json::array();
  for (const CaseKey& key : keys) {
    Json schema = schema_of(key.form);
    schema["description"] = key.about;
    properties[std::string(key.name)] = std::move(schema);
    if (key.required) required.push_back(key.name);
  }
  Json schema = {{"type", "object"}, {"properties", std::move(properties)}};
  if (!required.empty()) schema["required"] = std::move(required);
  schema["additionalProperties"] = false;
  return schema;
}

/// Of any shape: what is wrong with a payment is what cases are about.
Json fields_of(std::span<const operators::FieldSpec> fields, std::span<const FieldWord> words) {
  Json properties = Json::object();
  for (const FieldWord& word : words) {
    properties[std::string(word.name)] = {
        {"description", word.field.empty() ? std::string("The case's clock moves there; its time")
                                           : fmt::format("{} for short", word.field)}};
  }
  for (const auto& field : fields)
    properties[std::string(field.name)] = {{"description", "As in the topic"}};
  return {{"type", "object"}, {"properties", std::move(properties)}};
}

Json schema_of(FieldType type) {
  switch (type) {
    case FieldType::kText:
      return or_null(kText);
    case FieldType::kNumber:
      return or_null({{"type", "number"}});
    case FieldType::kBool:
      return or_null({{"type", "boolean"}});
    case FieldType::kAny:
      break;
  }
  return Json::object();
}

/// kExpectKeys, and the fields of a verdict; those inside its reasons by their place.
Json expectations() {
  Json schema = map_of(kExpectKeys);
  Json& properties = schema["properties"];
  Json patterns = Json::object();
  const auto put = [&](const std::string& name, Json value) {
    value["description"] = "Of the verdict";
    properties[name] = std::move(value);
  };
  const auto of_verdict = tap::verdict_fields();
  for (const auto& field : of_verdict.fields()) {
    const auto dot = field.path.find('.');
    const std::string above = field.path.substr(0, dot);
    if (above == "reasons") {
      patterns[fmt::format("^reasons\\.[0-9]+\\{}$", field.path.substr(dot))] =
          schema_of(field.type);
      continue;
    }
    // Of a whole object only that there is none can be expected.
    if (dot != field.path.npos && !properties.contains(above)) put(above, kNothing);
    put(field.path, schema_of(field.type));
  }
  schema["patternProperties"] = std::move(patterns);
  return schema;
}

/// One kind and not two.
Json event() {
  Json schema = map_of(kEventKeys);
  Json kinds = Json::array();
  for (const CaseKey& key : std::span(kEventKeys).first(kEventKinds))
    kinds.push_back({{"required", {key.name}}});
  schema["oneOf"] = std::move(kinds);
  return schema;
}

}  // namespace

std::string case_schema() {
  Json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                 {"title", "Cases of Weir"},
                 {"description", "What `weir test` runs."}};
  schema.update(map_of(kFileKeys));
  schema["$defs"] = {{"case", map_of(kCaseKeys)},
                     {"event", event()},
                     {"payment", fields_of(operators::payment_fields(), kPaymentWords)},
                     {"label", fields_of(operators::label_fields(), kLabelWords)},
                     {"record", map_of(kRecordKeys)},
                     {"expect", expectations()}};
  return schema.dump(1) + "\n";
}

}  // namespace weir::cases
