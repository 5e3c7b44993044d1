// The worker under every crash, failure and rebalance that its ports can show, against an
// undisturbed run.
//
// A failing run prints its seed; WEIR_SEED=<seed> runs that one alone, WEIR_SEEDS=<n> runs n random
// seeds from a random start instead of the fixed ones.

#include <cstdlib>
#include <random>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "pipeline/telemetry/log.h"
#include "tests/simulation/simulation.h"

namespace weir::simulation {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t kFixedSeeds = 400;
constexpr std::uint64_t kSeedsUntilABugShows = 60;

std::optional<std::uint64_t> number_from_environment(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr) return std::nullopt;
  return std::strtoull(text, nullptr, 10);
}

class WorkerSimulation : public testing::TestWithParam<bool> {
 protected:
  static void SetUpTestSuite() { configure_log(LogLevel::kError, LogFormat::kText); }
};

// ------------------------------------------------------------------------------- every single
// fault

/// A short stream that fits into two or three transactions.
struct ShortRun {
  explicit ShortRun(bool exactly_once) {
    options.exactly_once = exactly_once;
    options.partitions = 2;
    options.worker = small_worker();
    options.worker.batch_records_max = 5;
    options.worker.pacing.records_max = 7;
    Random random(7);
    input = make_input(random, 14);
    reference = undisturbed(options, input);
  }
  /// Runs with a plan of faults; `calls` gets how many calls were made in all.
  std::string run(const std::function<Fault(std::size_t call, std::string_view name)>& plan,
                  std::size_t* calls = nullptr) const {
    Simulation simulation(options, 1);
    auto& faults = simulation.world().faults;
    for (const auto& record : input) simulation.publish(record);
    faults.plan = [&](std::string_view name) { return plan(faults.passed() - 1, name); };
    simulation.settle();
    if (calls != nullptr) *calls = faults.passed();
    faults.plan = nullptr;
    const auto complaints = simulation.complaints(reference);
    return complaints.empty() ? "" : complaints + simulation.story();
  }

  SimulationOptions options;
  std::vector<InputRecord> input;
  Result reference;
};

TEST_P(WorkerSimulation, SurvivesEveryFaultAtEveryCall) {
  const ShortRun run(GetParam());
  std::size_t calls = 0;
  ASSERT_EQ(run.run([](std::size_t, std::string_view) { return Fault::kNone; }, &calls), "");
  ASSERT_GT(calls, 50U);
  for (const Fault fault : {Fault::kCrash, Fault::kFail, Fault::kUnknown}) {
    for (std::size_t at = 0; at < calls; ++at) {
      std::string name;
      const auto complaints = run.run([&](std::size_t call, std::string_view call_name) {
        if (call == at) name = call_name;
        return call == at ? fault : Fault::kNone;
      });
      ASSERT_EQ(complaints, "") << "fault " << static_cast<int>(fault) << " at call " << at << ", "
                                << name;
    }
  }
}

TEST_P(WorkerSimulation, SurvivesASecondCrashAnywhereInTheRecoveryFromTheFirst) {
  const ShortRun run(GetParam());
  std::size_t calls = 0;
  ASSERT_EQ(run.run([](std::size_t, std::string_view) { return Fault::kNone; }, &calls), "");
  constexpr std::size_t kRecoveryCalls = 24;  // restore and the first transaction after it
  for (std::size_t first = 0; first < calls; ++first) {
    for (std::size_t second = first + 1; second <= first + kRecoveryCalls; ++second) {
      const auto complaints = run.run([&](std::size_t call, std::string_view) {
        return call == first || call == second ? Fault::kCrash : Fault::kNone;
      });
      ASSERT_EQ(complaints, "") << "crashes at calls " << first << " and " << second;
    }
  }
}

// ------------------------------------------------------------------------------------- random
// plans

