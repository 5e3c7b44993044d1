#include "operators/link.h"

#include "operators/features/entity_event.h"

namespace weir::operators {

bool Link::sends() const {
  if (engine_ == nullptr) return false;
  for (std::size_t kind = 0; kind < state::kEntityKinds; ++kind) {
    if (engine_->has_profiles(static_cast<state::EntityKind>(kind))) return true;
  }
  return false;
}

template <class Named>
void Link::send(const Named& named, const std::string& value,
                std::vector<OutputRecord>& out) const {
  const auto ids = entity_ids(named);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto kind = static_cast<state::EntityKind>(i);
    if (ids[i].empty() || !engine_->has_profiles(kind)) continue;
    OutputRecord record;
    record.stream = Stream::kEntities;
    record.input_partition = named.origin.partition;
    record.key = entity_key(kind, ids[i]);
    record.value = value;
    out.push_back(std::move(record));
  }
}

void Link::process(std::span<const DecidedTransaction> payments, const BatchTraces& traces,
                   std::vector<OutputRecord>& out) const {
  if (!sends()) return;
  for (const DecidedTransaction& payment : payments) {
    if (payment.late || payment.past == nullptr) continue;
    const std::size_t made = out.size();
    send(payment, encode_entity_event(payment.past->row), out);
    traces.carry_on(payment.record, std::span(out).subspan(made));
  }
}

void Link::process(const ValidLabel& label, const BatchTraces& traces,
                   std::vector<OutputRecord>& out) const {
  if (!sends()) return;
  const std::size_t made = out.size();
  send(label, encode_entity_label(label_opinion(label)), out);
  traces.carry_on(label.record, std::span(out).subspan(made));
}

}  // namespace weir::operators
