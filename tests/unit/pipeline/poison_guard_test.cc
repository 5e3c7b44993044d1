// PoisonGuard: the record that takes the process down is found, and no other is accused.
// Method: a "crash" drops the guard between begin() and end(), as the death of a process does; one
// test lets a real process die by SIGKILL.

#include "pipeline/poison_guard.h"

#include <csignal>
#include <set>
#include <vector>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/pipeline/temporary_directory.h"

namespace weir {
namespace {

RawRecord record(std::int32_t partition, std::int64_t offset) {
  RawRecord made;
  made.partition = partition;
  made.offset = offset;
  return made;
}

std::vector<RawRecord> records(std::int32_t partition, std::int64_t first, std::int64_t last) {
  std::vector<RawRecord> made;
  for (auto offset = first; offset <= last; ++offset) made.push_back(record(partition, offset));
  return made;
}

class PoisonGuardTest : public testing::Test {
 protected:
  std::unique_ptr<PoisonGuard> open() {
    auto guard = PoisonGuard::open(file_);
    EXPECT_TRUE(guard) << (guard ? "" : guard.error().message);
    return guard ? *std::move(guard) : nullptr;
  }
  /// A process that dies while it works on `batch`.
  void crash_in(std::span<const RawRecord> batch) { open()->begin(batch); }

