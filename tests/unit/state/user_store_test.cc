// The store of one partition: transactions, the hot set and its budget, the fuzzy checkpoint behind
// it. Method: the memory store as backing; a "crash" is a second UserStore on the same backing.

#include "state/user_store.h"

#include <cstring>
#include <map>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <malloc.h>

#include "state/store_meta.h"
#include "tests/unit/state/state_fixture.h"

namespace weir::state {
namespace {

class UserStoreTest : public testing::Test {
 protected:
  std::unique_ptr<UserStore> open() {
    return open_or_die(std::make_unique<SharedBacking>(*backing_), options_);
  }
  static Payment payment(std::int64_t offset, const std::string& user) {
    return {offset, user, "tx-" + std::to_string(offset), kStart + offset, true};
  }
  std::string meta_bytes() {
    std::string bytes;
    EXPECT_TRUE(backing_->get(kMetaKey, bytes));
    return bytes;
  }
  CommitPoint stored_point() { return decode_meta(meta_bytes()).value().point; }

  std::unique_ptr<KeyValueStore> backing_ = make_memory_store();
  UserStoreOptions options_ = small_options();
  Changelog log_;
};

TEST_F(UserStoreTest, ReadsItsOwnStagedWrites) {
  auto store = open();
  Worker worker(*store, log_);
  worker.stage(payment(0, "u"));
  worker.stage(payment(1, "u"));
  const auto user = store->get("u");
  ASSERT_TRUE(user);
  EXPECT_EQ(user->history_size(), 2U);
  EXPECT_TRUE(store->has_staged());
  EXPECT_GT(store->staged_bytes(), 0U);
}

TEST_F(UserStoreTest, RollbackLeavesNoTrace) {
  auto store = open();
  Worker worker(*store, log_);
  worker.stage(payment(0, "known"));
  worker.commit();
  const auto before = dump(*store);
  const std::size_t hot_bytes = store->hot_bytes();
  const std::size_t hot_users = store->hot_users();
  const std::size_t dirty_bytes = store->dirty_bytes();

  worker.lineage = lineage_of(2);
  worker.stage(payment(1, "known"));
  worker.stage(payment(2, "known"));
  worker.stage(payment(3, "new"));
  (void)store->make_commit_record(4);
  store->rollback();

  EXPECT_EQ(dump(*store), before);
  EXPECT_EQ(store->hot_bytes(), hot_bytes);
  EXPECT_EQ(store->hot_users(), hot_users);
  EXPECT_EQ(store->dirty_bytes(), dirty_bytes);
  EXPECT_FALSE(store->has_staged());
  EXPECT_EQ(store->staged_bytes(), 0U);
  EXPECT_EQ(store->lineage(lineage_id(lineage_of(2))), nullptr);
  EXPECT_TRUE(store->take_changes().empty());
  EXPECT_EQ(store->last_commit()->next_offset, 1);
}

TEST_F(UserStoreTest, ARepeatAfterRollbackWritesTheSameRecords) {
  auto store = open();
  Worker worker(*store, log_);
  worker.stage(payment(0, "u"));
  worker.commit();
  const auto attempt = [&] {
    worker.lineage = lineage_of(2);
    worker.stage(payment(1, "u"));
    worker.stage(payment(2, "v"));
    std::string bytes;
    for (const KeyValue& change : store->take_changes()) bytes += change.key + change.value;
    const KeyValue commit = store->make_commit_record(3);
    store->rollback();
    return bytes + commit.key + commit.value;
  };
  const std::string first = attempt();
  EXPECT_EQ(attempt(), first);
}

TEST_F(UserStoreTest, ALineageIsWrittenOnceBeforeItsFirstEntry) {
  options_.windows = {};
  auto store = open();
  Worker worker(*store, log_);
  for (int i = 0; i < 3; ++i) worker.stage(payment(i, "u"));
  const auto changes = store->take_changes();
  ASSERT_EQ(changes.size(), 4U);
  EXPECT_EQ(changes[0].key.front(), 'l');
  const auto entry = decode_changelog(changes[1].key, changes[1].value);
  ASSERT_TRUE(entry);
  const std::uint64_t id = std::get<EntryRecord>(*entry).entry.verdict->lineage;
  EXPECT_EQ(id, lineage_id(worker.lineage));
  ASSERT_NE(store->lineage(id), nullptr);
  EXPECT_EQ(*store->lineage(id), worker.lineage);
}

TEST_F(UserStoreTest, TheCommitRecordCountsAndHashesTheEntriesOfItsTransaction) {
  auto store = open();
  Worker worker(*store, log_);
  std::uint64_t hash = 0;
  std::uint32_t writes = 0;
  const auto take = [&] {
    for (const KeyValue& change : store->take_changes()) {
      if (change.key.front() == 'l' || change.tombstone) continue;
      hash = chain_hash(hash, change.key, change.value);
      ++writes;
    }
  };
  worker.stage(payment(0, "u"));
  take();
  worker.stage(payment(1, "v"));
  take();
  EXPECT_GE(writes, 4U) << "an entry and a row each";
  const KeyValue bytes = store->make_commit_record(2);
  const auto record = decode_changelog(bytes.key, bytes.value);
  ASSERT_TRUE(record);
  EXPECT_EQ(std::get<CommitRecord>(*record), (CommitRecord{2, 1, writes, hash}));
  store->commit(10);
  EXPECT_EQ(store->last_commit()->sequence, 1U);
  EXPECT_EQ(store->restore_from(), 10);
}

TEST_F(UserStoreTest, OnlyCommittedStateReachesTheBackingStore) {
  auto store = open();
  Worker worker(*store, log_);
  worker.stage(payment(0, "u"));
  worker.commit();
  const auto committed = dump(*store);
  worker.lineage = lineage_of(2);
  worker.stage(payment(1, "u"));
  worker.stage(payment(2, "new"));
  ASSERT_TRUE(store->write_back(1 << 20, 0));
  auto reopened = open();
  EXPECT_EQ(dump(*reopened), committed);
  EXPECT_EQ(reopened->lineage(lineage_id(lineage_of(2))), nullptr);
  // The transaction goes on after the write and commits on top of it.
  worker.commit();
  ASSERT_TRUE(store->checkpoint());
  EXPECT_EQ(dump(*open()), dump(*store));
  EXPECT_EQ(dump(*store).size(), 2U);
}

TEST_F(UserStoreTest, WriteBackTakesTheOldestChangesFirstAndKeepsThePositionBeforeTheRest) {
  auto store = open();
  Worker worker(*store, log_);
  std::vector<std::int64_t> positions{0};
  for (int i = 0; i < 3; ++i) {
    worker.stage(payment(i, "user-" + std::to_string(i)));
    worker.commit();
    positions.push_back(log_.end);
  }
  const auto written = store->write_back(1, 0);  // one user at least
  ASSERT_TRUE(written);
  EXPECT_GT(*written, 0U);
  EXPECT_EQ(stored_point().position, positions[1]) << "users 1 and 2 are only in memory";
  EXPECT_EQ(stored_point().sequence, 1U);
  EXPECT_EQ(dump(*open()).size(), 1U);
  ASSERT_TRUE(store->write_back(1 << 20, 0));
  EXPECT_EQ(stored_point().position, positions[3]);
  EXPECT_EQ(stored_point().last->next_offset, 3);
  EXPECT_EQ(store->dirty_bytes(), 0U);
  EXPECT_EQ(store->write_back(1 << 20, 0).value(), 0U) << "nothing is left to do";
}

TEST_F(UserStoreTest, AUserIsDueExactlyWhenItsFirstChangeIsOldEnough) {
  auto store = open();
  Worker worker(*store, log_);
  worker.stage(payment(0, "u"));
  worker.commit();
  worker.stage(payment(1, "v"));
  worker.commit();
  EXPECT_EQ(store->write_back(1 << 20, 2).value(), 0U);
  worker.stage(payment(2, "u"));  // a later change of the same user does not make it younger
  worker.commit();
  EXPECT_GT(store->write_back(1 << 20, 2).value(), 0U);
  const auto stored = dump(*open());
  EXPECT_EQ(stored.count("u"), 1U);
  EXPECT_EQ(stored.count("v"), 0U);
}

TEST_F(UserStoreTest, OverTheBudgetUsersAreDueAtAnyAge) {
  auto store = open();
  Worker worker(*store, log_);
  for (int i = 0; i < 50; ++i) worker.stage(payment(i, "user-" + std::to_string(i)));
  worker.commit();
  EXPECT_EQ(store->write_back(1 << 20, 1000).value(), 0U);
  const std::size_t budget = store->hot_bytes() / 2;
  store->set_hot_bytes(budget);
  EXPECT_EQ(store->hot_users(), 50U) << "dirty users are not evicted";
  EXPECT_GT(store->write_back(1 << 20, 1000).value(), 0U);
  EXPECT_LE(store->hot_bytes(), budget);
  EXPECT_GT(store->dirty_bytes(), 0U) << "no more than needed is written";
}

TEST_F(UserStoreTest, EmptyCommitsMoveTheStoredPositionOnceTheyAreOldEnough) {
  auto store = open();
  Worker worker(*store, log_);
  worker.stage(payment(0, "u"));
  worker.commit();
  ASSERT_TRUE(store->checkpoint());
  for (int i = 0; i < 3; ++i) {
    (void)store->make_commit_record(2 + i);
    store->commit(100 + i);
  }
  EXPECT_EQ(store->write_back(1 << 20, 4).value(), 0U);
  EXPECT_GT(store->write_back(1 << 20, 3).value(), 0U);
  EXPECT_EQ(stored_point().position, 102);
}

TEST_F(UserStoreTest, CountsHitsAndMissesAndReadsAMissFromTheBackingStore) {
  auto store = open();
  Worker worker(*store, log_);
  worker.stage(payment(0, "u"));
  worker.commit();
  ASSERT_TRUE(store->checkpoint());
  auto reopened = open();
  EXPECT_EQ(reopened->get("u")->history_size(), 1U);
  EXPECT_EQ(reopened->take_lookups().misses, 1U);
  EXPECT_EQ(reopened->get("u")->history_size(), 1U);
  EXPECT_EQ(reopened->take_lookups().hits, 1U);
}

TEST_F(UserStoreTest, ASmallBudgetGivesTheSameStateAsAnUnboundedOne) {
  for (const std::uint64_t seed : {11U, 12U, 13U}) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const auto run = [&](std::size_t hot_bytes) {
      auto backing = make_memory_store();
      UserStoreOptions options = options_;
      options.hot_bytes = hot_bytes;
      auto store = open_or_die(std::make_unique<SharedBacking>(*backing), options);
      Changelog log;
      Worker worker(*store, log);
      PaymentSource source(seed, 40);
      PaymentSource faults(seed + 1000, 1);
      for (int commit = 0; commit < 200; ++commit) {
        std::vector<Payment> batch;
        for (int i = 0; i < 10; ++i) batch.push_back(source.next());
        if (faults.pick(5) == 0) {
          for (const Payment& next : batch) worker.stage(next);
          store->rollback();
        }
        for (const Payment& next : batch) worker.stage(next);
        if (faults.pick(3) == 0) {
          EXPECT_TRUE(store->write_back(2000, 1));
        }
        worker.commit();
        EXPECT_TRUE(store->write_back(4000, static_cast<std::uint64_t>(faults.pick(10))));
      }
      return std::pair(dump(*store), store->take_lookups().misses);
    };
    const auto [unbounded, few_misses] = run(std::size_t{1} << 30);
    const auto [tight, many_misses] = run(1);
    EXPECT_EQ(tight, unbounded);
    EXPECT_GT(many_misses, 4 * few_misses) << "the budget must have had an effect";
  }
}

TEST_F(UserStoreTest, ChargesWhatMallocGives) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the sanitizer brings its own malloc";
#endif
  options_.hot_bytes = std::size_t{1} << 30;
  options_.retention = {16, 64, 86'400'000};
  auto store = open();
  const std::size_t before = mallinfo2().uordblks;
  const std::size_t charged_before = store->hot_bytes();
  Worker worker(*store, log_);
  std::int64_t offset = 0;
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 3000; ++i)
      worker.stage(payment(offset++, "a-user-id-of-usual-length-" + std::to_string(i)));
    (void)store->take_changes();
    (void)store->make_commit_record(offset);
    store->commit(offset);
  }
  const auto used = static_cast<double>(mallinfo2().uordblks - before);
  const auto charged = static_cast<double>(store->hot_bytes() - charged_before);
  EXPECT_GT(charged, 0.9 * used);
  EXPECT_LT(charged, 1.1 * used);
}

