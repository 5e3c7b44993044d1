// A user's state: what is kept and for how long, and that it does not matter in which order it
// comes back. Method: add_entry() as the event path does it; a naive model (all entries ever,
// sorted and cut) as the oracle.

#include "state/user_state.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/state/state_fixture.h"

namespace weir::state {
namespace {

const RetentionPolicy kPolicy{4, 6, 3'600'000};

std::string add(const std::string& state, std::int64_t event_time_ms, const std::string& id,
                const RetentionPolicy& policy = kPolicy) {
  return add_entry(state, entry_for(UserView(state), event_time_ms, id), policy).encoded;
}

TEST(UserState, AUserNeverSeenHasNothing) {
  const UserView user;
  EXPECT_TRUE(user.empty());
  EXPECT_EQ(user.history_size(), 0U);
  EXPECT_EQ(user.newest_event_time_ms(), std::nullopt);
  EXPECT_EQ(user.next_sequence(), 0U);
  EXPECT_FALSE(user.find_verdict("tx").has_value());
  EXPECT_TRUE(user.entries().empty());
}

TEST(UserState, KeepsExactlyTheNewestRows) {
  std::string state;
  for (int i = 0; i < 4; ++i) state = add(state, kStart + i, "tx-" + std::to_string(i));
  EXPECT_EQ(UserView(state).history_size(), 4U);
  EXPECT_EQ(UserView(state).history_row(0).event_time_ms, kStart);
  state = add(state, kStart + 4, "tx-4");
  EXPECT_EQ(UserView(state).history_size(), 4U);
  EXPECT_EQ(UserView(state).history_row(0).event_time_ms, kStart + 1);
  EXPECT_EQ(UserView(state).history_row(3).event_time_ms, kStart + 4);
}

TEST(UserState, PutsAnOutOfOrderPaymentAtItsPlaceAndTiesBehindEarlierArrivals) {
  std::string state = add({}, kStart + 100, "a");
  state = add(state, kStart + 300, "b");
  state = add(state, kStart + 200, "c");
  state = add(state, kStart + 100, "d");
  const UserView user(state);
  std::vector<std::uint32_t> sequences;
  for (std::size_t i = 0; i < user.history_size(); ++i) {
    sequences.push_back(user.history_row(i).sequence);
  }
  EXPECT_EQ(sequences, (std::vector<std::uint32_t>{0, 3, 2, 1}));
  EXPECT_EQ(user.newest_event_time_ms(), kStart + 300);
}

TEST(UserState, ALatePaymentIsRememberedButIsNoHistory) {
  std::string state = add({}, kStart, "in-time");
  state = add(state, kStart - kLatenessMs, "just-in-time");
  EXPECT_EQ(UserView(state).history_size(), 2U);
  state = add(state, kStart - kLatenessMs - 1, "late");
  const UserView user(state);
  EXPECT_EQ(user.history_size(), 2U);
  EXPECT_EQ(user.newest_event_time_ms(), kStart);
  EXPECT_TRUE(user.find_verdict("late").has_value());
  EXPECT_EQ(user.next_sequence(), 3U);
}

TEST(UserState, RemembersAVerdictUpToTheHorizonAndNotAtIt) {
  const std::string state = add({}, kStart, "first");
  const std::string inside = add(state, kStart + kPolicy.verdict_horizon_ms - 1, "second");
  EXPECT_TRUE(UserView(inside).find_verdict("first").has_value());
  const std::string at = add(state, kStart + kPolicy.verdict_horizon_ms, "second");
  EXPECT_FALSE(UserView(at).find_verdict("first").has_value());
  EXPECT_EQ(UserView(at).history_size(), 2U) << "the row outlives the verdict";
}

TEST(UserState, RemembersTheNewestVerdictsAndForgetsTheOldest) {
  std::string state;
  for (int i = 0; i < 6; ++i) state = add(state, kStart + i, "tx-" + std::to_string(i));
  EXPECT_TRUE(UserView(state).find_verdict("tx-0").has_value())
      << "the row is gone, the verdict not";
  EXPECT_EQ(UserView(state).history_size(), 4U);
  state = add(state, kStart + 6, "tx-6");
  EXPECT_FALSE(UserView(state).find_verdict("tx-0").has_value());
  EXPECT_TRUE(UserView(state).find_verdict("tx-1").has_value());
}

TEST(UserState, GivesTheFirstVerdictBackWithEveryField) {
  const std::string state = add({}, kStart, "tx");
  const auto found = UserView(state).find_verdict("tx");
  ASSERT_TRUE(found.has_value());
  const RememberedVerdict expected = verdict_of("tx");
  EXPECT_EQ(found->transaction_id, "tx");
  EXPECT_EQ(found->merchant_id, expected.merchant_id);
  EXPECT_EQ(found->origin.partition, 3);
  EXPECT_EQ(found->origin.offset, 4711);
  EXPECT_EQ(found->lineage, 42U);
  EXPECT_EQ(found->decision.action, Action::kDecline);
  EXPECT_EQ(found->decision.p, 0.625);
  EXPECT_EQ(found->decision.costs.review, 3.0);
  EXPECT_EQ(found->decision.reason_count, 2);
  EXPECT_EQ(found->decision.reasons[1].typical_high, 18.0);
  EXPECT_TRUE(found->decision.out_of_order);
  EXPECT_FALSE(found->decision.late);
  EXPECT_FALSE(UserView(state).find_verdict("t").has_value());
  EXPECT_FALSE(UserView(state).find_verdict("").has_value());
}

TEST(UserState, AbsentProbabilityStaysAbsent) {
  Entry entry = entry_for({}, kStart, "tx");
  entry.verdict->decision.p.reset();
  const std::string state = add_entry({}, entry, kPolicy).encoded;
  EXPECT_EQ(UserView(state).find_verdict("tx")->decision.p, std::nullopt);
}

TEST(UserState, UsesTheLowestFreeSlotAgain) {
  const RetentionPolicy two{2, 2, 3'600'000};
  std::string state;
  std::vector<int> slots;
  for (int i = 0; i < 6; ++i) {
    Applied applied =
        add_entry(state, entry_for(UserView(state), kStart + i, "tx-" + std::to_string(i)), two);
    slots.push_back(applied.slot);
    state = std::move(applied.encoded);
  }
  EXPECT_EQ(slots, (std::vector<int>{0, 1, 2, 0, 1, 2}));
}

TEST(UserState, NextSequenceDoesNotFallBackWhenTheLastEntryLeftNothing) {
  std::string state;
  for (int i = 0; i < 4; ++i) state = add(state, kStart + 1000 + i, "tx-" + std::to_string(i));
  Entry entry = entry_for(UserView(state), kStart, "older than every row", false);
  ASSERT_TRUE(entry.in_history);
  state = add_entry(state, entry, kPolicy).encoded;
  EXPECT_EQ(UserView(state).next_sequence(), 5U);
  EXPECT_EQ(UserView(state).entries().size(), 4U);
}

TEST(UserState, ASmallerPolicyTrimsAndALargerOneTakesEffectFromThenOn) {
  std::string state;
  for (int i = 0; i < 4; ++i) state = add(state, kStart + i, "tx-" + std::to_string(i));
  const RetentionPolicy smaller{2, 3, 3'600'000};
  const std::string trimmed = normalise(state, smaller);
  EXPECT_EQ(UserView(trimmed).history_size(), 2U);
  EXPECT_EQ(UserView(trimmed).history_row(0).event_time_ms, kStart + 2);
  EXPECT_EQ(UserView(trimmed).entries().size(), 3U);
  EXPECT_EQ(add(state, kStart + 4, "tx-4", smaller), add(trimmed, kStart + 4, "tx-4", smaller));
}

TEST(UserState, HoldsTheLargestPolicyWithoutRunningOutOfSlots) {
  const RetentionPolicy largest{128, 120, 1'000'000'000};
  std::string state;
  for (int i = 0; i < 200; ++i) {
    // Late ones are remembered without being history: the two sets of slots drift apart as far as
    // they can.
    state = add(state, kStart + i, "in-" + std::to_string(i), largest);
  }
  for (int i = 0; i < 300; ++i)
    state = add(state, kStart - 10 * kLatenessMs, "late-" + std::to_string(i), largest);
  EXPECT_EQ(UserView(state).history_size(), 128U);
  EXPECT_EQ(UserView(state).entries().size(), 248U);
  EXPECT_EQ(error_of(validate_user_state(state)), "");
}

TEST(UserState, OfTwoEntriesForOneSlotTheLaterPaymentStaysWhicheverComesFirst) {
  Entry earlier = entry_for({}, kStart, "earlier");
  Entry later =
      entry_for({}, kStart - 1, "later");  // out of order: the sequence decides, not the time
  later.row.sequence = 9;
  later.seen_ms = earlier.seen_ms;  // as the contract has it: seen times grow with the sequence
  earlier.slot = later.slot = 3;
  const std::string once = put_entry({}, later);
  EXPECT_EQ(put_entry(put_entry({}, earlier), later), once);
  EXPECT_EQ(put_entry(once, later), once);
  const std::string other_way = put_entry(once, earlier);
  EXPECT_EQ(other_way, once);
  EXPECT_FALSE(UserView(other_way).find_verdict("earlier").has_value());
}

// -- properties over random streams

struct Written {
  std::string state;                   // live
  std::map<std::uint8_t, Entry> last;  // last entry written to every slot: what compaction keeps
  std::vector<Entry> all;              // in the order of the changelog
};

Written run_stream(std::uint64_t seed, int payments) {
  PaymentSource source(seed, 1);
  Written written;
  for (int i = 0; i < payments; ++i) {
    const Payment payment = source.next();
    Entry entry = entry_for(UserView(written.state), payment.event_time_ms, payment.transaction_id,
                            payment.with_verdict);
    Applied applied = add_entry(written.state, entry, kPolicy);
    entry.slot = applied.slot;
    written.state = std::move(applied.encoded);
    written.last[entry.slot] = entry;
    written.all.push_back(std::move(entry));
  }
  return written;
}

class UserStateProperty : public testing::TestWithParam<std::uint64_t> {
 protected:
  void SetUp() override { SCOPED_TRACE(GetParam()); }
};

TEST_P(UserStateProperty, EqualsAllEntriesEverSortedAndCut) {
  const Written written = run_stream(GetParam(), 300);
  std::vector<const Entry*> rows;
  std::vector<const Entry*> verdicts;
  std::int64_t newest_seen = 0;
  for (const Entry& entry : written.all) {
    if (entry.in_history) rows.push_back(&entry);
    if (entry.verdict) verdicts.push_back(&entry);
    newest_seen = std::max(newest_seen, entry.seen_ms);
  }
  std::sort(rows.begin(), rows.end(), [](const Entry* a, const Entry* b) {
    return std::pair(a->row.event_time_ms, a->row.sequence) <
           std::pair(b->row.event_time_ms, b->row.sequence);
  });
  if (rows.size() > kPolicy.history_rows) {
    rows.erase(rows.begin(), rows.end() - static_cast<std::ptrdiff_t>(kPolicy.history_rows));
  }
  if (verdicts.size() > kPolicy.verdicts_max) {  // arrival order is (seen, sequence) order
    verdicts.erase(verdicts.begin(),
                   verdicts.end() - static_cast<std::ptrdiff_t>(kPolicy.verdicts_max));
  }
  std::erase_if(verdicts, [&](const Entry* entry) {
    return newest_seen - entry->seen_ms >= kPolicy.verdict_horizon_ms;
  });

  const UserView user(written.state);
  ASSERT_EQ(user.history_size(), rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(user.history_row(i), rows[i]->row);
  std::set<std::string> expected;
  for (const Entry* entry : verdicts) expected.insert(entry->verdict->transaction_id);
  std::set<std::string> remembered;
  for (const Entry& entry : user.entries()) {
    if (entry.verdict) remembered.insert(entry.verdict->transaction_id);
  }
  EXPECT_EQ(remembered, expected);
  for (const std::string& id : expected) EXPECT_TRUE(user.find_verdict(id).has_value()) << id;
}

TEST_P(UserStateProperty, WhatCompactionKeepsGivesTheLiveBytesInAnyOrder) {
  const Written written = run_stream(GetParam(), 300);
  std::vector<Entry> kept;
  for (const auto& [slot, entry] : written.last) kept.push_back(entry);
  std::mt19937_64 random(GetParam());
  for (int round = 0; round < 5; ++round) {
    std::shuffle(kept.begin(), kept.end(), random);
    std::string state;
    for (const Entry& entry : kept) state = put_entry(state, entry);
    EXPECT_EQ(normalise(state, kPolicy), written.state);
  }
}

TEST_P(UserStateProperty, ReplayingATailOntoAStateAheadOfItConverges) {
  const Written written = run_stream(GetParam(), 120);
  std::string ahead;  // the state after `i` entries, then the tail from every earlier place over it
  std::mt19937_64 random(GetParam());
  for (std::size_t i = 0; i <= written.all.size(); ++i) {
    const std::size_t from = std::uniform_int_distribution<std::size_t>(0, i)(random);
    std::string replayed = ahead;
    for (std::size_t k = from; k < written.all.size(); ++k) {
      replayed = put_entry(replayed, written.all[k]);
      if (k % 3 == 0) replayed = normalise(replayed, kPolicy);
    }
    ASSERT_EQ(normalise(replayed, kPolicy), written.state) << "ahead by " << i << ", from " << from;
    if (i < written.all.size()) ahead = normalise(put_entry(ahead, written.all[i]), kPolicy);
  }
}

TEST_P(UserStateProperty, EveryStateOnTheWayIsValid) {
  PaymentSource source(GetParam(), 1);
  std::string state;
  for (int i = 0; i < 200; ++i) {
    const Payment payment = source.next();
    state =
        add_entry(state, entry_for(UserView(state), payment.event_time_ms, payment.transaction_id),
                  kPolicy)
            .encoded;
    ASSERT_EQ(error_of(validate_user_state(state)), "");
  }
}

TEST_P(UserStateProperty, DamagedBytesAreRefusedOrHarmless) {
  const std::string state = run_stream(GetParam(), 60).state;
  std::mt19937_64 random(GetParam());
  const auto look = [](const std::string& bytes) {
    if (!validate_user_state(bytes)) return;
    const UserView user(bytes);  // valid: everything can be read
    for (std::size_t i = 0; i < user.history_size(); ++i) (void)user.history_row(i);
    (void)user.find_verdict("tx-1");
    (void)user.entries();
    (void)add(bytes, kStart, "next");
  };
  for (std::size_t size = 0; size < state.size(); ++size) {
    EXPECT_FALSE(validate_user_state(state.substr(0, size))) << "cut to " << size;
  }
  for (int i = 0; i < 5'000; ++i) {
    std::string bytes = state;
    for (int flips = 0; flips <= i % 3; ++flips) {
      bytes[random() % bytes.size()] ^= static_cast<char>(1U << (random() % 8));
    }
    look(bytes);
  }
  look(state + '\0');
  EXPECT_FALSE(validate_user_state(state + '\0'));
}

INSTANTIATE_TEST_SUITE_P(Seeds, UserStateProperty, testing::Range<std::uint64_t>(1, 13));

}  // namespace
}  // namespace weir::state
