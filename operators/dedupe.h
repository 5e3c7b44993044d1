#pragma once
// dedupe: was this transaction id seen for this user? Then the first verdict is sent again and
// nothing else happens.

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "operators/settings.h"
#include "operators/validate.h"
#include "pipeline/core/history_row.h"
#include "state/user_store.h"

namespace weir::operators {

/// Finds the store of an input partition; the partition is always one the worker owns.
using StoreOf = std::function<state::UserStore&(std::int32_t partition)>;

/// What state keeps of a user under these settings. Open every UserStore with it: dedupe and
/// history foresee, within a batch, what the store will keep.
state::RetentionPolicy retention(const Settings& settings);

/// A user as a batch finds it, and as the batch's payments leave it one after the other.
///
/// One model call scores the whole batch, so the second payment of a user is looked at before the
/// first is stored. The working copy lets it see the first all the same: a batch gives the verdicts
/// of a one-by-one run.
struct RecalledUser {
  state::UserStore* store = nullptr;
  std::string_view user_id;
  std::vector<HistoryRow> rows;  // history, oldest first, by (event_time, sequence); at most W
  std::uint32_t next_sequence = 0;
  std::int64_t newest_seen_ms = -1;  // newest event time seen in time; -1 for a new user
  struct Arrival {
    std::size_t unique;    // index into the batch's unique payments
    std::int64_t seen_ms;  // as in state::Entry
  };
  std::vector<Arrival> arrivals;  // of this batch, in order
};

/// A payment seen for the first time (inside the dedupe horizon).
struct UniqueTransaction : ValidTransaction {
  std::size_t user = 0;  // index into RecalledUsers
};

/// A payment seen before. `first` is its first verdict when state remembers it; otherwise the first
/// one is in this batch, at `unique`, and not decided yet.
struct DuplicateTransaction : ValidTransaction {
  std::optional<state::Entry> first;
  const Lineage* lineage = nullptr;  // of `first`, never null with it; owned by the store
  std::size_t unique = 0;
};

/// The users of one batch.
class RecalledUsers {
 public:
  void clear();
  [[nodiscard]] RecalledUser& operator[](std::size_t i) { return users_[i]; }
  [[nodiscard]] std::size_t size() const { return size_; }
  /// Index of the user's working copy, made from `view` at the first call.
  std::size_t find_or_add(state::UserStore& store, std::string_view user_id,
                          const state::UserView& view);

 private:
  struct Key {
    const state::UserStore* store;
    std::string_view user_id;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const;
  };
  std::vector<RecalledUser>
      users_;  // the first size_ are in use; the others keep their memory for later batches
  std::size_t size_ = 0;
  std::unordered_map<Key, std::size_t, KeyHash> index_;
};

/// Separates first payments from duplicates.
///
/// An id is a duplicate while it is among the user's newest `ids_per_user_max` and the payment's
/// seen time is less than `horizon` after the first one's, both in event time. "Seen time" is the
/// event time, or for a late payment the user's newest one: a late payment is remembered from when
/// it came. Exactly at the horizon the id passes again.
class Dedupe {
 public:
  Dedupe(const Settings& settings, StoreOf store_of)
      : retention_(retention(settings)), store_of_(std::move(store_of)) {}

  /// Appends every payment to `unique` or `duplicates`, in input order; `users` is cleared first.
  Status process(std::span<const ValidTransaction> in, RecalledUsers& users,
                 std::vector<UniqueTransaction>& unique,
                 std::vector<DuplicateTransaction>& duplicates) const;

 private:
  [[nodiscard]] bool is_remembered(std::int64_t first_seen_ms, std::size_t newer_ids,
                                   std::int64_t seen_ms) const;

  state::RetentionPolicy retention_;
  StoreOf store_of_;
};

}  // namespace weir::operators
