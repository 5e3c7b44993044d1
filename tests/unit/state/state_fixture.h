#pragma once
// What the state tests share: entries as the event path makes them, streams of payments from a
// seed, a changelog in memory with the offsets that a Kafka partition has, and a worker that runs
// the commit protocol over both.

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "state/user_store.h"

namespace weir::state {

inline constexpr std::int64_t kStart = 1'528'675'200'000;  // 2018-06-11T00:00:00Z
inline constexpr std::int64_t kLatenessMs = 300'000;

/// Error text of a failed status; empty when it did not fail.
template <class T>
std::string error_of(const Result<T>& result) {
  return result ? std::string() : result.error().message;
}
template <class T>
bool is_fatal(const Result<T>& result) {
  return !result && result.error().kind == ErrorKind::kFatal;
}

inline Lineage lineage_of(int version) {
  Lineage lineage;
  lineage.model_name = "handbook";
  lineage.model_version = std::to_string(version);
  lineage.model_digest = "sha256:" + std::string(64, static_cast<char>('0' + version % 10));
  lineage.rules_digest = "sha256:" + std::string(64, 'a');
  return lineage;
}

inline RememberedVerdict verdict_of(std::string transaction_id) {
  RememberedVerdict verdict;
  verdict.transaction_id = std::move(transaction_id);
  verdict.merchant_id = "merchant-17";
  verdict.event_time_ms = 1'528'676'687'000;
  verdict.amount_minor = 9'632;
  verdict.currency = 978;
  verdict.origin = {3, 4711};
  verdict.lineage = 42;
  verdict.decision.action = Action::kDecline;
  verdict.decision.p = 0.625;
  verdict.decision.costs = {12.5, 3.0, 5.625};
  verdict.decision.reason_count = 2;
  verdict.decision.reasons[0] = {1, 250.0, 10.0, 40.0};
  verdict.decision.reasons[1] = {7, 3.0, 9.0, 18.0};
  verdict.decision.out_of_order = true;
  return verdict;
}

/// The entry the event path makes of a payment of a user in this state.
inline Entry entry_for(const UserView& user, std::int64_t event_time_ms, std::string transaction_id,
                       bool with_verdict = true) {
  const std::int64_t newest = user.newest_event_time_ms().value_or(event_time_ms);
  Entry entry;
  entry.seen_ms = std::max(event_time_ms, newest);
  entry.in_history = event_time_ms >= newest - kLatenessMs;
  entry.row.event_time_ms = event_time_ms;
  entry.row.amount_minor = 1000 + event_time_ms % 997;
  entry.row.merchant = 17;
  entry.row.currency = 840;
  entry.row.sequence = user.next_sequence();
  if (with_verdict) entry.verdict = verdict_of(std::move(transaction_id));
  return entry;
}

/// Features of every sort, over windows short enough that rows come, go and are forgotten.
inline std::shared_ptr<const WindowPlan> windows_for_tests() {
  constexpr std::int64_t kMinute = 60'000;
  constexpr std::int64_t kDay = 86'400'000;
  const auto feature = [](Function function, Field field, std::int64_t window_ms,
                          std::int64_t delay_ms = 0) {
    FeatureDeclaration declaration;
    declaration.name = std::string(kFunctionNames[static_cast<std::size_t>(function)]);
    declaration.function = function;
    declaration.field = field;
    declaration.window_ms = window_ms;
    declaration.delay_ms = delay_ms;
    return declaration;
  };
  std::vector<FeatureDeclaration> declarations{
      feature(Function::kCount, Field::kNone, 10 * kMinute),
      feature(Function::kMean, Field::kAmount, kDay),
      feature(Function::kStddev, Field::kAmount, kDay),
      feature(Function::kMax, Field::kAmount, 30 * kMinute),
      feature(Function::kDistinct, Field::kMerchant, kDay),
      feature(Function::kMean, Field::kFraud, kDay, kDay),
      feature(Function::kTimeSince, Field::kNone, kDay),
      feature(Function::kRunCount, Field::kNone, 0)};
  auto plan = WindowPlan::compile(EntityKind::kUser, declarations, kLatenessMs);
  EXPECT_TRUE(plan) << error_of(plan);
  return std::make_shared<const WindowPlan>(*std::move(plan));
}

inline EventRow event_row(std::int64_t offset, std::int64_t event_time_ms) {
  EventRow row;
  row.time_ms = event_time_ms;
  row.transaction = static_cast<std::uint64_t>(offset) + 1;
  row.amount = (1 + event_time_ms % 997) * kAmountScale / 100;
  row.merchant = static_cast<std::uint64_t>(1 + event_time_ms % 5);
  return row;
}

struct Payment {
  std::int64_t offset = 0;
  std::string user_id;
  std::string transaction_id;
  std::int64_t event_time_ms = 0;
  bool with_verdict = true;
};

/// Payments of a few users: mostly in order, some out of order, some late, some after days.
class PaymentSource {
 public:
  PaymentSource(std::uint64_t seed, int users) : random_(seed), users_(users) {}

