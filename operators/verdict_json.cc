#include "operators/verdict_json.h"

#include <bit>
#include <cmath>

#include "operators/decide.h"
#include "operators/digest.h"
#include "operators/explain.h"
#include "operators/json_text.h"
#include "operators/verdict_parts.h"

namespace weir::operators {
namespace {

void append_bool(std::string& out, bool value) {
  out += value ? "true" : "false";
}

void append_input(std::string& out, const Origin& origin, std::string_view topic) {
  out += R"("input":{"topic":)";
  append_json_string(out, topic);
  out += R"(,"partition":)";
  append_integer(out, origin.partition);
  out += R"(,"offset":)";
  append_integer(out, origin.offset);
  out += '}';
}

void append_payment(std::string& out, const VerdictContent& verdict) {
  out += R"({"verdict_id":")";
  out += verdict_id(verdict.user_id, verdict.transaction_id, verdict.lineage->model_digest,
                    verdict.lineage->rules_digest);
  out += R"(","transaction_id":)";
  append_json_string(out, verdict.transaction_id);
  out += R"(,"user_id":)";
  append_json_string(out, verdict.user_id);
  out += R"(,"merchant_id":)";
  append_json_string(out, verdict.merchant_id);
  out += R"(,"event_time":")";
  append_event_time(out, verdict.event_time);
  out += R"(","amount_minor":)";
  append_integer(out, verdict.amount_minor);
  out += R"(,"currency":")";
  out += verdict.currency.name();
  out += '"';
}

void append_decision(std::string& out, const Decision& decision) {
  const RunnerUp second = runner_up(decision);
  out += R"(,"action":")";
  out += to_string(decision.action);
  out += R"(","runner_up":{"action":")";
  out += to_string(second.action);
  out += R"(","cost_gap":)";
  append_fixed(out, second.cost_gap, kCostDecimals);
  out += R"(},"risk":{"fraud":{"p":)";
  if (decision.p) {
    append_double(out, *decision.p);
  } else {
    out += "null";
  }
  out += R"(}},"expected_cost":{"approve":)";
  append_fixed(out, decision.costs.approve, kCostDecimals);
  out += R"(,"review":)";
  append_fixed(out, decision.costs.review, kCostDecimals);
  out += R"(,"decline":)";
  append_fixed(out, decision.costs.decline, kCostDecimals);
  out += '}';
}

void append_reason(std::string& out, const Reason& reason, const Currency& currency) {
  out += R"({"code":")";
  out += reason_name(reason.code);
  out += R"(","text":")";
  append_reason_text(out, reason, currency);  // plain words and numbers: nothing to escape
  out += R"(","value":)";
  append_double(out, reason.value);
  if (has_typical_range(reason.code)) {
    out += R"(,"typical_low":)";
    append_double(out, reason.typical_low);
    out += R"(,"typical_high":)";
    append_double(out, reason.typical_high);
  } else {
    out += R"(,"typical_low":null,"typical_high":null)";
  }
  out += '}';
}

void append_reasons(std::string& out, const Decision& decision, const Currency& currency) {
  out += R"(,"reasons":[)";
  for (std::size_t i = 0; i < decision.reason_count; ++i) {
    if (i > 0) out += ',';
    append_reason(out, decision.reasons[i], currency);
  }
  out += ']';
}

void append_lineage(std::string& out, const Lineage& lineage) {
  out += R"(,"model":)";
  if (lineage.model_name.empty()) {
    out += "null";
  } else {
    out += R"({"name":)";
    append_json_string(out, lineage.model_name);
    out += R"(,"version":)";
    append_json_string(out, lineage.model_version);
    out += R"(,"digest":)";
    append_json_string(out, lineage.model_digest);
    out += '}';
  }
  out += R"(,"rules":{"digest":)";
  append_json_string(out, lineage.rules_digest);
  out += R"(,"fired":[]})";
}

void append_flags(std::string& out, const VerdictContent& verdict) {
  const Decision& decision = *verdict.decision;
  out += R"(,"duplicate":)";
  append_bool(out, verdict.duplicate);
  out += R"(,"late":)";
  append_bool(out, decision.late);
  out += R"(,"out_of_order":)";
  append_bool(out, decision.out_of_order);
  out += R"(,"degraded":[)";
  bool first = true;
  for (const auto& [bit, name] : kDegradedNames) {
    if (!is_degraded(decision, bit)) continue;
    if (!first) out += ',';
    first = false;
    out += '"';
    out += name;
    out += '"';
  }
  out += "],";
}

