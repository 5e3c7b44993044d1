#pragma once
// history: what the user did before this payment, and whether the payment came in time.

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "operators/dedupe.h"
#include "operators/settings.h"
#include "pipeline/core/history_row.h"
#include "pipeline/core/transaction.h"

namespace weir::operators {

/// A payment with the past it is judged against.
struct RecalledTransaction : UniqueTransaction {
  HistoryRow row;                       // this payment, as it will be kept
  std::int64_t seen_ms = 0;             // as in state::Entry
  bool late = false;                    // too old to enter the history
  bool out_of_order = false;            // older than the newest, but put in its place
  std::span<const HistoryRow> history;  // oldest first; lives in History until its next process()
};

/// 64-bit hash of an id as kept in rows (XXH3); never 0 for a non-empty id. Part of the state
/// format.
std::uint64_t hash_id(std::string_view id);

/// 16-bit hash of a short name (a channel) as kept in rows; never 0 for a non-empty name.
std::uint16_t hash_name(std::string_view name);

/// Two letters as kept in rows: high byte first; 0 = absent.
std::uint16_t pack_country(const char (&country)[2]);

/// The payment as a row of state.
HistoryRow make_row(const Transaction& payment, std::uint32_t sequence);

/// Gives every payment the user's history as of its own place.
///
/// Time is per user: a payment is late when it is older than its user's newest by more than
/// `lateness`, whatever other users of the partition do; so its verdict does not depend on how
/// users are spread over partitions.
///
///     in order      event time >= newest            sees all rows
///     out of order  newest - lateness .. newest     sees rows up to and including its own time (a
///     row of the same
///                                                   time came before); takes its place among the
///                                                   rows
///     late          before that                     sees all rows as they are now; enters no
///     history
///
/// Earlier verdicts are never changed. Payments of one user in a batch see each other in order.
class History {
 public:
  explicit History(const Settings& settings)
      : rows_max_(settings.history.rows), lateness_(settings.input.lateness) {}

  /// Appends one recalled payment for each unique one.
  void process(std::span<const UniqueTransaction> in, RecalledUsers& users,
               std::vector<RecalledTransaction>& out);

 private:
  void insert(std::vector<HistoryRow>& rows, const HistoryRow& row) const;

  std::size_t rows_max_;
  std::chrono::milliseconds lateness_;
  std::vector<HistoryRow>
      seen_;  // the rows each payment of this batch sees, one after the other: scratch
};

}  // namespace weir::operators
