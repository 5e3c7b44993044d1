#include "pipeline/tap/record_fields.h"

#include <string>
#include <vector>

namespace weir::tap {
namespace {

using query::Field;
using query::FieldCatalogue;
using Type = query::FieldType;

constexpr bool kOpen = true;

void add_input(std::vector<Field>& fields) {
  fields.insert(fields.end(), {{"input.topic", Type::kText},
                               {"input.partition", Type::kNumber},
                               {"input.offset", Type::kNumber}});
}

void add_profiles(std::vector<Field>& fields) {
  for (const std::string kind : {"merchant", "device", "ip", "card"}) {
    fields.push_back({"profiles." + kind + ".as_of", Type::kText});
    fields.push_back({"profiles." + kind + ".sequence", Type::kNumber});
  }
}

}  // namespace

FieldCatalogue verdict_fields() {
  std::vector<Field> fields = {{"verdict_id", Type::kText},
                               {"transaction_id", Type::kText},
                               {"user_id", Type::kText},
                               {"merchant_id", Type::kText},
                               {"event_time", Type::kText},
                               {"amount_minor", Type::kNumber},
                               {"currency", Type::kText},
                               {"action", Type::kText},
                               {"runner_up.action", Type::kText},
                               {"runner_up.cost_gap", Type::kNumber},
                               {"risk.fraud.p", Type::kNumber},
                               {"expected_cost.approve", Type::kNumber},
                               {"expected_cost.review", Type::kNumber},
                               {"expected_cost.decline", Type::kNumber},
                               {"reasons.code", Type::kText},
                               {"reasons.text", Type::kText},
                               {"reasons.value", Type::kNumber},
                               {"reasons.typical_low", Type::kNumber},
                               {"reasons.typical_high", Type::kNumber},
                               {"model.name", Type::kText},
                               {"model.version", Type::kText},
                               {"model.digest", Type::kText},
                               {"rules.digest", Type::kText},
                               {"rules.fired", Type::kAny, kOpen},
                               {"duplicate", Type::kBool},
                               {"late", Type::kBool},
                               {"out_of_order", Type::kBool},
                               {"degraded", Type::kAny, kOpen}};
  add_profiles(fields);
  add_input(fields);
  return FieldCatalogue(std::move(fields));
}

FieldCatalogue features_fields() {
  std::vector<Field> fields = {{"transaction_id", Type::kText},
                               {"verdict_id", Type::kText},
                               {"user_id", Type::kText},
                               {"event_time", Type::kText},
                               {"model.digest", Type::kText},
                               {"current", Type::kAny, kOpen},
                               {"history_format", Type::kNumber},
                               {"payment", Type::kText},
                               {"rows", Type::kNumber},
                               {"history", Type::kText},
                               {"outputs.logit", Type::kNumber},
                               {"outputs.logit_bits", Type::kText},
                               {"outputs.p", Type::kNumber},
                               {"outputs.sequence_logit", Type::kNumber},
                               {"outputs.trees_margin", Type::kNumber},
                               {"windows", Type::kAny, kOpen},
                               {"merchant", Type::kAny, kOpen}};
  add_profiles(fields);
  add_input(fields);
  return FieldCatalogue(std::move(fields));
}

FieldCatalogue dead_letter_fields() {
  return FieldCatalogue({{"time", Type::kText},
                         {"reason", Type::kText},
                         {"detail", Type::kText},
                         {"origin.topic", Type::kText},
                         {"origin.partition", Type::kNumber},
                         {"origin.offset", Type::kNumber},
                         {"origin.time", Type::kText},
                         {"partition", Type::kNumber},
                         {"offset", Type::kNumber},
                         {"bytes", Type::kNumber},
                         {"key", Type::kText},
                         {"key_base64", Type::kText},
                         {"headers", Type::kAny, kOpen},
                         {"value", Type::kText},
                         {"value_base64", Type::kText}});
}

FieldCatalogue entity_fields() {
  return FieldCatalogue({{"entity", Type::kText},
                         {"kind", Type::kText},
                         {"id", Type::kText},
                         {"what", Type::kText},
                         {"event_time", Type::kText},
                         {"transaction", Type::kText},
                         {"user", Type::kText},
                         {"amount", Type::kNumber},
                         {"currency", Type::kNumber},
                         {"mcc", Type::kNumber},
                         {"label_time", Type::kText},
                         {"label", Type::kText},
                         {"fraud", Type::kBool},
                         {"revision", Type::kNumber},
                         {"partition", Type::kNumber},
                         {"offset", Type::kNumber}});
}

FieldCatalogue profile_fields() {
  return FieldCatalogue({{"entity", Type::kText},
                         {"kind", Type::kText},
                         {"id", Type::kText},
                         {"what", Type::kText},
                         {"as_of", Type::kText},
                         {"sequence", Type::kNumber},
                         {"watermark", Type::kText},
                         {"of_partition", Type::kNumber},
                         {"values", Type::kAny, kOpen},
                         {"rows.event_time", Type::kText},
                         {"rows.label_time", Type::kText},
                         {"rows.amount", Type::kNumber},
                         {"rows.transaction", Type::kText},
                         {"rows.user", Type::kText},
                         {"rows.fraud", Type::kBool},
                         {"partition", Type::kNumber},
                         {"offset", Type::kNumber}});
}

}  // namespace weir::tap
