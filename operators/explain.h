#pragma once
// explain: what is unusual about a payment, told from the user's own history, in words an analyst
// can use.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "operators/decide.h"
#include "pipeline/core/history_row.h"
#include "pipeline/core/money.h"
#include "pipeline/core/verdict.h"

namespace weir::operators {

/// The catalogue. Numbers are kept in state with the verdict: never renumber, only append.
enum class ReasonCode : std::uint8_t {
  kOrdinary = 0,       // value: payments compared with
  kShortHistory = 1,   // value: earlier payments known
  kAmountHigh = 2,     // value, range: amount in major units of the payment's currency
  kAmountLow = 3,      // the same
  kSoonAfterLast = 4,  // value, range: minutes since the payment before
  kManyInHour = 5,     // value, range: payments in the hour that ends with this one, itself counted
  kUnusualHour = 6,    // value, range: hour of day, UTC; low > high is a range over midnight
  kNewMerchant =
      7,  // value: earlier payments compared with (of those that say a merchant, device, ...)
  kNewDevice = 8,
  kNewCountry = 9,
  kNewCard = 10,
  kNewCurrency = 11,
  kCrossBorder = 12,  // value: earlier payments compared with
};
inline constexpr std::size_t kReasonCodes = 13;

/// "amount_high"; stable, for machines. Unknown codes (from a newer program's state) are "unknown".
std::string_view reason_name(std::uint8_t code);

/// Whether typical_low and typical_high mean something for this code.
bool has_typical_range(std::uint8_t code);

/// One sentence, such as "312.40 EUR is far above the usual 8.10 to 62.00 EUR".
void append_reason_text(std::string& out, const Reason& reason, const Currency& currency);

/// Finds the payment's most unusual values.
///
/// Every candidate is measured in one unit, bits of surprise: -log2 of the chance that this user
/// does such a thing, estimated from the user's own rows alone. So an amount can be ranked against
/// a new device, and enough history is not a special case: with n rows nothing can be rarer than 1
/// in n + 1.
///
///     amount, time since last   Laplace tail of the logarithm around the user's median: bits =
///     distance / median
///                               absolute deviation. Typical range: median +- 3 deviations (7 of 8
///                               payments).
///     payments in the hour      1 in (rows + 1) / (hours as busy + 1), and a bit more for each
///     payment beyond the busiest hour of day               share of rows within two hours of this
///     one, with one added new merchant, device...   share of the user's rows that were new in
///     their time, with one added cross-border              share of cross-border rows, with one
///     added
///
/// Three bits (1 in 8) make a reason; the three largest are kept, equal ones in the order of the
/// catalogue. With fewer than three rows the only reason is short_history; with nothing unusual it
/// is ordinary.
///
/// Reasons describe the payment, not the model: they need no score and are the same with any model.
std::vector<Reason> find_reasons(const HistoryRow& row, std::span<const HistoryRow> history);

class Explain {
 public:
  /// Fills the reasons of every decision.
  void process(std::span<DecidedTransaction> payments) const;
};

}  // namespace weir::operators
