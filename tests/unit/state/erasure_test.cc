// `weir state erase`: a user who was erased is in no store any more, whichever way it comes back,
// and everybody else is as before. Method: a worker writes a changelog, an ErasureScan reads it and
// writes what it says; stores of every age restore from the log, whole, compacted, and without its
// tombstones, as a broker drops them in time.

#include "state/erasure.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "state/user_store.h"
#include "tests/unit/state/state_fixture.h"

namespace weir::state {
namespace {

using testing::HasSubstr;

Payment payment(std::int64_t offset, const std::string& user) {
  return {offset, user, "tx-" + std::to_string(offset), kStart + offset * 1000, true};
}

std::size_t erase(Changelog& log, const std::string& user) {
  ErasureScan scan(user);
  for (const Changelog::Record& record : log.records) {
    EXPECT_TRUE(scan.take(record.key, record.value, record.value.empty()));
  }
  if (scan.found() == 0) return 0;
  for (KeyValue& record : scan.records()) log.append(std::move(record));
  log.marker();
  return scan.found();
}

/// As after `delete.retention.ms`: tombstones below `limit` are gone, and what they hid with them.
Changelog without_tombstones(const Changelog& log, std::int64_t limit) {
  Changelog out = log.compacted(limit);
  std::erase_if(out.records, [&](const Changelog::Record& record) {
    return record.offset < limit && record.value.empty();
  });
  return out;
}

std::unique_ptr<KeyValueStore> copy_of(KeyValueStore& store) {
  auto copy = make_memory_store();
  EXPECT_TRUE(store.scan({}, [&](std::string_view key, std::string_view value) {
    return copy->write({{std::string(key), std::string(value)}});
  }));
  return copy;
}

std::size_t keys_naming(KeyValueStore& store, const std::string& user) {
  std::size_t found = 0;
  EXPECT_TRUE(store.scan({}, [&](std::string_view key, std::string_view) {
    found += key.find(user) != std::string_view::npos ? 1 : 0;
    return ok();
  }));
  return found;
}

std::size_t rows_of(UserStore& store, const std::string& user) {
  std::size_t rows = 0;
  EXPECT_TRUE(store.window_rows(user, [&](const EventRow&) { ++rows; }));
  return rows;
}

class ErasureTest : public testing::Test {
 protected:
  std::unique_ptr<UserStore> open() { return open_or_die(make_memory_store(), options_); }
  void pay(std::int64_t first, std::int64_t end) {
    for (std::int64_t i = first; i < end; ++i) {
      worker_.stage(payment(i, i % 2 == 0 ? "erased" : "kept"));
      if (i % 3 == 0) worker_.commit();
    }
    worker_.commit();
  }

  /// A writer dies after it wrote what a label did, `next` being the payment to come, and before
  /// its commit record.
  void leave_label(const Payment& about, std::int64_t next) {
    const EventRow row = event_row(about.offset, about.event_time_ms);
    ASSERT_TRUE(live_->windows()->label(
        about.user_id, {row.transaction, row.time_ms, true, row.time_ms + 5, 1, 0}));
    live_->log(live_->take_window_changes(), WindowCause::kLabel, next);
    for (KeyValue& change : live_->take_changes()) log_.append(std::move(change));
    live_->rollback();
  }

