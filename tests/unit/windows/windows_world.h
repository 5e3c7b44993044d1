#pragma once
// A random life of many entities, led by the engine and the oracle side by side: payments in and
// out of order, ties, repeats, bursts, labels before, after and without their payment, revisions,
// jumps of months. Every value that the engine says is compared bit by bit, on hot keys those of a
// sample.

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "state/windows/declaration.h"
#include "state/windows/entity_windows.h"

namespace weir::state {

inline constexpr std::int64_t kSecondMs = 1'000;
inline constexpr std::int64_t kMinuteMs = 60 * kSecondMs;
inline constexpr std::int64_t kHourMs = 60 * kMinuteMs;
inline constexpr std::int64_t kDayMs = 24 * kHourMs;
inline constexpr std::int64_t kStartMs = 1'528'675'200'000;  // 2018-06-11T00:00:00Z
inline constexpr std::int64_t kWindowLengthsMs[] = {kSecondMs, kMinuteMs, kHourMs, kDayMs,
                                                    90 * kDayMs};

struct World {
  std::string name;
  EntityKind kind = EntityKind::kUser;
  std::vector<FeatureDeclaration> features;
  std::size_t events = 10'000;
  std::size_t entities = 100;
  double hot = 0;               // share of the events that go to the first entity
  double mean_step_ms = 1'000;  // of the clock that all entities share
  double same_time = 0.2;       // share of events at the time of the one before
  double out_of_order = 0.1;    // share of events within the lateness
  double edge = 0.1;            // share of events on, before or after the edge of a window
  double repeats = 0.02;        // share of events that are one of the newest again
  double jump = 0.0005;         // share of steps that take up to 200 days
  double labels = 0.5;          // an event
  double rebuild = 0.001;       // an event
  double restore = 0;           // an event: go on with an engine made from the journal
  std::int64_t lateness_ms = kHourMs;
  std::int64_t edge_reach_ms = 8 * kDayMs;  // how far an edge may move the clock
  std::size_t id_values = 40;               // different ids of each kind
  double check_budget = 400;  // events that a check of one value may look at, on average
};

struct Tally {
  std::size_t events = 0;
  std::size_t out_of_order = 0;
  std::size_t ties = 0;
  std::size_t too_late = 0;
  std::size_t labels = 0;
  std::size_t waited = 0;
  std::size_t evaluations = 0;
  std::size_t rebuilds = 0;
  std::size_t restores = 0;
  std::size_t values = 0;          // compared
  std::size_t missing = 0;         // of those
  std::size_t longest_window = 0;  // most events that a compared value covered
  std::string disagreement;        // the first; empty when there is none

  Tally& operator+=(const Tally& other);
};

/// Stops at the first disagreement, and tells it.
Tally live(const World& world, std::uint64_t seed);

/// Every function with every window of kWindowLengthsMs, with delays and filters in turn.
std::vector<FeatureDeclaration> all_functions();
/// `count` valid declarations.
std::vector<FeatureDeclaration> random_features(std::mt19937_64& random, std::size_t count);

std::string describe(const FeatureDeclaration& feature);
bool same_bits(double a, double b);  // any NaN equals any NaN

/// WEIR_TEST_SEED, or a fresh one.
std::uint64_t test_seed();

}  // namespace weir::state
