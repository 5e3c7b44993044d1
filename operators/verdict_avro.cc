#include <bit>
#include <charconv>
#include <cstdint>

#include "operators/decide.h"
#include "operators/digest.h"
#include "operators/explain.h"
#include "operators/formats/wire_format.h"
#include "operators/json_text.h"
#include "operators/verdict_binary.h"
#include "operators/verdict_parts.h"

namespace weir::operators {
namespace {

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7U) out += static_cast<char>(value | 0x80U);
  out += static_cast<char>(value);
}
void put_long(std::string& out, std::int64_t value) {
  put_varint(out,
             static_cast<std::uint64_t>(value) << 1U ^ static_cast<std::uint64_t>(value >> 63));
}
void put_text(std::string& out, std::string_view text) {
  put_long(out, static_cast<std::int64_t>(text.size()));
  out += text;
}
void put_double(std::string& out, double value) {
  if (value == 0) value = 0;  // as in JSON, zero has no sign
  const auto bits = std::bit_cast<std::array<char, sizeof value>>(value);
  out.append(bits.data(), bits.size());
}
void put_bool(std::string& out, bool value) {
  out += value ? '\1' : '\0';
}
// Of the unions here null is the first branch.
void put_null(std::string& out) {
  put_long(out, 0);
}
void put_not_null(std::string& out) {
  put_long(out, 1);
}
// Arrays and maps are one block with its count, if any, and the count 0.
void put_count(std::string& out, std::size_t count) {
  if (count > 0) put_long(out, static_cast<std::int64_t>(count));
}
void put_end(std::string& out) {
  put_long(out, 0);
}

void put_reason(std::string& out, const Reason& reason, const Currency& currency) {
  std::string text;
  append_reason_text(text, reason, currency);
  put_text(out, reason_name(reason.code));
  put_text(out, text);
  put_double(out, reason.value);
  for (const double bound : {reason.typical_low, reason.typical_high}) {
    if (has_typical_range(reason.code)) {
      put_not_null(out);
      put_double(out, bound);
    } else {
      put_null(out);
    }
  }
}

void put_decision(std::string& out, const Decision& decision, const Currency& currency) {
  const RunnerUp second = runner_up(decision);
  put_text(out, to_string(decision.action));
  put_text(out, to_string(second.action));
  put_double(out, rounded_cost(second.cost_gap));
  if (decision.p) {
    put_not_null(out);
    put_double(out, *decision.p);
  } else {
    put_null(out);
  }
  put_double(out, rounded_cost(decision.costs.approve));
  put_double(out, rounded_cost(decision.costs.review));
  put_double(out, rounded_cost(decision.costs.decline));
  put_count(out, decision.reason_count);
  for (std::size_t i = 0; i < decision.reason_count; ++i) {
    put_reason(out, decision.reasons[i], currency);
  }
  put_end(out);
}

void put_lineage(std::string& out, const Lineage& lineage) {
  if (lineage.model_name.empty()) {
    put_null(out);
  } else {
    put_not_null(out);
    put_text(out, lineage.model_name);
    put_text(out, lineage.model_version);
    put_text(out, lineage.model_digest);
  }
  put_text(out, lineage.rules_digest);
  put_end(out);  // fired: none yet
}

void put_flags(std::string& out, const VerdictContent& verdict) {
  const Decision& decision = *verdict.decision;
  put_bool(out, verdict.duplicate);
  put_bool(out, decision.late);
  put_bool(out, decision.out_of_order);
  std::size_t count = 0;
  for (const auto& [cause, name] : kDegradedNames) count += is_degraded(decision, cause) ? 1 : 0;
  put_count(out, count);
  for (const auto& [cause, name] : kDegradedNames) {
    if (is_degraded(decision, cause)) put_text(out, name);
  }
  put_end(out);
  put_count(out, decision.profile_count);
  for (std::size_t i = 0; i < decision.profile_count; ++i) {
    const SeenProfile& seen = decision.profiles[i];
    put_text(out, state::kEntityKindNames[seen.kind]);
    put_long(out, seen.as_of_ms);
    put_long(out, static_cast<std::int64_t>(seen.sequence));
  }
  put_end(out);
}

}  // namespace

double rounded_cost(double cost) {
  std::string text;
  append_fixed(text, cost, kCostDecimals);
  double rounded = 0;
  std::from_chars(text.data(), text.data() + text.size(), rounded);
  return rounded;
}

void append_verdict_avro(std::string& out, std::uint32_t schema_id, const VerdictContent& verdict,
                         std::string_view input_topic) {
  append_frame(out, schema_id);
  put_text(out, verdict_id(verdict.user_id, verdict.transaction_id, verdict.lineage->model_digest,
                           verdict.lineage->rules_digest));
  put_text(out, verdict.transaction_id);
  put_text(out, verdict.user_id);
  put_text(out, verdict.merchant_id);
  put_long(out, verdict.event_time.ms);
  put_long(out, verdict.amount_minor);
  put_text(out, verdict.currency.name());
  put_decision(out, *verdict.decision, verdict.currency);
  put_lineage(out, *verdict.lineage);
  put_flags(out, verdict);
  put_text(out, input_topic);
  put_long(out, verdict.origin.partition);
  put_long(out, verdict.origin.offset);
}

}  // namespace weir::operators