void append_profiles(std::string& out, std::span<const SeenProfile> profiles) {
  if (profiles.empty()) return;
  out += R"("profiles":)";
  char before = '{';
  for (const SeenProfile& profile : profiles) {
    out += before;
    before = ',';
    out += '"';
    out += state::kEntityKindNames[profile.kind];
    out += R"(":{"as_of":")";
    append_event_time(out, {profile.as_of_ms});
    out += R"(","sequence":)";
    append_integer(out, static_cast<std::int64_t>(profile.sequence));
    out += '}';
  }
  out += "},";
}

void append_windows(std::string& out, std::span<const double> values,
                    std::span<const std::string> names) {
  WEIR_CHECK(values.size() == names.size());
  out += R"("windows":{)";
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out += ',';
    append_json_string(out, names[i]);
    out += ':';
    if (std::isfinite(values[i])) {
      append_double(out, values[i]);
    } else {
      out += "null";
    }
  }
  out += "},";
}

void append_merchant(std::string& out, const PaymentPast& past) {
  out += R"("merchant":[)";
  for (std::size_t k = 0; k < past.merchant_values.size(); ++k) {
    out += k == 0 ? "[" : ",[";
    const MerchantRowValues& row = past.merchant_values[k];
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) out += ',';
      append_float(out, row[i]);
    }
    out += ']';
  }
  out += "],";
}

void append_part(std::string& out, std::string_view name, float logit) {
  if (std::isnan(logit)) return;
  out += R"(,")";
  out += name;
  out += R"(":)";
  append_float(out, logit);
}

std::string_view bytes_of(std::span<const HistoryRow> rows) {
  return {reinterpret_cast<const char*>(rows.data()), rows.size_bytes()};
}

}  // namespace

VerdictContent content_of(const DecidedTransaction& payment, const Lineage& lineage) {
  return {.transaction_id = payment.transaction_id,
          .user_id = payment.user_id,
          .merchant_id = payment.merchant_id,
          .event_time = payment.event_time,
          .amount_minor = payment.amount_minor,
          .currency = payment.currency,
          .decision = &payment.decision,
          .lineage = &lineage,
          .origin = payment.origin,
          .duplicate = false};
}

void append_verdict_json(std::string& out, const VerdictContent& verdict,
                         std::string_view input_topic) {
  append_payment(out, verdict);
  append_decision(out, *verdict.decision);
  append_reasons(out, *verdict.decision, verdict.currency);
  append_lineage(out, *verdict.lineage);
  append_flags(out, verdict);
  append_profiles(out,
                  std::span(verdict.decision->profiles).first(verdict.decision->profile_count));
  append_input(out, verdict.origin, input_topic);
  out += '}';
}

void append_features_json(std::string& out, const ScoredTransaction& payment,
                          std::span<const std::string> window_names, const Lineage& lineage,
                          std::string_view input_topic) {
  out += R"({"transaction_id":)";
  append_json_string(out, payment.transaction_id);
  out += R"(,"verdict_id":")";
  out += verdict_id(payment.user_id, payment.transaction_id, lineage.model_digest,
                    lineage.rules_digest);
  out += R"(","user_id":)";
  append_json_string(out, payment.user_id);
  out += R"(,"event_time":")";
  append_event_time(out, payment.event_time);
  out += R"(","model":)";
  if (lineage.model_name.empty()) {
    out += "null";
  } else {
    out += R"({"digest":)";
    append_json_string(out, lineage.model_digest);
    out += '}';
  }
  out += R"(,"current":[)";
  for (std::size_t i = 0; i < payment.current.size(); ++i) {
    if (i > 0) out += ',';
    append_float(out, payment.current[i]);
  }
  out += R"(],"history_format":)";
  append_integer(out, kHistoryFormat);
  out += R"(,"payment":")";
  append_base64(out, bytes_of({&payment.row, 1}));
  out += R"(","rows":)";
  append_integer(out, static_cast<std::int64_t>(payment.model_rows.size()));
  out += R"(,"history":")";
  append_base64(out, bytes_of(payment.model_rows));
  out += R"(","outputs":{)";
  if (payment.score) {
    out += R"("logit":)";
    append_float(out, payment.score->logit);
    out += R"(,"logit_bits":")";
    append_hex32(out, std::bit_cast<std::uint32_t>(payment.score->logit));
    out += R"(","p":)";
    append_double(out, payment.score->p);
    append_part(out, "sequence_logit", payment.score->sequence_logit);
    append_part(out, "trees_margin", payment.score->trees_margin);
  } else {
    out += R"("logit":null,"logit_bits":null,"p":null)";
  }
  out += "},";
  if (!payment.windows.empty()) append_windows(out, payment.windows, window_names);
  if (payment.past != nullptr) {
    if (payment.past->knows_merchants) append_merchant(out, *payment.past);
    append_profiles(out, std::span(payment.past->profiles).first(payment.past->profile_count));
  }
  append_input(out, payment.origin, input_topic);
  out += '}';
}

}  // namespace weir::operators
