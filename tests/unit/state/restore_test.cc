// Restore: the changelog gives back exactly what was committed, from any point the backing store
// may be at. Method: a worker on one store writes a changelog; other stores read it, cut, compacted
// or with leftovers in it.

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "state/store_meta.h"
#include "state/user_store.h"
#include "tests/unit/state/state_fixture.h"

namespace weir::state {
namespace {

class RestoreTest : public testing::Test {
 protected:
  std::unique_ptr<UserStore> open() { return open_or_die(make_memory_store(), options_); }
  static Payment payment(std::int64_t offset, const std::string& user) {
    return {offset, user, "tx-" + std::to_string(offset), kStart + offset, true};
  }
  static Changelog::Record commit_record(std::int64_t offset, const CommitRecord& record) {
    KeyValue bytes = encode(record);
    return {offset, std::move(bytes.key), std::move(bytes.value)};
  }

  UserStoreOptions options_ = small_options();
  Changelog log_;
  std::unique_ptr<UserStore> live_ = open();
  Worker worker_{*live_, log_};
};

TEST_F(RestoreTest, AnEmptyStoreReadsFromTheStart) {
  EXPECT_EQ(live_->restore_from(), 0);
  EXPECT_EQ(live_->last_commit(), std::nullopt);
  EXPECT_TRUE(live_->finish_restore(0));
}

TEST_F(RestoreTest, GivesBackStateLineageAndCommitRecord) {
  worker_.stage(payment(0, "u"));
  worker_.stage(payment(1, "v"));
  worker_.commit();
  worker_.stage(payment(2, "u"));
  worker_.commit();
  auto restored = open();
  ASSERT_EQ(error_of(restore_from(*restored, log_)), "");
  EXPECT_EQ(dump(*restored), dump(*live_));
  EXPECT_EQ(restored->last_commit(), live_->last_commit());
  EXPECT_EQ(restored->restore_from(), log_.end);
  const auto found = restored->get("u")->find_verdict("tx-2");
  ASSERT_TRUE(found);
  ASSERT_NE(restored->lineage(found->lineage), nullptr);
  EXPECT_EQ(*restored->lineage(found->lineage), worker_.lineage);
}

TEST_F(RestoreTest, GoesOnAsIfNothingHadHappened) {
  PaymentSource source(5, 10);
  for (int commit = 0; commit < 20; ++commit) {
    for (int i = 0; i < 10; ++i) worker_.stage(source.next());
    worker_.commit();
  }
  Changelog log = log_;
  auto restored = open();
  ASSERT_EQ(error_of(restore_from(*restored, log)), "");
  Worker other(*restored, log);
  for (int commit = 0; commit < 20; ++commit) {
    for (int i = 0; i < 10; ++i) {
      const Payment next = source.next();
      worker_.stage(next);
      other.stage(next);
    }
    worker_.commit();
    other.commit();
  }
  ASSERT_EQ(log.records.size(), log_.records.size());
  for (std::size_t i = 0; i < log.records.size(); ++i) {
    ASSERT_EQ(log.records[i].key, log_.records[i].key);
    ASSERT_EQ(log.records[i].value, log_.records[i].value) << "record " << i;
  }
}

// A crash at any moment: whatever prefix of write-backs the backing store holds, the tail brings it
// to the same state.
TEST_F(RestoreTest, ConvergesFromEveryStateTheBackingStoreCanBeIn) {
  for (const std::uint64_t seed : {21U, 22U, 23U, 24U}) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    options_.hot_bytes = seed % 2 == 0 ? 1 : std::size_t{64} << 20;
    auto backing = make_memory_store();
    auto live = open_or_die(std::make_unique<SharedBacking>(*backing), options_);
    Changelog log;
    Worker worker(*live, log);
    PaymentSource source(seed, 25);
    std::vector<std::unique_ptr<KeyValueStore>> crashes;
    for (int commit = 0; commit < 120; ++commit) {
      const int payments = source.pick(12);
      for (int i = 0; i < payments; ++i) worker.stage(source.next());
      if (source.pick(3) == 0) {
        EXPECT_TRUE(live->write_back(1500, 1));
      }
      worker.commit();
      if (source.pick(2) == 0) {
        EXPECT_TRUE(live->write_back(3000, static_cast<std::uint64_t>(source.pick(20))));
      }
      if (commit % 10 == 0) {
        auto copy = make_memory_store();
        EXPECT_TRUE(backing->scan({}, [&](std::string_view key, std::string_view value) {
          return copy->write({{std::string(key), std::string(value)}});
        }));
        crashes.push_back(std::move(copy));
      }
    }
    const auto expected = dump(*live);
    std::vector<Changelog> logs{log};
    for (int i = 1; i <= 4; ++i) logs.push_back(log.compacted(log.end * i / 4 + 1));
    for (const Changelog& tail : logs) {
      for (std::size_t i = 0; i < crashes.size(); ++i) {
        SCOPED_TRACE("crash " + std::to_string(i));
        auto copy = make_memory_store();
        ASSERT_TRUE(crashes[i]->scan({}, [&](std::string_view key, std::string_view value) {
          return copy->write({{std::string(key), std::string(value)}});
        }));
        auto restored = open_or_die(std::move(copy), options_);
        ASSERT_EQ(error_of(restore_from(*restored, tail)), "");
        ASSERT_EQ(dump(*restored), expected);
        EXPECT_EQ(restored->last_commit(), live->last_commit());
      }
    }
  }
}

// A restore larger than memory writes on the way; a crash in the middle of it must not lose what
// still waited.
TEST_F(RestoreTest, CanBeCutShortAndStartedAgainWhenItIsLargerThanMemory) {
  PaymentSource source(31, 60);
  for (int commit = 0; commit < 60; ++commit) {
    for (int i = 0; i < 20; ++i) worker_.stage(source.next());
    worker_.commit();
  }
  const auto expected = dump(*live_);
  const std::vector<Changelog> logs{log_, log_.compacted(), log_.compacted(log_.end / 2)};
  for (const std::size_t hot_bytes : {std::size_t{1}, std::size_t{20'000}}) {
    options_.hot_bytes = hot_bytes;
    for (const Changelog& log : logs) {
      for (std::size_t cut = 1; cut < log.records.size(); cut += 37) {
        auto backing = make_memory_store();
        auto first = open_or_die(std::make_unique<SharedBacking>(*backing), options_);
        for (std::size_t i = 0; i < cut; ++i) {
          ASSERT_EQ(error_of(first->restore(log.records[i].key, log.records[i].value,
                                            log.records[i].offset)),
                    "");
        }
        EXPECT_LT(first->hot_bytes(), 60'000U);
        first.reset();
        auto second = open_or_die(std::make_unique<SharedBacking>(*backing), options_);
        ASSERT_EQ(error_of(restore_from(*second, log)), "") << "cut at " << cut;
        ASSERT_EQ(dump(*second), expected) << "cut at " << cut;
        EXPECT_EQ(second->last_commit(), live_->last_commit());
      }
    }
  }
}

TEST_F(RestoreTest, HoldsAtMostOneCommitWhereCompactionTookTheCommitRecords) {
  for (int commit = 0; commit < 200; ++commit) {
    worker_.stage(payment(commit, "user-" + std::to_string(commit)));
    worker_.commit();
  }
  const Changelog log = log_.compacted();
  auto restored = open();
  std::size_t applied_before_the_end = 0;
  for (const Changelog::Record& record : log.records) {
    ASSERT_TRUE(restored->restore(record.key, record.value, record.offset));
    if (record.key != "c") applied_before_the_end = restored->hot_users();
  }
  EXPECT_EQ(applied_before_the_end, 199U);
  ASSERT_TRUE(restored->finish_restore(log.end));
  EXPECT_EQ(dump(*restored), dump(*live_));
}

TEST_F(RestoreTest, ReadsNothingFromABackingStoreThatIsEmpty) {
  worker_.stage(payment(0, "u"));
  worker_.commit();
  auto memory = make_memory_store();
  auto backing = std::make_unique<SharedBacking>(*memory);
  SharedBacking& counter = *backing;
  auto restored = open_or_die(std::move(backing), options_);
  const std::size_t gets = counter.gets;
  ASSERT_TRUE(restore_from(*restored, log_));
  EXPECT_EQ(counter.gets, gets);
}

// -- at_least_once: records that no commit covers

TEST_F(RestoreTest, DropsWhatNoCommitCovers) {
  worker_.marker_behind_commit = false;
  worker_.stage(payment(0, "u"));
  worker_.commit();
  const auto committed = dump(*live_);
  worker_.stage(payment(1, "u"));
  worker_.stage(payment(2, "new"));
  worker_.send();  // crash before the commit record
  auto restored = open();
  ASSERT_EQ(error_of(restore_from(*restored, log_)), "");
  EXPECT_EQ(dump(*restored), committed);
  EXPECT_EQ(restored->last_commit()->next_offset, 1);
}

TEST_F(RestoreTest, ARepeatedAttemptReplacesTheOneBeforeIt) {
  worker_.marker_behind_commit = false;
  worker_.stage(payment(0, "u"));
  worker_.commit();
  // First attempt, with an old model: three entries, no commit.
  worker_.lineage = lineage_of(1);
  for (int i = 1; i <= 3; ++i) worker_.stage(payment(i, "user-" + std::to_string(i)));
  worker_.send();
  // The writer that comes after restores, runs the same input again with a new model and commits
  // only a part.
  auto next = open();
  ASSERT_TRUE(restore_from(*next, log_));
  Worker second(*next, log_);
  second.marker_behind_commit = false;
  second.lineage = lineage_of(2);
  second.stage(payment(1, "user-1"));
  second.stage(payment(2, "user-2"));
  second.commit();

  auto restored = open();
  ASSERT_EQ(error_of(restore_from(*restored, log_)), "");
  EXPECT_EQ(dump(*restored), dump(*next));
  EXPECT_TRUE(restored->get("user-3")->empty()) << "only the first attempt wrote it";
  const auto found = restored->get("user-1")->find_verdict("tx-1");
  EXPECT_EQ(*restored->lineage(found->lineage), lineage_of(2));
}

TEST_F(RestoreTest, LeftoversDoNotCountForTheCommitAfterThem) {
  worker_.marker_behind_commit = false;
  for (int attempt = 0; attempt < 3; ++attempt) {
    for (int i = 0; i < 4; ++i) worker_.stage(payment(i, "user-" + std::to_string(i)));
    worker_.send();
    live_->rollback();
  }
  for (int i = 0; i < 4; ++i) worker_.stage(payment(i, "user-" + std::to_string(i)));
  worker_.commit();
  auto restored = open();
  ASSERT_EQ(error_of(restore_from(*restored, log_)), "");
  EXPECT_EQ(dump(*restored), dump(*live_));
}

TEST_F(RestoreTest, ALeftoverOfOneRecordThatIsRepeatedCountsOnce) {
  worker_.marker_behind_commit = false;
  worker_.stage(payment(0, "u"));
  worker_.send();
  live_->rollback();
  worker_.stage(payment(0, "u"));
  worker_.commit();
  auto restored = open();
  ASSERT_EQ(error_of(restore_from(*restored, log_)), "");
  EXPECT_EQ(dump(*restored), dump(*live_));
}

TEST_F(RestoreTest, ACommitCoversInputBelowItsNextOffsetAndNotAtIt) {
  worker_.marker_behind_commit = false;
  worker_.stage(payment(4, "below"));
  worker_.stage(payment(5, "at"));
  worker_.send();  // then the next writer finds nothing to do before 5
  log_.append(encode(CommitRecord{5, 1, 1, 0}));
  auto restored = open();
  ASSERT_EQ(error_of(restore_from(*restored, log_)), "");
  EXPECT_FALSE(restored->get("below")->empty());
  EXPECT_TRUE(restored->get("at")->empty());
}

TEST_F(RestoreTest, IgnoresAWriterThatWasOvertaken) {
  worker_.marker_behind_commit = false;
  worker_.stage(payment(0, "u"));
  worker_.commit();
  auto zombie = open();
  ASSERT_TRUE(restore_from(*zombie, log_));
  for (int i = 1; i < 5; ++i) {
    worker_.stage(payment(i, "u"));
    worker_.commit();
  }
  Worker late(*zombie, log_);  // wakes up and writes what the owner has long committed
  late.marker_behind_commit = false;
  late.stage(payment(1, "u"));
  late.stage(payment(2, "seen by the late one only"));
  late.commit();
  worker_.stage(payment(5, "u"));
  worker_.commit();
  auto restored = open();
  ASSERT_EQ(error_of(restore_from(*restored, log_)), "");
  EXPECT_EQ(dump(*restored), dump(*live_));
  EXPECT_EQ(restored->last_commit(), live_->last_commit());
}

// -- what must be refused

TEST_F(RestoreTest, FindsATornCommit) {
  for (int i = 0; i < 3; ++i) worker_.stage(payment(i, "user-" + std::to_string(i)));
  worker_.commit();
  for (int i = 3; i < 6; ++i) worker_.stage(payment(i, "user-" + std::to_string(i)));
  worker_.commit();
  // Each payment leaves an entry and its row; the second commit lies behind the first one's marker.
  const std::int64_t middle = log_.records[log_.records.size() - 3].offset;
  const auto restored_without = [&](std::int64_t missing, bool shift) {
    auto restored = open();
    for (const Changelog::Record& record : log_.records) {
      if (record.offset == missing) continue;
      const std::int64_t offset =
          shift && record.offset > missing ? record.offset - 1 : record.offset;
      const Status status = restored->restore(record.key, record.value, offset);
      if (!status) return status.error().message;
    }
    return std::string();
  };
  EXPECT_THAT(restored_without(middle, true),
              testing::HasSubstr("torn commit 2: 7 writes announced, 6 found"));
  EXPECT_EQ(restored_without(middle, false), "") << "a gap in the offsets: compaction took it";
}

// A restore that was cut short where the commit record is compacted away starts again in front of a
// commit whose first records may be gone as well: fewer than announced is then no sign of a torn
// commit.
TEST_F(RestoreTest, AStartBehindACompactedCommitIsNoProofOfATornOne) {
  options_.hot_bytes = 1;
  auto backing = make_memory_store();
  auto first = open_or_die(std::make_unique<SharedBacking>(*backing), options_);
  const auto entry = [](std::int64_t offset, std::uint64_t commit, const std::string& user) {
    return encode(EntryRecord{user, offset, commit, entry_for({}, kStart + offset, "tx")});
  };
  const KeyValue of_one = entry(0, 1, "u");  // its commit record was compacted away, and so were
  const KeyValue of_two = entry(2, 2, "v");  // the first records of the second commit
  ASSERT_TRUE(first->restore(of_one.key, of_one.value, 0));
  ASSERT_TRUE(first->restore(of_two.key, of_two.value, 5));
  first.reset();
  auto second = open_or_die(std::make_unique<SharedBacking>(*backing), options_);
  EXPECT_EQ(second->restore_from(), 5);
  const KeyValue commit = encode(CommitRecord{3, 2, 2, 0});
  ASSERT_TRUE(second->restore(of_two.key, of_two.value, 5));
  EXPECT_EQ(error_of(second->restore(commit.key, commit.value, 6)), "");
  EXPECT_FALSE(second->get("v")->empty());
}

TEST_F(RestoreTest, FindsAForeignRecordInACommit) {
  worker_.stage(payment(0, "user-0"));
  worker_.commit();
  const KeyValue other = encode(EntryRecord{"user-0", 0, 1, entry_for({}, kStart, "other")});
  Changelog::Record& entry = log_.records[1];
  ASSERT_EQ(entry.key, other.key);
  entry.value = other.value;
  auto restored = open();
  EXPECT_NE(error_of(restore_from(*restored, log_)).find("hash differs"), std::string::npos);
}

TEST_F(RestoreTest, TakesTheCommitRecordThatReachesFurthest) {
  auto restored = open();
  const auto take = [&](std::int64_t offset, const CommitRecord& record) {
    const Changelog::Record bytes = commit_record(offset, record);
    return restored->restore(bytes.key, bytes.value, bytes.offset);
  };
  ASSERT_TRUE(take(0, {100, 5, 0, 0}));
  EXPECT_TRUE(take(1, {100, 5, 0, 0})) << "known already";
  EXPECT_TRUE(take(2, {90, 4, 0, 0})) << "older: ignored";
  EXPECT_EQ(restored->last_commit()->next_offset, 100);
  EXPECT_TRUE(take(3, {101, 5, 0, 0})) << "the same commit, tried again with more input";
  EXPECT_EQ(restored->last_commit()->next_offset, 101);
  EXPECT_TRUE(take(4, {99, 6, 0, 0})) << "its writer did not know of that try";
  EXPECT_EQ(restored->last_commit()->next_offset, 101);
  EXPECT_TRUE(take(5, {101, 6, 0, 0})) << "a commit without progress is one";
  EXPECT_EQ(restored->last_commit()->sequence, 6U);
}

TEST_F(RestoreTest, RefusesAChangelogThatEndsBeforeTheStoresPosition) {
  worker_.stage(payment(0, "u"));
  worker_.commit();
  const Status finished = live_->finish_restore(log_.end - 1);
  EXPECT_TRUE(is_fatal(finished));
  EXPECT_NE(error_of(finished).find("created again or cut"), std::string::npos);
}

TEST_F(RestoreTest, RefusesForeignRecords) {
  EXPECT_TRUE(is_fatal(live_->restore("x", "y", 0)));
  EXPECT_TRUE(is_fatal(live_->restore("", "", 1)));
}

// -- labels: read beside the payments, in no fixed order

class LabelRestoreTest : public RestoreTest {
 protected:
  LabelRestoreTest() {
    options_.windows = windows_for_tests();
    live_ = open();
  }
  /// What a label about `payment` did, `next` being the first payment not yet processed.
  void label(const Payment& payment, std::int64_t next) {
    const EventRow row = event_row(payment.offset, payment.event_time_ms);
    const auto outcome = live_->windows()->label(
        payment.user_id, {row.transaction, row.time_ms, true, row.time_ms + 5, 1, 0});
    ASSERT_TRUE(outcome) << error_of(outcome);
    live_->log(live_->take_window_changes(), WindowCause::kLabel, next);
  }
  void commit(std::int64_t next, std::int64_t next_label) {
    for (const KeyValue& change : live_->take_changes()) log_.append(change);
    log_.append(live_->make_commit_record(next, next_label));
    live_->commit(log_.end);
  }
};

TEST_F(LabelRestoreTest, ACommitOfLabelsAloneComesBack) {
  Worker worker(*live_, log_);
  worker.stage(payment(1, "u"));
  worker.commit();
  label(payment(1, "u"), 2);
  commit(2, 7);
  auto restored = open();
  ASSERT_EQ(error_of(restore_from(*restored, log_)), "");
  EXPECT_EQ(dump(*restored), dump(*live_));
  EXPECT_EQ(restored->last_commit()->next_offset, 2);
  EXPECT_EQ(restored->last_commit()->next_label, 7);
}

TEST_F(LabelRestoreTest, ALabelThatNoCommitCoversCountsOnceItsPaymentsDo) {
  Worker worker(*live_, log_);
  worker.stage(payment(1, "u"));
  worker.commit();
  // A writer dies after it wrote what a label did, and before its commit record.
  label(payment(1, "u"), 2);
  for (const KeyValue& change : live_->take_changes()) log_.append(change);
  live_->rollback();
  // Its successor processes the label elsewhere, and this record is all that compaction left of it.
  worker.stage(payment(2, "u"));
  worker.commit();
  auto restored = open();
  ASSERT_EQ(error_of(restore_from(*restored, log_)), "");
  std::size_t labelled = 0;
  ASSERT_TRUE(restored->window_rows(
      "u", [&](const EventRow& row) { labelled += row.label == Label::kFraud ? 1 : 0; }));
  EXPECT_EQ(labelled, 1U);
}

TEST_F(LabelRestoreTest, ALabelBehindPaymentsThatNoCommitCoversIsNotApplied) {
  Worker worker(*live_, log_);
  worker.stage(payment(1, "u"));
  worker.commit();
  worker.stage(payment(2, "u"));
  label(payment(2, "u"), 3);
  for (const KeyValue& change : live_->take_changes()) log_.append(change);
  auto restored = open();
  ASSERT_EQ(error_of(restore_from(*restored, log_)), "");
  std::size_t rows = 0;
  ASSERT_TRUE(restored->window_rows("u", [&](const EventRow&) { ++rows; }));
  EXPECT_EQ(rows, 1U) << "payment 2 is not there, so its row must not be";
}

TEST_F(LabelRestoreTest, ALostWriteOfALabelIsATornCommit) {
  Worker worker(*live_, log_);
  worker.stage(payment(1, "u"));
  worker.commit();
  label(payment(1, "u"), 2);
  (void)live_->take_changes();
  log_.append(live_->make_commit_record(2, 7));
  auto restored = open();
  EXPECT_THAT(error_of(restore_from(*restored, log_)),
              testing::HasSubstr("torn commit 2: 1 writes of labels announced, 0 found"));
}

}  // namespace
}  // namespace weir::state