TEST_F(UserStoreTest, AScanShowsCommittedStateWhileATransactionIsOpen) {
  options_.windows = {};  // their rows are read as the transaction sees them
  auto store = open();
  Worker worker(*store, log_);
  worker.stage(payment(0, "u"));
  worker.commit();
  const auto committed = dump(*store);
  worker.stage(payment(1, "u"));
  worker.stage(payment(2, "new"));
  ASSERT_TRUE(store->write_back(1 << 20, 0));
  EXPECT_EQ(dump(*store), committed);
}

// Rows, aggregates and fingers lie in pages that a crash may leave behind, ahead or lost: whatever
// comes back must answer the next payments as if nothing had happened.
TEST_F(UserStoreTest, WindowsGoOnAfterACrashAsIfNothingHadHappened) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    backing_ = make_memory_store();
    auto undisturbed_backing = make_memory_store();
    auto undisturbed = open_or_die(std::make_unique<SharedBacking>(*undisturbed_backing), options_);
    Changelog other_log;
    Changelog log;
    auto store = open();
    PaymentSource source(seed, 3);
    std::vector<Payment> transaction;
    for (int i = 0; i < 400; ++i) {
      Worker reference(*undisturbed, other_log);
      Worker worker(*store, log);
      transaction.clear();
      for (int k = source.pick(6); k >= 0; --k) transaction.push_back(source.next());
      if (source.pick(8) == 0) {  // an abort: the same payments come again
        for (const Payment& payment : transaction) worker.stage(payment);
        store->rollback();
      }
      for (const Payment& payment : transaction) {
        reference.stage(payment);
        worker.stage(payment);
        ASSERT_EQ(std::memcmp(worker.values.data(), reference.values.data(),
                              reference.values.size() * sizeof(double)),
                  0)
            << "offset " << payment.offset;
      }
      reference.commit();
      worker.commit();
      if (source.pick(3) == 0) {
        ASSERT_TRUE(store->write_back(static_cast<std::size_t>(source.pick(4'000)),
                                      static_cast<std::uint64_t>(source.pick(3))));
      }
      if (source.pick(12) == 0) {  // a crash: what is in memory is gone, now and then the disk, too
        if (source.pick(3) == 0) backing_ = make_memory_store();
        if (source.pick(2) == 0) log = log.compacted(log.end - source.pick(200));
        store.reset();
        store = open();
        ASSERT_TRUE(restore_from(*store, log));
        EXPECT_EQ(dump(*store), dump(*undisturbed));
      }
    }
  }
}

