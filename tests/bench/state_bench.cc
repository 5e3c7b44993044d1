// What the state costs: per payment in memory, per miss to RocksDB, per user written back, per
// restored record. Users have full histories of 16 rows and about three remembered verdicts, as
// with a few payments a day.

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "state/user_store.h"

namespace weir::state {
namespace {

namespace fs = std::filesystem;
constexpr std::int64_t kStart = 1'528'675'200'000;
constexpr std::int64_t kStepMs = 8 * 3'600'000;  // three payments a day

std::string user_id(std::int64_t i) {
  std::string digits = std::to_string(i);
  return "customer-" + std::string(10 - digits.size(), '0') + digits;
}

const Lineage kLineage{"handbook", "1", "sha256:" + std::string(64, '1'),
                       "sha256:" + std::string(64, '2')};

Entry entry_at(const UserView& user, std::int64_t event_time_ms, std::int64_t offset) {
  Entry entry;
  entry.seen_ms = event_time_ms;
  entry.row.event_time_ms = event_time_ms;
  const auto varied =
      static_cast<std::uint64_t>(offset) * 0x9E3779B97F4A7C15ULL;  // rows differ, as real ones do
  entry.row.amount_minor = 100 + static_cast<std::int64_t>(varied % 20'000);
  entry.row.merchant = varied;
  entry.row.device = static_cast<std::uint32_t>(varied >> 13U);
  entry.row.sequence = user.next_sequence();
  RememberedVerdict& verdict = entry.verdict.emplace();
  verdict.transaction_id = "01890a5d-ac96-774b-bcce-" + std::to_string(100'000'000'000 + offset);
  verdict.merchant_id = "merchant-00004711";
  verdict.origin = {3, offset};
  verdict.decision.p = 0.0123;
  verdict.decision.costs = {0.15, 3.0, 14.8};
  verdict.decision.reason_count = 2;
  return entry;
}

UserStoreOptions options(std::size_t hot_bytes) {
  UserStoreOptions options;
  options.identity = {"bench", "weir-state-decisions", 0};
  options.hot_bytes = hot_bytes;
  return options;
}

/// One payment of a user through the store, as the event path does it.
void pay(UserStore& store, const std::string& id, std::int64_t round, std::int64_t offset) {
  const auto user = store.get(id);
  if (!user) std::abort();
  if (!store.add(id, entry_at(*user, kStart + round * kStepMs, offset), kLineage, offset))
    std::abort();
}

void commit(UserStore& store, std::int64_t offset) {
  (void)store.take_changes();
  (void)store.make_commit_record(offset);
  store.commit(offset);
}

/// Every user with a full history.
std::int64_t fill(UserStore& store, std::int64_t users, std::int64_t rounds = 20) {
  std::int64_t offset = 0;
  for (std::int64_t round = 0; round < rounds; ++round) {
    for (std::int64_t i = 0; i < users; ++i) {
      pay(store, user_id(i), round, offset++);
      if (offset % 1000 == 0) {
        commit(store, offset);
        if (!store.write_back(std::size_t{4} << 20, 100)) std::abort();
      }
    }
  }
  commit(store, offset);
  return offset;
}

class Directory {
 public:
  Directory() {
    std::string name = (fs::temp_directory_path() / "weir-bench-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~Directory() { fs::remove_all(path_); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  [[nodiscard]] std::string store() const { return path_ + "/store"; }

 private:
  std::string path_;
};

std::unique_ptr<UserStore> open_memory(std::size_t hot_bytes) {
  return std::move(UserStore::open(make_memory_store(), options(hot_bytes)).value());
}
std::unique_ptr<UserStore> open_rocksdb(const Directory& directory, std::size_t hot_bytes) {
  auto backing = open_rocksdb_store(directory.store());
  if (!backing) std::abort();
  return std::move(UserStore::open(std::move(*backing), options(hot_bytes)).value());
}

/// get + add of users in memory, commits of 256 payments included.
void hot_user(benchmark::State& state) {
  const std::int64_t users = state.range(0);
  auto store = open_memory(std::size_t{4} << 30);
  std::int64_t offset = fill(*store, users);
  std::vector<std::string> ids;
  for (std::int64_t i = 0; i < users; ++i) ids.push_back(user_id(i * 7919 % users));
  std::size_t next = 0;
  std::int64_t round = 20;
  for (auto _ : state) {
    pay(*store, ids[next], round, offset);
    if (++offset % 256 == 0) commit(*store, offset);
    if (++next == ids.size()) {
      next = 0;
      ++round;
    }
  }
  state.counters["bytes_per_user"] =
      static_cast<double>(store->hot_bytes()) / static_cast<double>(store->hot_users());
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(hot_user)->Arg(1'000)->Arg(100'000)->Iterations(1'000'000);

/// The same with every user read from RocksDB first and one evicted for it.
void missed_user(benchmark::State& state) {
  const Directory directory;
  auto store = open_rocksdb(directory, std::size_t{1} << 30);
  const std::int64_t users = 50'000;
  std::int64_t offset = fill(*store, users);
  if (!store->checkpoint()) std::abort();
  store->set_hot_bytes(std::size_t{8} << 20);
  store->take_lookups();
  std::int64_t i = 0;
  for (auto _ : state) {
    pay(*store, user_id(i * 7919 % users), 21 + i / users, offset);
    ++i;
    if (++offset % 256 == 0) {
      commit(*store, offset);
      if (!store->write_back(std::size_t{1} << 20, 50)) std::abort();
    }
  }
  state.counters["miss_share"] =
      static_cast<double>(store->take_lookups().misses) / static_cast<double>(state.iterations());
  state.counters["disk_bytes_per_user"] =
      static_cast<double>(store->disk_bytes()) / static_cast<double>(users);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(missed_user)->Iterations(100'000);

void write_back_user(benchmark::State& state) {
  const Directory directory;
  auto store = open_rocksdb(directory, std::size_t{1} << 30);
  const std::int64_t users = 20'000;
  std::int64_t offset = fill(*store, users);
  if (!store->checkpoint()) std::abort();
  std::int64_t written = 0;
  std::int64_t round = 21;
  for (auto _ : state) {
    state.PauseTiming();
    for (std::int64_t i = 0; i < users; ++i) pay(*store, user_id(i), round, offset++);
    ++round;
    commit(*store, offset);
    state.ResumeTiming();
    while (store->dirty_bytes() > 0) {
      if (!store->write_back(std::size_t{1} << 20, 0)) std::abort();
    }
    written += users;
  }
  state.SetItemsProcessed(written);  // users per second
}
BENCHMARK(write_back_user)->Unit(benchmark::kMillisecond)->Iterations(3);

/// A changelog of 1 M entry records over 50,000 users into an empty store on RocksDB.
void restore_million(benchmark::State& state) {
  std::vector<KeyValue> log;
  {
    auto writer = open_memory(std::size_t{4} << 30);
    std::int64_t offset = 0;
    for (std::int64_t round = 0; round < 20; ++round) {
      for (std::int64_t i = 0; i < 50'000; ++i) {
        pay(*writer, user_id(i * 7919 % 50'000), round, offset++);
        if (offset % 500 != 0) continue;
        for (KeyValue& change : writer->take_changes()) log.push_back(std::move(change));
        log.push_back(writer->make_commit_record(offset));
        writer->commit(static_cast<std::int64_t>(log.size()));
      }
    }
  }
  for (auto _ : state) {
    const Directory directory;
    auto store = open_rocksdb(directory, static_cast<std::size_t>(state.range(0)) << 20);
    for (std::size_t i = 0; i < log.size(); ++i) {
      if (!store->restore(log[i].key, log[i].value, static_cast<std::int64_t>(i))) std::abort();
    }
    if (!store->finish_restore(static_cast<std::int64_t>(log.size()))) std::abort();
    state.counters["users"] = static_cast<double>(store->hot_users());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(log.size()));
}
BENCHMARK(restore_million)->Arg(512)->Unit(benchmark::kSecond)->Iterations(1);

void find_absent_verdict(benchmark::State& state) {
  const RetentionPolicy policy{16, 64, 86'400'000};
  std::string user;
  for (int i = 0; i < 64; ++i) {
    user = add_entry(user, entry_at(UserView(user), kStart + i, i), policy).encoded;
  }
  for (auto _ : state)
    benchmark::DoNotOptimize(UserView(user).find_verdict("01890a5d-ac96-774b-bcce-never"));
}
BENCHMARK(find_absent_verdict);

}  // namespace
}  // namespace weir::state