  UserStoreOptions options_ = small_options();
  Changelog log_;
  std::unique_ptr<UserStore> live_ = open();
  Worker worker_{*live_, log_};
};

TEST_F(ErasureTest, AStoreFromNothingNeverKnewTheUser) {
  pay(0, 20);
  auto before = dump(*live_);
  ASSERT_EQ(before.size(), 2U);
  const std::size_t records = erase(log_, "erased");
  EXPECT_GT(records, 10U) << "entries and rows";
  for (const Changelog& log : {log_, log_.compacted(), without_tombstones(log_, log_.end)}) {
    auto restored = open();
    ASSERT_EQ(error_of(restore_from(*restored, log)), "");
    before.erase("erased");
    EXPECT_EQ(dump(*restored), before);
    EXPECT_TRUE(restored->get("erased")->empty());
    EXPECT_EQ(rows_of(*restored, "erased"), 0U);
    EXPECT_EQ(rows_of(*restored, "kept"), 10U);
  }
}

TEST_F(ErasureTest, AStoreThatHeldTheUserForgetsKeyByKey) {
  auto backing = make_memory_store();
  live_ = open_or_die(std::make_unique<SharedBacking>(*backing), options_);
  Worker worker(*live_, log_);
  for (std::int64_t i = 0; i < 40; ++i) worker.stage(payment(i, i % 2 == 0 ? "erased" : "kept"));
  worker.commit();
  ASSERT_TRUE(live_->checkpoint());
  live_.reset();
  ASSERT_GT(keys_naming(*backing, "erased"), 2U) << "the user and pages";
  erase(log_, "erased");
  auto restored = open_or_die(std::make_unique<SharedBacking>(*backing), options_);
  ASSERT_EQ(error_of(restore_from(*restored, log_)), "");
  EXPECT_EQ(dump(*restored).count("erased"), 0U);
  ASSERT_TRUE(restored->checkpoint());
  EXPECT_EQ(keys_naming(*backing, "erased"), 0U);
  EXPECT_GT(keys_naming(*backing, "kept"), 2U);
}

TEST_F(ErasureTest, AUserWhoComesBackIsNew) {
  pay(0, 20);
  erase(log_, "erased");
  auto next = open();
  ASSERT_EQ(error_of(restore_from(*next, log_)), "");
  Worker worker(*next, log_);
  worker.stage(payment(20, "erased"));
  worker.stage(payment(21, "kept"));
  worker.commit();
  EXPECT_EQ(next->get("erased")->history_size(), 1U);
  EXPECT_EQ(rows_of(*next, "erased"), 1U);
  auto restored = open();
  ASSERT_EQ(error_of(restore_from(*restored, log_)), "");
  EXPECT_EQ(dump(*restored), dump(*next));
  EXPECT_EQ(erase(log_, "erased"), 2U) << "an entry and its row, to be erased again";
}

TEST_F(ErasureTest, IdsThatBeginAlikeAreOthers) {
  std::int64_t offset = 0;
  for (const auto* user : {"u", "u2", "uu", "2u"}) worker_.stage(payment(offset++, user));
  worker_.commit();
  erase(log_, "u");
  auto restored = open();
  ASSERT_EQ(error_of(restore_from(*restored, log_)), "");
  const auto left = dump(*restored);
  EXPECT_EQ(left.size(), 3U);
  EXPECT_EQ(left.count("u"), 0U);
}

TEST_F(ErasureTest, AStoreThatWasAwayUntilTheMarkIsGoneMustBeRebuilt) {
  auto backing = make_memory_store();
  live_ = open_or_die(std::make_unique<SharedBacking>(*backing), options_);
  Worker worker(*live_, log_);
  worker.stage(payment(0, "erased"));
  worker.stage(payment(1, "kept"));
  worker.commit();
  ASSERT_TRUE(live_->checkpoint());
  live_.reset();
  erase(log_, "erased");
  const Changelog late = without_tombstones(log_, log_.end);
  auto restored = open_or_die(std::make_unique<SharedBacking>(*backing), options_);
  const Status status = restore_from(*restored, late);
  EXPECT_TRUE(is_fatal(status));
  EXPECT_THAT(error_of(status), HasSubstr("1 users were erased in this partition, this store knows "
                                          "of 0"));
  auto rebuilt = open();
  EXPECT_EQ(error_of(restore_from(*rebuilt, late)), "");
  EXPECT_EQ(dump(*rebuilt).size(), 1U);
}

TEST_F(ErasureTest, WhatACrashLeftOfTheUserDoesNotComeBack) {
  worker_.marker_behind_commit = false;  // at_least_once
  worker_.stage(payment(0, "erased"));
  worker_.commit();
  worker_.stage(payment(1, "erased"));
  worker_.send();  // a crash before the commit record
  erase(log_, "erased");
  auto next = open();
  ASSERT_EQ(error_of(restore_from(*next, log_)), "");
  EXPECT_TRUE(next->get("erased")->empty());
  Worker successor(*next, log_);
  successor.marker_behind_commit = false;
  successor.stage(payment(1, "erased"));
  successor.commit();
  auto restored = open();
  ASSERT_EQ(error_of(restore_from(*restored, log_)), "");
  EXPECT_EQ(dump(*restored), dump(*next));
  EXPECT_EQ(restored->get("erased")->history_size(), 1U);
}

// What a label did is written behind its payment, and counts even where no commit covers it.
TEST_F(ErasureTest, ALabelThatACrashLeftBringsNobodyBack) {
  worker_.stage(payment(1, "erased"));
  worker_.commit();
  leave_label(payment(1, "erased"), 2);
  erase(log_, "erased");
  auto restored = open();
  ASSERT_EQ(error_of(restore_from(*restored, log_)), "");
  EXPECT_TRUE(restored->get("erased")->empty());
  EXPECT_EQ(rows_of(*restored, "erased"), 0U);
}

// A label that waits holds the position of a restore back, in front of a mark that is applied
// already: what the user did since must not go with it once more.
TEST_F(ErasureTest, AMarkThatIsReadAgainErasesNothing) {
  worker_.stage(payment(1, "erased"));
  worker_.stage(payment(2, "kept"));
  worker_.commit();
  leave_label(payment(2, "kept"), 10);
  const std::int64_t mark = log_.end;
  erase(log_, "erased");
  auto live = open();
  ASSERT_EQ(error_of(restore_from(*live, log_)), "");
  Worker worker(*live, log_);
  for (std::int64_t i = 3; i < 6; ++i) {
    worker.stage(payment(i, "erased"));
    worker.commit();
  }
  options_.hot_bytes = 1;
  auto backing = make_memory_store();
  auto cut = open_or_die(std::make_unique<SharedBacking>(*backing), options_);
  for (const Changelog::Record& record : log_.records) {
    ASSERT_TRUE(cut->restore(record.key, record.value, record.offset));
  }
  cut.reset();
  worker.stage(payment(6, "kept"));
  worker.commit();
  auto again = open_or_die(std::make_unique<SharedBacking>(*backing), options_);
  ASSERT_LT(again->restore_from(), mark) << "held back by the label";
  ASSERT_EQ(error_of(restore_from(*again, log_)), "");
  EXPECT_EQ(dump(*again), dump(*live));
  EXPECT_EQ(again->get("erased")->history_size(), 3U);
}

// Stores of every age, erasures at any time, users who come back, the log whole, compacted to any
// point and without its tombstones: a store ends as the live one or says that it must be rebuilt,
// and a rebuilt one always ends as the live one.
TEST_F(ErasureTest, NoStoreEndsWithSomebodyWhoWasErased) {
  std::size_t as_live = 0;
  std::size_t to_be_rebuilt = 0;
  for (const std::uint64_t seed : {41U, 42U, 43U}) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    options_.hot_bytes = seed % 2 == 0 ? 1 : std::size_t{64} << 20;
    auto backing = make_memory_store();
    Changelog log;
    PaymentSource source(seed, 12);
    std::vector<std::unique_ptr<KeyValueStore>> crashes;
    std::map<std::string, std::string> expected;
    std::optional<CommitRecord> last;
    for (int life = 0; life < 8; ++life) {
      auto live = open_or_die(std::make_unique<SharedBacking>(*backing), options_);
      ASSERT_EQ(error_of(restore_from(*live, log)), "");
      Worker worker(*live, log);
      for (int commit = 0; commit < 12; ++commit) {
        for (int i = 1 + source.pick(8); i > 0; --i) worker.stage(source.next());
        worker.commit();
        if (source.pick(2) == 0) {
          EXPECT_TRUE(live->write_back(3000, static_cast<std::uint64_t>(source.pick(9))));
        }
        if (commit % 5 == 0) crashes.push_back(copy_of(*backing));
      }
      if (source.pick(2) == 0) {
        EXPECT_TRUE(live->checkpoint());
      }
      expected = dump(*live);
      last = live->last_commit();
      if (life == 7) break;
      for (int erased = source.pick(3); erased > 0; --erased) {
        auto victim = expected.begin();
        std::advance(victim, source.pick(static_cast<int>(expected.size())));
        EXPECT_GT(erase(log, victim->first), 0U);
      }
    }
    std::vector<Changelog> logs{log};
    for (int i = 1; i <= 4; ++i) {
      logs.push_back(log.compacted(log.end * i / 4));
      logs.push_back(without_tombstones(log, log.end * i / 4));
    }
    for (std::size_t l = 0; l < logs.size(); ++l) {
      SCOPED_TRACE("log " + std::to_string(l));
      auto from_nothing = open();
      ASSERT_EQ(error_of(restore_from(*from_nothing, logs[l])), "");
      ASSERT_EQ(dump(*from_nothing), expected);
      EXPECT_EQ(from_nothing->last_commit(), last);
      for (std::size_t i = 0; i < crashes.size(); ++i) {
        SCOPED_TRACE("crash " + std::to_string(i));
        auto restored = open_or_die(copy_of(*crashes[i]), options_);
        const Status status = restore_from(*restored, logs[l]);
        if (!status) {
          ASSERT_THAT(error_of(status), HasSubstr("rebuilt from the changelog"));
          ++to_be_rebuilt;
          continue;
        }
        ++as_live;
        ASSERT_EQ(dump(*restored), expected);
      }
    }
  }
  EXPECT_GT(as_live, 200U);
  EXPECT_GT(to_be_rebuilt, 20U);
}

}  // namespace
}  // namespace weir::state