// -- opening

TEST_F(UserStoreTest, RefusesAForeignStore) {
  auto store = open();
  Worker worker(*store, log_);
  worker.stage(payment(0, "u"));
  worker.commit();
  ASSERT_TRUE(store->checkpoint());
  const auto refusal = [&](const StoreIdentity& identity) {
    UserStoreOptions other = options_;
    other.identity = identity;
    const auto opened = UserStore::open(std::make_unique<SharedBacking>(*backing_), other);
    EXPECT_TRUE(is_fatal(opened));
    return error_of(opened);
  };
  const StoreIdentity own = options_.identity;
  EXPECT_EQ(refusal({"cluster-b", own.changelog_topic, own.partition}),
            "state: store belongs to cluster cluster-a, changelog weir-state-decisions, partition "
            "3; configured is cluster "
            "cluster-b, changelog weir-state-decisions, partition 3; the store is rebuilt from the "
            "changelog");
  (void)refusal({own.cluster_id, "other-topic", own.partition});
  (void)refusal({own.cluster_id, own.changelog_topic, 4});
  (void)refusal({"", own.changelog_topic, 4});
}

TEST_F(UserStoreTest, AToolWithoutABrokerOpensWithoutTheClusterId) {
  auto store = open();
  Worker worker(*store, log_);
  worker.stage(payment(0, "u"));
  worker.commit();
  ASSERT_TRUE(store->checkpoint());
  UserStoreOptions tool = options_;
  tool.identity.cluster_id.clear();
  auto opened = open_or_die(std::make_unique<SharedBacking>(*backing_), tool);
  EXPECT_EQ(dump(*opened), dump(*store));
}