  Payment next() {
    Payment payment;
    payment.offset = offset_++;
    payment.user_id =
        "user-" + std::to_string(pick(users_)) + (pick(2) == 0 ? "" : "-long-enough-for-the-heap");
    payment.transaction_id = "tx-" + std::to_string(payment.offset);
    now_ms_ += pick(40) == 0 ? 86'400'000 + pick(86'400'000) : pick(60'000);
    payment.event_time_ms = now_ms_;
    if (pick(5) == 0) payment.event_time_ms -= pick(static_cast<int>(kLatenessMs));
    if (pick(20) == 0) payment.event_time_ms -= 10 * kLatenessMs;
    payment.with_verdict = pick(30) != 0;
    return payment;
  }
  int pick(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }

 private:
  std::mt19937_64 random_;
  int users_;
  std::int64_t offset_ = 0;
  std::int64_t now_ms_ = kStart;
};

/// A changelog partition as a read_committed reader gets it.
class Changelog {
 public:
  struct Record {
    std::int64_t offset;
    std::string key;
    std::string value;
  };
  std::int64_t append(KeyValue record) {
    records.push_back({end, std::move(record.key), std::move(record.value)});
    return end++;
  }
  void marker() { ++end; }
  /// Only the last record of every key below `limit`, which is where the cleaner stopped.
  [[nodiscard]] Changelog compacted(
      std::int64_t limit = std::numeric_limits<std::int64_t>::max()) const {
    std::map<std::string, std::int64_t> last;
    for (const Record& record : records) {
      if (record.offset < limit) last[record.key] = record.offset;
    }
    Changelog out;
    out.end = end;
    for (const Record& record : records) {
      if (record.offset >= limit || last[record.key] == record.offset)
        out.records.push_back(record);
    }
    return out;
  }

  std::vector<Record> records;
  std::int64_t end = 0;
};

inline UserStoreOptions small_options() {
  UserStoreOptions options;
  options.identity = {"cluster-a", "weir-state-decisions", 3};
  options.retention = {4, 6, 3'600'000};
  options.hot_bytes = std::size_t{64} << 20;
  options.windows = windows_for_tests();
  return options;
}

inline std::unique_ptr<UserStore> open_or_die(std::unique_ptr<KeyValueStore> backing,
                                              const UserStoreOptions& options) {
  auto store = UserStore::open(std::move(backing), options);
  EXPECT_TRUE(store) << error_of(store);
  return store ? std::move(*store) : nullptr;
}

/// A view on a backing store that somebody else owns: so that a test can open it again after a
/// "crash".
class SharedBacking final : public KeyValueStore {
 public:
  explicit SharedBacking(KeyValueStore& store) : store_(store) {}
  Result<bool> get(std::string_view key, std::string& value) override {
    ++gets;
    return store_.get(key, value);
  }
  Status write(const std::vector<Write>& batch) override { return store_.write(batch); }
  Status start_flush() override { return ok(); }
  Status flush() override { return store_.flush(); }
  Status scan(std::string_view first,
              const std::function<Status(std::string_view, std::string_view)>& sink) override {
    return store_.scan(first, sink);
  }
  [[nodiscard]] std::uint64_t disk_bytes() const override { return store_.disk_bytes(); }
  std::size_t gets = 0;

