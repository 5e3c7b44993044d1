#include "operators/remember.h"

namespace weir::operators {

Status remember(std::span<const DecidedTransaction> payments, RecalledUsers& users,
                const Lineage& lineage) {
  for (const DecidedTransaction& payment : payments) {
    state::Entry entry;
    entry.seen_ms = payment.seen_ms;
    entry.row = payment.row;
    entry.in_history = !payment.late;
    entry.verdict = state::RememberedVerdict{.transaction_id = std::string(payment.transaction_id),
                                             .merchant_id = std::string(payment.merchant_id),
                                             .event_time_ms = payment.event_time.ms,
                                             .amount_minor = payment.amount_minor,
                                             .currency = payment.currency.numeric,
                                             .decision = payment.decision,
                                             .origin = payment.origin,
                                             .lineage = 0};
    std::vector<state::WindowChange> changes;
    if (payment.window_changes != nullptr) changes = std::move(*payment.window_changes);
    WEIR_RETURN_IF_ERROR(users[payment.user].store->add(payment.user_id, std::move(entry), lineage,
                                                        payment.origin.offset, std::move(changes)));
  }
  return ok();
}

}  // namespace weir::operators