/// One run from its seed: input, tuning, faults and their times. Empty when all is right.
std::string run_seed(std::uint64_t seed, bool exactly_once, PlantedBug bug = PlantedBug::kNone) {
  Random random(seed);
  SimulationOptions options;
  options.exactly_once = exactly_once;
  options.machines = 2;
  options.bug = bug;
  options.worker = small_worker();
  const auto input = make_input(random, 30 + random.below(120));
  const auto reference = undisturbed(options, input);

  options.worker.batch_records_max = 1 + random.below(40);
  options.worker.pacing.interval = milliseconds(1 + random.below(40));
  options.worker.pacing.settle = milliseconds(random.below(3));
  options.worker.pacing.records_max = 1 + random.below(60);
  options.worker.write_back_interval = milliseconds(random.one_in(2) ? 0 : random.below(200));
  options.worker.hot_bytes = random.one_in(2) ? std::size_t{1} << 20U : random.below(8'000);
  Simulation simulation(options, random.below(1'000'000));
  auto& faults = simulation.world().faults;
  const std::size_t calls_between_faults = 20 + random.below(300);
  faults.plan = [&](std::string_view) {
    if (!random.one_in(calls_between_faults)) return Fault::kNone;
    return random.pick(std::vector{Fault::kCrash, Fault::kFail, Fault::kUnknown});
  };

  std::size_t published = 0;
  for (int turn = 0; turn < 500; ++turn) {
    const std::size_t machine = random.below(2);
    const auto partition = static_cast<std::int32_t>(random.below(3));
    switch (random.below(60)) {
      case 0:
        simulation.rebalance();
        break;
      case 1:
        // Without transactions nobody stops a deaf member's changelog records, so none is simulated
        // there.
        if (exactly_once && simulation.alive(machine)) simulation.rebalance(machine);
        break;
      case 2:
        simulation.wake();
        break;
      case 3:
        if (simulation.alive(machine)) simulation.kill(machine);
        break;
      case 4:
        if (!simulation.alive(machine)) simulation.disk(machine).remove(partition);
        break;
      case 5:
        if (!simulation.alive(machine)) simulation.disk(machine).roll_back(partition, random);
        break;
      case 6:
        if (random.one_in(3)) simulation.disk(machine).damage(partition);
        break;
      case 7:
        compact(simulation.world(), partition, random);
        break;
      default:
        for (auto n = random.below(6); n > 0 && published < input.size(); --n)
          simulation.publish(input[published++]);
        if (!simulation.alive(machine) && random.one_in(3)) simulation.start(machine);
        if (simulation.alive(machine)) simulation.step(machine);
        simulation.world().clock.advance(
            milliseconds(random.below(random.one_in(20) ? 2'000 : 15)));
    }
  }
  while (published < input.size()) simulation.publish(input[published++]);
  faults.plan = nullptr;
  const auto complaints = simulation.complaints(reference);
  return complaints.empty() ? ""
                            : fmt::format("seed {}\n{}{}", seed, complaints, simulation.story());
}

TEST_P(WorkerSimulation, SurvivesRandomFaults) {
  if (const auto seed = number_from_environment("WEIR_SEED")) {
    EXPECT_EQ(run_seed(*seed, GetParam()), "");
    return;
  }
  const auto wanted = number_from_environment("WEIR_SEEDS");
  const std::uint64_t first = wanted ? std::random_device()() : 1;
  const std::uint64_t count = wanted.value_or(kFixedSeeds);
  fmt::print("seeds {} to {}\n", first, first + count - 1);
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    ASSERT_EQ(run_seed(seed, GetParam()), "") << "WEIR_SEED=" << seed << " runs it again";
  }
}

INSTANTIATE_TEST_SUITE_P(Delivery, WorkerSimulation, testing::Bool(), [](const auto& delivery) {
  return delivery.param ? "ExactlyOnce" : "AtLeastOnce";
});

// ------------------------------------------------------------------------------------ planted bugs

/// The first seed whose run goes wrong; nullopt when the bug stays hidden.
std::optional<std::uint64_t> first_seed_that_sees(PlantedBug bug) {
  configure_log(LogLevel::kError, LogFormat::kText);
  for (std::uint64_t seed = 1; seed <= kSeedsUntilABugShows; ++seed) {
    if (!run_seed(seed, true, bug).empty()) return seed;
  }
  return std::nullopt;
}

TEST(PlantedBugs, StateAppliedBeforeTheCommitIsSeen) {
  EXPECT_TRUE(first_seed_that_sees(PlantedBug::kAppliesBeforeCommit));
}
TEST(PlantedBugs, AnInputNotRewoundAfterAnAbortIsSeen) {
  EXPECT_TRUE(first_seed_that_sees(PlantedBug::kNoRewind));
}
TEST(PlantedBugs, ARestoreThatStopsEarlyIsSeen) {
  EXPECT_TRUE(first_seed_that_sees(PlantedBug::kChangelogEndsEarly));
}
TEST(PlantedBugs, AMemberThatCommitsWhatItLostIsSeen) {
  EXPECT_TRUE(first_seed_that_sees(PlantedBug::kNoGenerationCheck));
}

}  // namespace
}  // namespace weir::simulation
