#pragma once
// Real workers on a simulated world, and the oracle over what they leave behind.
//
// A machine has a disk and, while it lives, one process: a Worker with its ports. The simulation
// moves machines one step at a time, kills and restarts them, and moves partitions as the group's
// coordinator would. settle() ends all faults and runs until everything is committed; complaints()
// then compares with an undisturbed run:
//
//   exactly_once    every output stream has, per partition, the same bytes in the same order
//   at_least_once   the same after dropping repeats, and every repeat is one bit for bit
//   both            the state dump is the same: as it stands, from disk and changelog tail, and
//   from the changelog alone;
//                   inputs = verdicts + dead letters + tombstones, per partition

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/worker.h"
#include "tests/simulation/payments.h"
#include "tests/simulation/planted_bugs.h"
#include "tests/simulation/simulated_disk.h"
#include "tests/simulation/simulated_log.h"
#include "tests/unit/operators/path_fixture.h"

namespace weir::simulation {

struct SimulationOptions {
  bool exactly_once = true;
  std::int32_t partitions = 3;
  std::size_t machines = 1;
  WorkerOptions worker;
  PlantedBug bug = PlantedBug::kNone;
};

/// Settings of a small worker whose history and dedupe bounds are reached within a few payments.
WorkerOptions small_worker();

/// What an undisturbed run leaves behind.
struct Result {
  using Stream = std::pair<weir::Stream, std::int32_t>;  // and input partition
  std::map<Stream, std::vector<std::string>> outputs;    // key, value and headers
  std::vector<std::string> state;                        // dump, sorted
};

/// What the counters of workers say, over all lives.
struct Counted {
  double verdicts = 0;
  double duplicates = 0;
  double dead_letters = 0;
  double tombstones = 0;
  double scores = 0;
  double labels = 0;
};

class Process;

class Simulation {
 public:
  Simulation(const SimulationOptions& options, std::uint64_t seed);
  ~Simulation();

  void publish(const InputRecord& record);
  World& world() { return world_; }
  SimulatedDisk& disk(std::size_t machine) { return *machines_[machine].disk; }

  [[nodiscard]] bool alive(std::size_t machine) const {
    return machines_[machine].process != nullptr;
  }
  /// Of a machine that lives.
  [[nodiscard]] const telemetry::WorkerMetrics& metrics(std::size_t machine) const;
  void start(std::size_t machine);
  void kill(std::size_t machine);
  void step(std::size_t machine);
  /// The group deals the partitions out anew among the machines that live. One of them (`deaf`) may
  /// not hear of it: it goes on as if nothing had happened until wake().
  void rebalance(std::optional<std::size_t> deaf = std::nullopt);
  [[nodiscard]] std::optional<std::size_t> deaf() const { return deaf_; }
  /// The deaf machine learns that its partitions are lost.
  void wake();

  /// Starts what is dead and steps until all input is committed. False when that does not come to
  /// an end.
  bool settle();
  [[nodiscard]] Result result();
  /// Empty when the run is right.
  std::string complaints(const Result& reference);
  /// What the workers' counters say of outputs, against what a reader of committed records sees;
  /// empty when they agree. For runs in which no process died between a commit and its count.
  std::string compare_counters();
  /// Every process death and its reason, for a failing run's message.
  [[nodiscard]] const std::string& story() const { return story_; }

 private:
  struct Machine {
    std::unique_ptr<SimulatedDisk> disk;
    std::unique_ptr<Process> process;
    std::vector<std::int32_t> owned;
  };
  void tell(std::size_t machine, std::string_view what);
  [[nodiscard]] bool settled() const;
  [[nodiscard]] std::string waiting_for() const;
  std::string compare_outputs(const Result& reference);
  std::string compare_accounts();
  std::string compare_state(const Result& reference, std::string_view when);
  bool restart_all();

  SimulationOptions options_;
  Random random_;
  World world_;
  std::vector<Machine> machines_;
  std::optional<std::size_t> deaf_;
  std::map<std::int32_t, std::size_t> tombstones_;
  Counted counted_;  // by processes that are dead
  std::string story_;
};

/// The result of these records without any fault.
Result undisturbed(const SimulationOptions& options, const std::vector<InputRecord>& input);

}  // namespace weir::simulation
