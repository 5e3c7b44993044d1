#pragma once
// What outlives a process in the simulation: the log, the clock, the group's generation, and the
// plan of faults. Everything runs on one thread and from one seed, so that a failing run can be run
// again.

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <string_view>
#include <vector>

#include "pipeline/core/clock.h"
#include "pipeline/replay/memory_log.h"

namespace weir::simulation {

/// Thrown out of a port: the process is gone, and no line of it runs any more.
struct Crash {};

enum class Fault : std::uint8_t {
  kNone,
  kCrash,
  kFail,     // the call fails: a transaction that must be aborted, a disk that is full
  kUnknown,  // commit only: the answer is lost
};

/// Every call that leaves a process passes here before it takes effect ("committed", "store
/// written": after).
class FaultPoints {
 public:
  std::function<Fault(std::string_view call)> plan;  // none: nothing fails

  Fault pass(std::string_view call) {
    ++passed_;
    const Fault fault = plan ? plan(call) : Fault::kNone;
    if (fault == Fault::kCrash) throw Crash{};
    return fault;
  }
  [[nodiscard]] std::size_t passed() const { return passed_; }

 private:
  std::size_t passed_ = 0;
};

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  /// 0 .. below-1
  std::size_t below(std::size_t below) {
    return std::uniform_int_distribution<std::size_t>(0, below - 1)(engine_);
  }
  bool one_in(std::size_t n) { return below(n) == 0; }
  template <class T>
  const T& pick(const std::vector<T>& from) {
    return from[below(from.size())];
  }

 private:
  std::mt19937_64 engine_;
};

class SimulatedClock final : public Clock {
 public:
  [[nodiscard]] TimePoint now() const override { return now_; }
  [[nodiscard]] std::int64_t wall_ms() const override {
    return now_.time_since_epoch() / std::chrono::milliseconds(1);
  }
  void advance(std::chrono::milliseconds by) { now_ += by; }

 private:
  TimePoint now_{std::chrono::hours(1)};
};

/// Offsets of one changelog partition as a broker gives them: markers and aborted records take some
/// too.
struct ChangelogOffsets {
  std::vector<std::int64_t>
      of_record;  // of every committed record, by its index in the MemoryCluster
  std::int64_t end = 0;
};

struct World {
  World(std::int32_t partitions, bool is_exactly_once)
      : cluster(partitions), exactly_once(is_exactly_once) {}

  replay::MemoryCluster cluster;
  const bool exactly_once;
  FaultPoints faults;
  SimulatedClock clock;
  std::map<std::int32_t, ChangelogOffsets> changelog;
  int generation = 0;             // of the consumer group
  bool checks_generation = true;  // false: a planted bug
};

}  // namespace weir::simulation
