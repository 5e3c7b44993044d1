#pragma once
// Input for the simulation: payments of a few users with everything that makes state matter, from a
// seed.

#include <cstdint>
#include <string>
#include <vector>

#include "pipeline/core/record.h"
#include "tests/simulation/simulated_world.h"

namespace weir::simulation {

struct InputRecord {
  std::string key;
  std::string value;  // empty: a tombstone
  std::int64_t timestamp_ms = 0;
  Lane lane = Lane::kEvents;
};

/// Mostly good payments in order; some resent, out of order, late, deleted or bad. Among them
/// labels of payments that came before, and of some that come after; some revised.
std::vector<InputRecord> make_input(Random& random, std::size_t records);

}  // namespace weir::simulation
