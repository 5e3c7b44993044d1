#include <bit>
#include <cstdint>

#include "operators/decide.h"
#include "operators/digest.h"
#include "operators/explain.h"
#include "operators/formats/wire_format.h"
#include "operators/verdict_binary.h"
#include "operators/verdict_parts.h"

namespace weir::operators {
namespace {

constexpr std::uint64_t kVarint = 0;
constexpr std::uint64_t kFixed64 = 1;
constexpr std::uint64_t kLengthDelimited = 2;

/// Writes the fields of one message. What has no presence and is zero or empty is left out, as
/// every writer of proto3 does.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  void text(std::uint32_t number, std::string_view value) {
    if (!value.empty()) item(number, value);
  }
  /// Of a list, or of a field with presence: empty ones count.
  void item(std::uint32_t number, std::string_view value) {
    varint(std::uint64_t{number} << 3U | kLengthDelimited);
    varint(value.size());
    out_ += value;
  }
  void whole(std::uint32_t number, std::int64_t value) {
    if (value == 0) return;
    varint(std::uint64_t{number} << 3U | kVarint);
    varint(static_cast<std::uint64_t>(value));
  }
  void flag(std::uint32_t number, bool value) { whole(number, value ? 1 : 0); }
  void real(std::uint32_t number, double value) {
    if (value != 0) present_real(number, value);
  }
  void present_real(std::uint32_t number, double value) {
    varint(std::uint64_t{number} << 3U | kFixed64);
    if (value == 0) value = 0;  // as in JSON, zero has no sign
    const auto bits = std::bit_cast<std::array<char, sizeof value>>(value);
    out_.append(bits.data(), bits.size());
  }
  /// Messages here are small: written apart, then copied behind their length.
  template <class Fill>
  void message(std::uint32_t number, const Fill& fill) {
    std::string inner;
    Writer writer(inner);
    fill(writer);
    item(number, inner);
  }
  void time(std::uint32_t number, std::int64_t ms) {
    message(number, [&](Writer& w) {  // google.protobuf.Timestamp; event times are after 1970
      w.whole(1, ms / 1'000);
      w.whole(2, ms % 1'000 * 1'000'000);
    });
  }

 private:
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7U) out_ += static_cast<char>(value | 0x80U);
    out_ += static_cast<char>(value);
  }

  std::string& out_;
};

void put_reason(Writer& w, const Reason& reason, const Currency& currency) {
  std::string text;
  append_reason_text(text, reason, currency);
  w.text(1, reason_name(reason.code));
  w.text(2, text);
  w.real(3, reason.value);
  if (!has_typical_range(reason.code)) return;
  w.present_real(4, reason.typical_low);
  w.present_real(5, reason.typical_high);
}

void put_decision(Writer& w, const Decision& decision, const Currency& currency) {
  const RunnerUp second = runner_up(decision);
  w.text(8, to_string(decision.action));
  w.message(9, [&](Writer& inner) {
    inner.text(1, to_string(second.action));
    inner.real(2, rounded_cost(second.cost_gap));
  });
  w.message(10, [&](Writer& risk) {
    risk.message(1, [&](Writer& fraud) {
      if (decision.p) fraud.present_real(1, *decision.p);
    });
  });
  w.message(11, [&](Writer& inner) {
    inner.real(1, rounded_cost(decision.costs.approve));
    inner.real(2, rounded_cost(decision.costs.review));
    inner.real(3, rounded_cost(decision.costs.decline));
  });
  for (std::size_t i = 0; i < decision.reason_count; ++i) {
    w.message(12, [&](Writer& inner) { put_reason(inner, decision.reasons[i], currency); });
  }
}

void put_lineage(Writer& w, const Lineage& lineage) {
  if (!lineage.model_name.empty()) {
    w.message(13, [&](Writer& inner) {
      inner.text(1, lineage.model_name);
      inner.text(2, lineage.model_version);
      inner.text(3, lineage.model_digest);
    });
  }
  w.message(14, [&](Writer& inner) { inner.text(1, lineage.rules_digest); });  // fired: none yet
}

void put_flags(Writer& w, const VerdictContent& verdict) {
  const Decision& decision = *verdict.decision;
  w.flag(15, verdict.duplicate);
  w.flag(16, decision.late);
  w.flag(17, decision.out_of_order);
  for (const auto& [cause, name] : kDegradedNames) {
    if (is_degraded(decision, cause)) w.item(18, name);
  }
  for (std::size_t i = 0; i < decision.profile_count; ++i) {
    const SeenProfile& seen = decision.profiles[i];
    w.message(19, [&](Writer& entry) {
      entry.text(1, state::kEntityKindNames[seen.kind]);
      entry.message(2, [&](Writer& inner) {
        inner.time(1, seen.as_of_ms);
        inner.whole(2, static_cast<std::int64_t>(seen.sequence));
      });
    });
  }
}

}  // namespace

void append_verdict_protobuf(std::string& out, std::uint32_t schema_id,
                             const VerdictContent& verdict, std::string_view input_topic) {
  append_frame(out, schema_id);
  out += '\0';  // message indexes: the first message of the schema
  Writer w(out);
  w.text(1, verdict_id(verdict.user_id, verdict.transaction_id, verdict.lineage->model_digest,
                       verdict.lineage->rules_digest));
  w.text(2, verdict.transaction_id);
  w.text(3, verdict.user_id);
  w.text(4, verdict.merchant_id);
  w.time(5, verdict.event_time.ms);
  w.whole(6, verdict.amount_minor);
  w.text(7, verdict.currency.name());
  put_decision(w, *verdict.decision, verdict.currency);
  put_lineage(w, *verdict.lineage);
  put_flags(w, verdict);
  w.message(20, [&](Writer& inner) {
    inner.text(1, input_topic);
    inner.whole(2, verdict.origin.partition);
    inner.whole(3, verdict.origin.offset);
  });
}

}  // namespace weir::operators