TEST_F(UserStoreTest, RefusesAStoreWithoutMeta) {
  ASSERT_TRUE(backing_->write({{"uu", "bytes"}}));
  const auto opened = UserStore::open(std::make_unique<SharedBacking>(*backing_), options_);
  EXPECT_TRUE(is_fatal(opened));
  EXPECT_NE(error_of(opened).find("no meta"), std::string::npos);
}

TEST_F(UserStoreTest, RefusesDamagedMeta) {
  auto store = open();
  Worker worker(*store, log_);
  worker.stage(payment(0, "u"));
  worker.commit();
  ASSERT_TRUE(store->checkpoint());
  std::string bytes = meta_bytes();
  bytes[bytes.size() / 2] ^= 4;
  ASSERT_TRUE(backing_->write({{std::string(kMetaKey), bytes}}));
  EXPECT_TRUE(is_fatal(UserStore::open(std::make_unique<SharedBacking>(*backing_), options_)));
}

TEST_F(UserStoreTest, ADamagedUserIsAnErrorOfGetAndNeverData) {
  auto store = open();
  Worker worker(*store, log_);
  worker.stage(payment(0, "u"));
  worker.commit();
  ASSERT_TRUE(store->checkpoint());
  std::string bytes;
  ASSERT_TRUE(backing_->get(user_key("u"), bytes));
  ASSERT_TRUE(backing_->write({{user_key("u"), bytes.substr(0, bytes.size() - 1)}}));
  auto reopened = open();
  const auto user = reopened->get("u");
  EXPECT_TRUE(is_fatal(user));
  EXPECT_NE(error_of(user).find("rebuilt from the changelog"), std::string::npos);
  EXPECT_EQ(error_of(user).find("user-"), std::string::npos) << "no user in an error text";
}

