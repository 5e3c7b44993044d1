// The window engine against the oracle on a million random events, bit by bit. `make bench` runs
// ten million: WEIR_WINDOWS_EVENTS. Method: windows_world.h. A failing run prints its seed;
// WEIR_TEST_SEED repeats it.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>

#include <gtest/gtest.h>

#include "tests/unit/windows/windows_world.h"

namespace weir::state {
namespace {

std::size_t wanted_events() {
  const char* given = std::getenv("WEIR_WINDOWS_EVENTS");
  return given == nullptr ? 1'000'000 : std::strtoull(given, nullptr, 10);
}

/// One world of each sort; `share` of the events of a round.
World world_of(std::mt19937_64& random, std::size_t sort) {
  World world;
  world.kind = random() % 2 == 0 ? EntityKind::kUser : EntityKind::kMerchant;
  world.features = random_features(random, 20);
  switch (sort) {
    case 0:
      world.name = "all functions";
      world.features = all_functions();
      world.events = 20'000;
      world.entities = 200;
      world.mean_step_ms = 20'000;
      world.restore = 0.001;
      break;
    case 1:
      world.name = "hot key";
      world.events = 120'000;
      world.entities = 20;
      world.hot = 0.95;
      world.mean_step_ms = 30'000;
      world.out_of_order = 0.0003;  // each is a scan of what its windows see
      world.edge = 0.002;
      world.repeats = 0.0005;
      world.edge_reach_ms = kMinuteMs;
      world.jump = 0;
      world.labels = 0.01;
      world.rebuild = 0.00005;
      world.check_budget = 100;
      world.id_values = 30'000;
      break;
    case 2:
      world.name = "sparse keys";
      world.events = 80'000;
      world.entities = 5'000;
      world.mean_step_ms = 200'000;
      world.lateness_ms = 7 * kDayMs;
      world.edge_reach_ms = 100 * kDayMs;
      world.jump = 0.002;
      world.restore = 0.00002;
      break;
    case 3:
      world.name = "bursts";
      world.events = 40'000;
      world.entities = 5;
      world.mean_step_ms = 3'000;
      world.restore = 0.0005;
      world.same_time = 0.95;
      world.lateness_ms = kMinuteMs;
      world.jump = 0.001;
      world.edge_reach_ms = kHourMs;
      break;
    default:
      world.name = "in order";
      world.events = 60'000;
      world.entities = 1'000;
      world.mean_step_ms = 60'000;
      world.out_of_order = 0;
      world.lateness_ms = 0;
      break;
  }
  for (auto& feature : world.features) feature.entity = world.kind;
  return world;
}

TEST(WindowsOracle, AgreesOnEveryBitOfAMillionRandomEvents) {
  const std::uint64_t seed = test_seed();
  std::printf("WEIR_TEST_SEED=%llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  const auto wanted = wanted_events();
  Tally total;
  for (std::size_t round = 0; total.events < wanted; ++round) {
    World world = world_of(random, round % 5);
    world.events = std::min(world.events, wanted - total.events);
    const auto began = std::chrono::steady_clock::now();
    const Tally tally = live(world, random());
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    std::printf(
        "%-14s %7zu events (%zu out of order, %zu ties, %zu too late), %zu labels (%zu "
        "waited), %zu restores, %zu values compared, %zu missing, windows up to %zu events, "
        "%.1f s\n",
        world.name.c_str(), tally.events, tally.out_of_order, tally.ties, tally.too_late,
        tally.labels, tally.waited, tally.restores, tally.values, tally.missing,
        tally.longest_window, took.count());
    std::fflush(stdout);
    total += tally;
    ASSERT_EQ(tally.disagreement, "") << "WEIR_TEST_SEED=" << seed;
  }
  std::printf("%zu events, %zu labels, %zu values compared: all equal\n", total.events,
              total.labels, total.values);
}

}  // namespace
}  // namespace weir::state
