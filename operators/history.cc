#include "operators/history.h"

#include <algorithm>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace weir::operators {
namespace {

/// 0 means absent, so a hash that happens to be 0 becomes 1.
template <class T>
T hash_or_absent(std::string_view text) {
  if (text.empty()) return 0;
  const auto hash = static_cast<T>(XXH3_64bits(text.data(), text.size()));
  return hash == 0 ? T{1} : hash;
}

bool older(std::int64_t event_time_ms, const HistoryRow& row) {
  return event_time_ms < row.event_time_ms;
}

}  // namespace

std::uint64_t hash_id(std::string_view id) {
  return hash_or_absent<std::uint64_t>(id);
}

std::uint16_t hash_name(std::string_view name) {
  return hash_or_absent<std::uint16_t>(name);
}

std::uint16_t pack_country(const char (&country)[2]) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(country[0]) << 8 |
                                    static_cast<unsigned char>(country[1]));
}

HistoryRow make_row(const Transaction& payment, std::uint32_t sequence) {
  HistoryRow row;
  row.event_time_ms = payment.event_time.ms;
  row.amount_minor = payment.amount_minor;
  row.merchant = hash_id(payment.merchant_id);
  row.device = hash_or_absent<std::uint32_t>(payment.device_id);
  row.ip = hash_or_absent<std::uint32_t>(payment.ip);
  row.card = hash_or_absent<std::uint32_t>(payment.card_token);
  row.currency = payment.currency.numeric;
  row.mcc = payment.mcc;
  row.country = pack_country(payment.country);
  row.merchant_country = pack_country(payment.merchant_country);
  row.channel = hash_name(payment.channel);
  row.card_present = static_cast<std::uint8_t>(payment.card_present);
  row.currency_exponent = payment.currency.exponent;
  row.sequence = sequence;
  return row;
}

// The new row has the highest sequence, so behind all rows of its own time is its place.
void History::insert(std::vector<HistoryRow>& rows, const HistoryRow& row) const {
  rows.insert(std::upper_bound(rows.begin(), rows.end(), row.event_time_ms, older), row);
  if (rows.size() > rows_max_) rows.erase(rows.begin());
}

void History::process(std::span<const UniqueTransaction> in, RecalledUsers& users,
                      std::vector<RecalledTransaction>& out) {
  seen_.clear();
  seen_.reserve(in.size() * rows_max_);  // no reallocation below: the spans stay valid
  for (const UniqueTransaction& unique : in) {
    RecalledUser& user = users[unique.user];
    RecalledTransaction payment{unique, {}, 0, false, false, {}};
    payment.row = make_row(payment, user.next_sequence++);

    // The newest row in time is always kept, so it tells the newest event time.
    const bool first = user.rows.empty();
    const EventTime newest{first ? payment.event_time.ms : user.rows.back().event_time_ms};
    payment.late = payment.event_time < newest - lateness_;
    payment.out_of_order = !payment.late && payment.event_time < newest;
    payment.seen_ms = std::max(payment.event_time.ms, newest.ms);

    const auto end = payment.out_of_order ? std::upper_bound(user.rows.begin(), user.rows.end(),
                                                             payment.event_time.ms, older)
                                          : user.rows.end();
    const std::size_t from = seen_.size();
    seen_.insert(seen_.end(), user.rows.begin(), end);
    payment.history = std::span(seen_).subspan(from);
    if (!payment.late) insert(user.rows, payment.row);
    out.push_back(payment);
  }
}

}  // namespace weir::operators
