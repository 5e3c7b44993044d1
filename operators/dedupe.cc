#include "operators/dedupe.h"

#include <algorithm>
#include <optional>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace weir::operators {

state::RetentionPolicy retention(const Settings& settings) {
  return {.history_rows = settings.history.rows,
          .verdicts_max = settings.dedupe.ids_per_user_max,
          .verdict_horizon_ms = settings.dedupe.horizon.count()};
}

std::size_t RecalledUsers::KeyHash::operator()(const Key& key) const {
  return XXH3_64bits_withSeed(key.user_id.data(), key.user_id.size(),
                              reinterpret_cast<std::uintptr_t>(key.store));
}

void RecalledUsers::clear() {
  size_ = 0;
  index_.clear();
}

std::size_t RecalledUsers::find_or_add(state::UserStore& store, std::string_view user_id,
                                       const state::UserView& view) {
  const auto [found, added] = index_.try_emplace(Key{&store, user_id}, size_);
  if (!added) return found->second;
  if (size_ == users_.size()) users_.emplace_back();
  RecalledUser& user = users_[size_];
  user.store = &store;
  user.user_id = user_id;
  user.rows.clear();
  const std::size_t rows = view.history_size();
  for (std::size_t i = 0; i < rows; ++i) user.rows.push_back(view.history_row(i));
  user.next_sequence = view.next_sequence();
  user.newest_seen_ms = view.newest_event_time_ms().value_or(-1);
  user.arrivals.clear();
  return size_++;
}

namespace {

/// The remembered entry with this id, and how many ids were remembered after it. Walks all entries
/// of the user: only duplicates pay for it.
std::optional<std::pair<state::Entry, std::size_t>> find_entry(const state::UserView& view,
                                                               std::string_view transaction_id) {
  std::vector<state::Entry> entries = view.entries();
  const state::Entry* newest = nullptr;
  for (const state::Entry& entry : entries) {
    const bool same = entry.verdict && entry.verdict->transaction_id == transaction_id;
    if (same && (newest == nullptr || entry.row.sequence > newest->row.sequence)) newest = &entry;
  }
  if (newest == nullptr) return std::nullopt;
  const auto newer = std::count_if(entries.begin(), entries.end(), [&](const state::Entry& entry) {
    return entry.verdict && entry.row.sequence > newest->row.sequence;
  });
  return std::pair(*newest, static_cast<std::size_t>(newer));
}

}  // namespace

bool Dedupe::is_remembered(std::int64_t first_seen_ms, std::size_t newer_ids,
                           std::int64_t seen_ms) const {
  return newer_ids < retention_.verdicts_max &&
         seen_ms - first_seen_ms < retention_.verdict_horizon_ms;
}

Status Dedupe::process(std::span<const ValidTransaction> in, RecalledUsers& users,
                       std::vector<UniqueTransaction>& unique,
                       std::vector<DuplicateTransaction>& duplicates) const {
  users.clear();
  for (const ValidTransaction& payment : in) {
    state::UserStore& store = store_of_(payment.origin.partition);
    const auto view = store.get(payment.user_id);
    if (!view) return view.error();
    const std::size_t index = users.find_or_add(store, payment.user_id, *view);
    RecalledUser& user = users[index];
    const std::int64_t seen_ms = std::max(payment.event_time.ms, user.newest_seen_ms);

    // Newest first: this batch, then state.
    const auto& arrivals = user.arrivals;
    const auto earlier = std::find_if(arrivals.rbegin(), arrivals.rend(), [&](const auto& arrival) {
      return unique[arrival.unique].transaction_id == payment.transaction_id;
    });
    if (earlier != arrivals.rend()) {
      const auto newer = static_cast<std::size_t>(earlier - arrivals.rbegin());
      if (is_remembered(earlier->seen_ms, newer, seen_ms)) {
        duplicates.push_back({payment, std::nullopt, nullptr, earlier->unique});
        continue;
      }
    } else if (view->find_verdict(payment.transaction_id)) {
      auto found = find_entry(*view, payment.transaction_id);
      WEIR_CHECK(found.has_value());
      if (is_remembered(found->first.seen_ms, found->second + arrivals.size(), seen_ms)) {
        const Lineage* lineage = store.lineage(found->first.verdict->lineage);
        if (lineage == nullptr) {
          return fatal("state: a remembered verdict names a lineage the store does not know");
        }
        duplicates.push_back({payment, std::move(found->first), lineage, 0});
        continue;
      }
    }
    user.newest_seen_ms = seen_ms;
    user.arrivals.push_back({unique.size(), seen_ms});
    unique.push_back({payment, index});
  }
  return ok();
}

}  // namespace weir::operators