 private:
  KeyValueStore& store_;
};

/// The commit protocol over a store and a changelog, exactly once: a marker behind every commit.
class Worker {
 public:
  Worker(UserStore& store, Changelog& log) : store_(store), log_(log) {}

  void stage(const Payment& payment) {
    const auto user = store_.get(payment.user_id);
    ASSERT_TRUE(user) << error_of(user);
    const Entry entry =
        entry_for(*user, payment.event_time_ms, payment.transaction_id, payment.with_verdict);
    std::vector<WindowChange> changes;
    if (EntityWindows* windows = store_.windows()) {
      values.assign(windows_for_tests()->size(), 0);
      const auto row =
          windows->add(payment.user_id, event_row(payment.offset, payment.event_time_ms), values);
      ASSERT_TRUE(row) << error_of(row);
      // An opinion about an earlier payment comes with some: known, unknown, repeated.
      if (payment.offset % 3 == 0) {
        const EventRow about = event_row(payment.offset / 2, row->time_ms);
        const LabelOpinion opinion{
            row->transaction - (payment.offset % 2 == 0 ? 0 : about.transaction),
            row->time_ms,
            payment.offset % 9 == 0,
            payment.event_time_ms + 1'000,
            about.transaction,
            0};
        const auto labelled = windows->label(payment.user_id, opinion);
        ASSERT_TRUE(labelled) << error_of(labelled);
      }
      changes = store_.take_window_changes();
    }
    const Status added =
        store_.add(payment.user_id, entry, lineage, payment.offset, std::move(changes));
    ASSERT_TRUE(added) << error_of(added);
    next_offset_ = payment.offset + 1;
  }
  void commit() {
    send();
    log_.append(store_.make_commit_record(next_offset_));
    if (marker_behind_commit) log_.marker();
    store_.commit(log_.end);
  }
  /// Sends what is staged without committing it (at_least_once before a crash).
  void send() {
    for (KeyValue& change : store_.take_changes()) log_.append(std::move(change));
  }

  Lineage lineage = lineage_of(1);
  std::vector<double> values;  // of the last payment's features
  bool marker_behind_commit = true;

 private:
  UserStore& store_;
  Changelog& log_;
  std::int64_t next_offset_ = 0;
};

/// Everything committed, as text that compares.
inline std::map<std::string, std::string> dump(UserStore& store) {
  std::map<std::string, std::string> users;
  const Status scanned = store.scan([&](std::string_view id, UserView user) {
    std::string text = std::to_string(user.next_sequence()) + ":" +
                       std::to_string(user.newest_event_time_ms().value_or(-1));
    for (std::size_t i = 0; i < user.history_size(); ++i) {
      text += "/" + std::to_string(user.history_row(i).sequence);
    }
    for (const Entry& entry : user.entries()) text += "|" + encode_entry(entry);
    const Status rows = store.window_rows(id, [&](const EventRow& row) {
      text += "\n  row " + std::to_string(row.sequence) + " at " + std::to_string(row.time_ms) +
              " tx " + std::to_string(row.transaction) + " amount " + std::to_string(row.amount) +
              " ratio " + std::to_string(row.ratio_milli) + " label " +
              std::to_string(static_cast<int>(row.label)) + " of " + std::to_string(row.label_id) +
              " at " + std::to_string(row.label_time_ms);
    });
    EXPECT_TRUE(rows) << error_of(rows);
    users.emplace(id, std::move(text));
    return ok();
  });
  EXPECT_TRUE(scanned) << error_of(scanned);
  return users;
}

/// Reads the log from where the store wants it.
inline Status restore_from(UserStore& store, const Changelog& log) {
  const std::int64_t from = store.restore_from();
  for (const Changelog::Record& record : log.records) {
    if (record.offset < from) continue;
    WEIR_RETURN_IF_ERROR(store.restore(record.key, record.value, record.offset));
  }
  return store.finish_restore(log.end);
}

}  // namespace weir::state