  TemporaryDirectory directory_;
  const std::string file_ = directory_.file("in-process");
};

TEST_F(PoisonGuardTest, NothingIsSuspectWhenBatchesEnd) {
  const auto batch = records(0, 0, 9);
  {
    const auto guard = open();
    guard->begin(batch);
    guard->end();
  }
  const auto guard = open();
  EXPECT_EQ(guard->batch_limit(batch), batch.size());
  EXPECT_FALSE(guard->is_poison(batch.front()));
}

TEST_F(PoisonGuardTest, AKillInABatchOnlyCostsItsBatching) {
  const auto batch = records(0, 0, 9);
  crash_in(batch);
  const auto guard = open();
  std::span<const RawRecord> rest(batch);
  while (!rest.empty()) {
    EXPECT_EQ(guard->batch_limit(rest), 1U) << "at offset " << rest.front().offset;
    EXPECT_FALSE(guard->is_poison(rest.front()));
    guard->begin(rest.first(1));
    guard->end();
    rest = rest.subspan(1);
  }
  EXPECT_EQ(guard->batch_limit(records(0, 10, 29)), 20U);
  EXPECT_EQ(guard->batch_limit(batch), batch.size()) << "they turned out well";
}

TEST_F(PoisonGuardTest, ABatchEndsBeforeASuspect) {
  crash_in(records(0, 5, 6));
  const auto guard = open();
  EXPECT_EQ(guard->batch_limit(records(0, 0, 9)), 5U);
  EXPECT_EQ(guard->batch_limit(records(0, 5, 9)), 1U);
  EXPECT_EQ(guard->batch_limit(records(0, 7, 9)), 3U);
  EXPECT_EQ(guard->batch_limit(records(1, 0, 9)), 10U) << "another partition";
  EXPECT_EQ(guard->batch_limit({}), 0U);
}

TEST_F(PoisonGuardTest, ARecordAloneInTwoCrashesIsPoison) {
  const auto alone = records(0, 5, 5);
  crash_in(alone);
  EXPECT_FALSE(open()->is_poison(alone[0])) << "after one crash";
  crash_in(alone);
  crash_in(alone);
  EXPECT_TRUE(open()->is_poison(alone[0]));
}

TEST_F(PoisonGuardTest, ARecordThatSharedItsBatchIsNotYetAccused) {
  // The last of a range, and one of a batch with a single record of each of two partitions.
  const std::vector<RawRecord> one_each{record(0, 5), record(1, 7)};
  crash_in(one_each);
  {
    const auto guard = open();
    EXPECT_EQ(guard->batch_limit(one_each), 1U);
    guard->begin(std::span(one_each).first(1));  // dies again, now alone
  }
  const auto guard = open();
  EXPECT_FALSE(guard->is_poison(one_each[0])) << "alone in one crash only";
  EXPECT_FALSE(guard->is_poison(one_each[1]));
}

TEST_F(PoisonGuardTest, APoisonRecordStaysOneWhenAnAbortBringsItBack) {
  const auto alone = records(0, 5, 5);
  crash_in(alone);
  crash_in(alone);
  const auto guard = open();
  for (int run = 0; run < 2; ++run) {
    EXPECT_TRUE(guard->is_poison(alone[0])) << "run " << run;
    guard->begin(alone);
    guard->end();
  }
}

/// A program that reads `input` from `committed` on and dies at `bad` unless told that it is
/// poison.
struct Outcome {
  int crashes = 0;
  std::set<std::int64_t> poison;
};
Outcome run_until_done(const std::string& file, std::span<const RawRecord> input, std::int64_t bad,
                       bool commits_each_batch) {
  Outcome outcome;
  std::size_t committed = 0;
  while (outcome.crashes < 10) {
    auto guard = PoisonGuard::open(file);
    if (!guard) break;
    bool died = false;
    for (std::size_t done = committed; done < input.size() && !died;) {
      auto batch = input.subspan(done);
      batch = batch.first((*guard)->batch_limit(batch));
      (*guard)->begin(batch);
      for (const auto& next : batch) {
        if ((*guard)->is_poison(next)) {
          outcome.poison.insert(next.offset);
        } else if (next.offset == bad) {
          died = true;
        }
      }
      if (died) break;
      (*guard)->end();
      done += batch.size();
      if (commits_each_batch) committed = done;
    }
    if (!died) return outcome;
    ++outcome.crashes;
  }
  return outcome;
}

TEST_F(PoisonGuardTest, NeighboursSurviveWhereverTheBadRecordIs) {
  const auto input = records(0, 0, 9);
  for (const bool commits_each_batch : {false, true}) {
    for (const std::int64_t bad : {0, 5, 9}) {
      const auto name = directory_.file(std::to_string(bad) + (commits_each_batch ? "c" : "n"));
      const auto outcome = run_until_done(name, input, bad, commits_each_batch);
      EXPECT_EQ(outcome.poison, std::set<std::int64_t>{bad});
      EXPECT_EQ(outcome.crashes, 3)
          << "once in the batch, twice alone; bad " << bad << ", committed " << commits_each_batch;
    }
  }
}

TEST_F(PoisonGuardTest, TheNoteOutlivesAProcessThatIsKilled) {
  const auto batch = records(3, 100, 104);
  const pid_t child = ::fork();
  if (child == 0) {
    auto guard = PoisonGuard::open(file_);
    if (guard) (*guard)->begin(batch);
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(open()->batch_limit(batch), 1U);
}

TEST_F(PoisonGuardTest, AForeignOrShortFileAccusesNobody) {
  for (const std::string_view bytes :
       {"short", "not a guard file, but one that is long enough to look"}) {
    std::string content(bytes);
    if (content.size() > 10) content.resize(8'192, '\xff');
    directory_.write("in-process", content);
    const auto batch = records(-1, -1, 0);
    EXPECT_EQ(open()->batch_limit(batch), batch.size());
  }
}

TEST_F(PoisonGuardTest, MorePartitionsThanTheNoteHoldsAreNoHarm) {
  std::vector<RawRecord> batch;
  for (std::int32_t partition = 0; partition < 300; ++partition) {
    batch.push_back(record(partition, 7));
  }
  crash_in(batch);
  const auto guard = open();
  EXPECT_EQ(guard->batch_limit(records(0, 7, 8)), 1U);
  EXPECT_EQ(guard->batch_limit(records(299, 7, 8)), 2U) << "not noted";
}

TEST_F(PoisonGuardTest, APlaceThatCannotBeWrittenIsNamed) {
  const auto guard = PoisonGuard::open(directory_.file("missing/in-process"));
  ASSERT_FALSE(guard);
  EXPECT_NE(guard.error().message.find("state.dir"), std::string::npos) << guard.error().message;
}

}  // namespace
}  // namespace weir
