// What a worker's metrics say, against what really happened in the simulated world.

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "pipeline/telemetry/log.h"
#include "tests/simulation/simulation.h"

namespace weir::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Aborted transactions, rebalances and clean stops; no process dies between a commit and its
/// count.
std::string run_aborts(std::uint64_t seed) {
  Random random(seed);
  SimulationOptions options;
  options.machines = 2;
  options.worker = small_worker();
  options.worker.aborts_in_a_row_max = 1'000;
  options.worker.batch_records_max = 1 + random.below(40);
  options.worker.pacing.records_max = 1 + random.below(60);
  const auto input = make_input(random, 60 + random.below(100));
  Simulation simulation(options, random.below(1'000'000));
  simulation.world().faults.plan = [&](std::string_view call) {
    const bool may_abort = call == "send" || call == "flush" || call == "commit";
    return may_abort && random.one_in(40) ? Fault::kFail : Fault::kNone;
  };
  for (const auto& record : input) {
    simulation.publish(record);
    if (random.one_in(40)) simulation.rebalance();
    const std::size_t machine = random.below(2);
    if (!simulation.alive(machine)) simulation.start(machine);
    simulation.step(machine);
    simulation.world().clock.advance(milliseconds(random.below(60)));
  }
  simulation.world().faults.plan = nullptr;
  if (!simulation.settle()) return "does not settle";
  const auto wrong = simulation.compare_counters();
  return wrong.empty() ? "" : fmt::format("seed {}\n{}{}", seed, wrong, simulation.story());
}

TEST(WorkerFigures, CountersSayWhatAReaderOfCommittedRecordsSees) {
  configure_log(LogLevel::kError, LogFormat::kText);
  for (std::uint64_t seed = 1; seed <= 100; ++seed) ASSERT_EQ(run_aborts(seed), "");
}

class WorkerFiguresTest : public testing::Test {
 protected:
  WorkerFiguresTest() {
    configure_log(LogLevel::kError, LogFormat::kText);
    options_.worker = small_worker();
    options_.machines = 2;
  }
  void publish(Simulation& simulation, std::size_t records) const {
    Random random(3);
    for (const auto& record : make_input(random, records)) simulation.publish(record);
  }
  static double lookups(const telemetry::WorkerMetrics& metrics) {
    return metrics.hot_hits.get() + metrics.hot_misses.get();
  }

  SimulationOptions options_;
};

TEST_F(WorkerFiguresTest, LookupsDoNotFallWhenPartitionsGo) {
  Simulation simulation(options_, 1);
  publish(simulation, 60);
  ASSERT_TRUE(simulation.settle());
  simulation.world().clock.advance(seconds(1));  // gauges are read every half second
  simulation.step(0);
  const double before = lookups(simulation.metrics(0));
  ASSERT_GT(before, 30);
  for (int i = 0; i < 5; ++i) {
    simulation.rebalance();  // all partitions leave, some come back
    ASSERT_TRUE(simulation.settle());
    simulation.world().clock.advance(seconds(1));
    simulation.step(0);
    EXPECT_GE(lookups(simulation.metrics(0)), before);
  }
}

TEST_F(WorkerFiguresTest, LookupsAreCountedUpToTheMomentAPartitionGoes) {
  Simulation simulation(options_, 1);
  publish(simulation, 20);
  ASSERT_TRUE(simulation.settle());  // well within half a second
  simulation.rebalance();
  EXPECT_GT(lookups(simulation.metrics(0)), 5);
}

TEST_F(WorkerFiguresTest, PaymentsThatWaitForARestoreAreBehindSinceTheAssignment) {
  options_.machines = 1;
  Simulation simulation(options_, 1);
  publish(simulation, 30);
  ASSERT_TRUE(simulation.settle());
  simulation.kill(0);
  publish(simulation, 30);
  simulation.disk(0).remove(0);
  simulation.world().faults.plan = [](std::string_view call) {
    return call == "read" || call == "bounds" ? Fault::kFail : Fault::kNone;
  };
  simulation.start(0);
  simulation.step(0);
  for (int i = 0; i < 60; ++i) {
    simulation.world().clock.advance(seconds(1));
    simulation.step(0);
  }
  ASSERT_TRUE(simulation.alive(0));
  EXPECT_EQ(simulation.metrics(0).restored_partitions.get(), 0);
  EXPECT_GT(simulation.metrics(0).lag_records.get(), 20);
  EXPECT_GE(simulation.metrics(0).lag_seconds.get(), 59);
  simulation.world().faults.plan = nullptr;
  ASSERT_TRUE(simulation.settle());
  simulation.world().clock.advance(seconds(1));
  simulation.step(0);
  EXPECT_EQ(simulation.metrics(0).lag_records.get(), 0);
  EXPECT_EQ(simulation.metrics(0).lag_seconds.get(), 0);
}

}  // namespace
}  // namespace weir::simulation