TEST_F(UserStoreTest, ChecksItsPolicy) {
  const auto refused = [&](RetentionPolicy policy) {
    UserStoreOptions options = options_;
    options.retention = policy;
    return is_fatal(UserStore::open(make_memory_store(), options));
  };
  EXPECT_FALSE(refused({1, 1, 1}));
  EXPECT_FALSE(refused({128, 120, 1}));
  EXPECT_TRUE(refused({0, 1, 1}));
  EXPECT_TRUE(refused({129, 1, 1}));
  EXPECT_TRUE(refused({1, 0, 1}));
  EXPECT_TRUE(refused({1, 121, 1}));
  EXPECT_TRUE(refused({1, 1, 0}));
}

TEST_F(UserStoreTest, ASmallerHistoryTrimsUsersAsTheyAreRead) {
  auto store = open();
  Worker worker(*store, log_);
  for (int i = 0; i < 4; ++i) worker.stage(payment(i, "u"));
  worker.commit();
  ASSERT_TRUE(store->checkpoint());
  options_.retention.history_rows = 2;
  auto reopened = open();
  EXPECT_EQ(reopened->get("u")->history_size(), 2U);
}

// Its own suite, run before any other: a death test forks, and RocksDB has threads.
using UserStoreDeathTest = UserStoreTest;
TEST_F(UserStoreDeathTest, CommittingWhatWasNeverSentIsABug) {
  auto store = open();
  Worker worker(*store, log_);
  worker.stage(payment(0, "u"));
  (void)store->make_commit_record(1);
  EXPECT_DEATH(store->commit(1), "broken invariant");
  EXPECT_DEATH(open()->commit(1), "broken invariant");
}

}  // namespace
}  // namespace weir::state
