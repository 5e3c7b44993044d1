#include "operators/traces.h"

#include <algorithm>
#include <cmath>
#include <optional>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "operators/card_number.h"

namespace weir::operators {
namespace {

struct Hash {
  std::uint64_t high;
  std::uint64_t low;  // never 0: ids of zeros are none
};

Hash hash_of(std::initializer_list<std::string_view> parts) {
  std::string text;
  for (const std::string_view part : parts) {
    text += part;
    text += '\0';
  }
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  return {hash.high64, hash.low64 != 0 ? hash.low64 : 1};
}

std::uint64_t span_id_of(const ValidTransaction& payment) {
  return hash_of({"span", payment.user_id, payment.transaction_id}).low;
}

std::uint64_t span_id_at(std::string_view topic, const RawRecord& record) {
  return hash_of({"record", topic, std::to_string(record.partition), std::to_string(record.offset)})
      .low;
}

struct Given {
  std::size_t parents = 0;  // two are as good as none
  std::string_view traceparent;
  std::string_view tracestate;
};
Given headers_of(const RawRecord& record) {
  Given given;
  for (const HeaderView& header : record.headers) {
    if (header.name == kTraceparentHeader) {
      ++given.parents;
      given.traceparent = header.value;
    } else if (header.name == kTracestateHeader) {
      given.tracestate = header.value;
    }
  }
  return given;
}

}  // namespace

BatchTraces::BatchTraces(std::string topic, double ratio)
    : topic_(std::move(topic)), ratio_(ratio) {}

std::size_t BatchTraces::read(std::span<const RawRecord> records) {
  traces_.clear();
  std::size_t bad = 0;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (records[i].headers.empty()) continue;
    const Given given = headers_of(records[i]);
    if (given.parents == 0) continue;
    const auto caller = given.parents == 1 ? parse_traceparent(given.traceparent) : std::nullopt;
    if (!caller) {
      ++bad;
      continue;
    }
    RecordTrace trace{i, *caller, caller->span_id, {}};
    trace.own.span_id = span_id_at(topic_, records[i]);
    const bool passes = is_tracestate(given.tracestate) && !contains_card_number(given.tracestate);
    if (passes) trace.tracestate = given.tracestate;
    traces_.push_back(trace);
  }
  return bad;
}

void BatchTraces::identify(std::span<const ValidTransaction> payments) {
  if (traces_.empty() && ratio_ <= 0) return;
  const std::size_t brought = traces_.size();
  for (const ValidTransaction& payment : payments) {
    const auto end = traces_.begin() + static_cast<std::ptrdiff_t>(brought);
    const auto found =
        std::ranges::lower_bound(traces_.begin(), end, payment.record, {}, &RecordTrace::record);
    if (found != end && found->record == payment.record) {
      found->own.span_id = span_id_of(payment);
    } else if (ratio_ > 0) {
      begin(payment);
    }
  }
  std::ranges::sort(traces_, {}, &RecordTrace::record);
}

void BatchTraces::begin(const ValidTransaction& payment) {
  const Hash id = hash_of({"trace", payment.transaction_id});
  // The 53 bits that a double holds.
  if (std::ldexp(static_cast<double>(id.high >> 11U), -53) >= ratio_) return;
  traces_.push_back(
      {payment.record, {id.high, id.low, span_id_of(payment), TraceContext::kSampledFlag}, 0, {}});
}

const RecordTrace* BatchTraces::find(std::size_t record) const {
  const auto found = std::ranges::lower_bound(traces_, record, {}, &RecordTrace::record);
  return found != traces_.end() && found->record == record ? &*found : nullptr;
}

void BatchTraces::carry_on(std::size_t record, std::span<OutputRecord> made) const {
  if (traces_.empty() || made.empty()) return;
  const RecordTrace* trace = find(record);
  if (trace == nullptr) return;
  const std::string parent = format_traceparent(trace->own);
  for (OutputRecord& output : made) {
    std::erase_if(output.headers, [](const auto& header) {
      return header.first == kTraceparentHeader || header.first == kTracestateHeader;
    });
    output.headers.emplace_back(kTraceparentHeader, parent);
    if (!trace->tracestate.empty()) {
      output.headers.emplace_back(kTracestateHeader, trace->tracestate);
    }
  }
}

}  // namespace weir::operators
