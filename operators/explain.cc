#include "operators/explain.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "operators/features/real_functions.h"

namespace weir::operators {
namespace {

constexpr double kBitsMin = 3;
constexpr std::size_t kHistoryMin = 3;
/// A median and a spread of fewer values say nothing.
constexpr std::size_t kValuesForRange = 5;
/// Least spread assumed, as a factor: somebody who always pays 9.99 is not surprising at 10.50.
constexpr double kAmountSpreadMin = 0.09531017980432487;  // ln 1.1
constexpr double kGapSpreadMin = 0.4054651081081644;      // ln 1.5
constexpr double kLn2 = 0.6931471805599453;
constexpr std::int64_t kMsPerHour = 3'600'000;
constexpr std::int64_t kMinutesPerDay = 1440;
constexpr std::int64_t kNearMinutes = 120;

struct Candidate {
  double bits;
  Reason reason;
};
using Candidates = std::vector<Candidate>;
using Rows = std::span<const HistoryRow>;

/// -log2(seen / of).
double surprise(std::size_t seen, std::size_t of) {
  return natural_log(static_cast<double>(of) / static_cast<double>(seen)) / kLn2;
}

Reason make(ReasonCode code, double value, double low = 0, double high = 0) {
  const auto cents = [](double x) { return static_cast<double>(std::llround(x * 100)) / 100; };
  return {static_cast<std::uint8_t>(code), cents(value), cents(low), cents(high)};
}

double median_of(std::vector<double>& values) {
  const std::size_t middle = values.size() / 2;
  std::sort(values.begin(), values.end());
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

/// Where values of a user usually lie, from logarithms of 1 + value.
struct Spread {
  double median;
  double deviation;
  [[nodiscard]] double bits(double log_value) const {
    return std::abs(log_value - median) / deviation;
  }
  [[nodiscard]] double low() const {
    return std::max(0.0, natural_exp(median - kBitsMin * deviation) - 1);
  }
  [[nodiscard]] double high() const { return natural_exp(median + kBitsMin * deviation) - 1; }
};

std::optional<Spread> spread_of(std::vector<double>& logs, double deviation_min) {
  if (logs.size() < kValuesForRange) return std::nullopt;
  const double median = median_of(logs);
  for (double& value : logs) value = std::abs(value - median);
  return Spread{median, std::max(deviation_min, median_of(logs))};
}

double amount_of(const HistoryRow& row) {
  constexpr double kPowersOfTen[] = {1, 10, 100, 1'000, 10'000};
  return static_cast<double>(row.amount_minor) / kPowersOfTen[row.currency_exponent];
}

void amount(const HistoryRow& row, Rows history, std::vector<double>& logs, Candidates& out) {
  logs.clear();
  for (const HistoryRow& past : history) {
    if (past.currency == row.currency) logs.push_back(natural_log(1 + amount_of(past)));
  }
  const auto spread = spread_of(logs, kAmountSpreadMin);
  if (!spread) return;
  const double log_amount = natural_log(1 + amount_of(row));
  const auto code = log_amount > spread->median ? ReasonCode::kAmountHigh : ReasonCode::kAmountLow;
  const double bits = spread->bits(log_amount);
  if (bits >= kBitsMin) {
    out.push_back({bits, make(code, amount_of(row), spread->low(), spread->high())});
  }
}

double minutes_between(std::int64_t earlier_ms, std::int64_t later_ms) {
  return static_cast<double>(later_ms - earlier_ms) / 60'000;
}

void soon_after_last(const HistoryRow& row, Rows history, std::vector<double>& logs,
                     Candidates& out) {
  if (history.back().event_time_ms > row.event_time_ms) return;  // late: the gap is unknown
  logs.clear();
  for (std::size_t i = 1; i < history.size(); ++i) {
    logs.push_back(
        natural_log(1 + minutes_between(history[i - 1].event_time_ms, history[i].event_time_ms)));
  }
  const auto spread = spread_of(logs, kGapSpreadMin);
  if (!spread) return;
  const double gap = minutes_between(history.back().event_time_ms, row.event_time_ms);
  const double log_value = natural_log(1 + gap);
  const double bits = spread->bits(log_value);
  if (log_value < spread->median && bits >= kBitsMin) {
    out.push_back({bits, make(ReasonCode::kSoonAfterLast, gap, spread->low(), spread->high())});
  }
}

/// Rows in the hour that ends at `end_ms`, among the first `count`.
std::size_t in_hour_before(Rows history, std::size_t count, std::int64_t end_ms) {
  std::size_t found = 0;
  while (count > 0 && history[count - 1].event_time_ms > end_ms - kMsPerHour) {
    --count;
    ++found;
  }
  return found;
}

void many_in_hour(const HistoryRow& row, Rows history, Candidates& out) {
  if (history.back().event_time_ms > row.event_time_ms) return;  // late: its hour is long gone
  const std::size_t now = 1 + in_hour_before(history, history.size(), row.event_time_ms);
  if (now < 3) return;
  std::size_t busiest = 1;
  std::size_t as_busy = 0;
  for (std::size_t i = 0; i < history.size(); ++i) {
    const std::size_t then = 1 + in_hour_before(history, i, history[i].event_time_ms);
    busiest = std::max(busiest, then);
    as_busy += then >= now ? 1U : 0U;
  }
  const std::size_t beyond = now > busiest ? now - busiest : 0;
  const double bits = surprise(as_busy + 1, history.size() + 1) + static_cast<double>(beyond);
  if (now > busiest && bits >= kBitsMin) {
    out.push_back({bits, make(ReasonCode::kManyInHour, static_cast<double>(now), 1,
                              static_cast<double>(busiest))});
  }
}

std::int64_t minute_of_day(const HistoryRow& row) {
  return row.event_time_ms / 60'000 % kMinutesPerDay;
}

/// The shortest stretch of the day that holds all rows: what is left without the widest gap between
/// them.
std::pair<std::int64_t, std::int64_t> usual_hours(Rows history) {
  std::vector<std::int64_t> minutes;
  minutes.reserve(history.size());
  for (const HistoryRow& past : history) minutes.push_back(minute_of_day(past));
  std::sort(minutes.begin(), minutes.end());
  std::int64_t from = minutes.front();
  std::int64_t to = minutes.back();
  std::int64_t widest = minutes.front() + kMinutesPerDay - minutes.back();
  for (std::size_t i = 1; i < minutes.size(); ++i) {
    if (minutes[i] - minutes[i - 1] <= widest) continue;
    widest = minutes[i] - minutes[i - 1];
    from = minutes[i];
    to = minutes[i - 1];
  }
  return {from / 60, to / 60};
}

void unusual_hour(const HistoryRow& row, Rows history, Candidates& out) {
  const std::int64_t minute = minute_of_day(row);
  std::size_t near = 0;
  for (const HistoryRow& past : history) {
    const std::int64_t apart = std::abs(minute - minute_of_day(past));
    near += std::min(apart, kMinutesPerDay - apart) <= kNearMinutes ? 1U : 0U;
  }
  const double bits = surprise(near + 1, history.size() + 1);
  if (near != 0 || bits < kBitsMin) return;
  const auto [from, to] = usual_hours(history);
  const std::int64_t hour = minute / 60;
  out.push_back({bits, make(ReasonCode::kUnusualHour, static_cast<double>(hour),
                            static_cast<double>(from), static_cast<double>(to))});
}

/// A value (0 = absent) that none of the rows has, for a user who seldom has new ones. `field` is a
/// function: rows are packed, and a load through a pointer to member assumes alignment.
template <class T, class Field>
void novelty(ReasonCode code, const HistoryRow& row, Rows history, std::vector<T>& known,
             Candidates& out, Field field) {
  const T current = field(row);
  if (current == T{}) return;
  known.clear();
  std::size_t present = 0;
  for (const HistoryRow& past : history) {
    const T value = field(past);
    if (value == current) return;
    if (value == T{}) continue;
    ++present;
    if (std::find(known.begin(), known.end(), value) == known.end()) known.push_back(value);
  }
  if (present == 0) return;
  const std::size_t changes = known.size() - 1;  // the first row's value was not a change
  const double bits = surprise(changes + 1, present + 1);
  if (bits >= kBitsMin) out.push_back({bits, make(code, static_cast<double>(present))});
}

bool is_cross_border(const HistoryRow& row) {
  return row.country != 0 && row.merchant_country != 0 && row.country != row.merchant_country;
}

void cross_border(const HistoryRow& row, Rows history, Candidates& out) {
  if (!is_cross_border(row)) return;
  std::size_t known = 0;
  std::size_t crossing = 0;
  for (const HistoryRow& past : history) {
    if (past.country == 0 || past.merchant_country == 0) continue;
    ++known;
    crossing += is_cross_border(past) ? 1U : 0U;
  }
  const double bits = surprise(crossing + 1, known + 1);
  if (bits >= kBitsMin) {
    out.push_back({bits, make(ReasonCode::kCrossBorder, static_cast<double>(known))});
  }
}

}  // namespace

std::vector<Reason> find_reasons(const HistoryRow& row, Rows history) {
  const auto compared = static_cast<double>(history.size());
  if (history.size() < kHistoryMin) return {make(ReasonCode::kShortHistory, compared)};

  Candidates found;
  std::vector<double> logs;
  logs.reserve(history.size());
  std::vector<std::uint64_t> ids;
  std::vector<std::uint32_t> short_ids;
  std::vector<std::uint16_t> codes;
  amount(row, history, logs, found);
  soon_after_last(row, history, logs, found);
  many_in_hour(row, history, found);
  unusual_hour(row, history, found);
  novelty(ReasonCode::kNewMerchant, row, history, ids, found,
          [](const HistoryRow& r) { return r.merchant; });
  novelty(ReasonCode::kNewDevice, row, history, short_ids, found,
          [](const HistoryRow& r) { return r.device; });
  novelty(ReasonCode::kNewCountry, row, history, codes, found,
          [](const HistoryRow& r) { return r.country; });
  novelty(ReasonCode::kNewCard, row, history, short_ids, found,
          [](const HistoryRow& r) { return r.card; });
  novelty(ReasonCode::kNewCurrency, row, history, codes, found,
          [](const HistoryRow& r) { return r.currency; });
  cross_border(row, history, found);
  if (found.empty()) return {make(ReasonCode::kOrdinary, compared)};

  // Found in the order of the catalogue; a stable sort keeps it among equals.
  std::stable_sort(found.begin(), found.end(),
                   [](const Candidate& a, const Candidate& b) { return a.bits > b.bits; });
  std::vector<Reason> reasons;
  for (std::size_t i = 0; i < std::min(found.size(), kReasonsMax); ++i) {
    reasons.push_back(found[i].reason);
  }
  return reasons;
}

void Explain::process(std::span<DecidedTransaction> payments) const {
  for (DecidedTransaction& payment : payments) {
    const std::vector<Reason> reasons = find_reasons(payment.row, payment.history);
    std::copy(reasons.begin(), reasons.end(), payment.decision.reasons.begin());
    payment.decision.reason_count = static_cast<std::uint8_t>(reasons.size());
  }
}

}  // namespace weir::operators
