#include "tests/simulation/simulation.h"

#include <algorithm>
#include <set>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "operators/dedupe.h"
#include "operators/features/feature_engine.h"
#include "pipeline/core/partitioner.h"
#include "pipeline/state_text.h"

namespace weir::simulation {
namespace {

using std::chrono::milliseconds;

constexpr int kTurnsMax = 2'000;  // to settle: some 100 s of simulated time
constexpr int kRestartsMax = 60;  // to settle

std::vector<std::string> without_repeats(const std::vector<std::string>& records) {
  std::set<std::string_view> seen;
  std::vector<std::string> once;
  for (const auto& record : records) {
    if (seen.insert(record).second) once.push_back(record);
  }
  return once;
}

}  // namespace

/// Over windows so short that rows come, go and leave tombstones behind.
std::vector<operators::DeclaredFeature> features_over_users() {
  using state::Field;
  using state::Function;
  std::vector<operators::DeclaredFeature> features;
  const auto declare = [&](const char* name, Function function, Field field,
                           std::chrono::minutes window, std::chrono::minutes delay) {
    state::FeatureDeclaration declaration;
    declaration.name = name;
    declaration.function = function;
    declaration.field = field;
    declaration.window_ms = milliseconds(window).count();
    declaration.delay_ms = milliseconds(delay).count();
    features.push_back({name, declaration, {}});
  };
  using std::chrono::minutes;
  declare("count_10m", Function::kCount, Field::kNone, minutes(10), minutes(0));
  declare("mean_1h", Function::kMean, Field::kAmount, minutes(60), minutes(0));
  declare("max_1h", Function::kMax, Field::kAmount, minutes(60), minutes(5));
  declare("merchants_2h", Function::kDistinct, Field::kMerchant, minutes(120), minutes(0));
  return features;
}

WorkerOptions small_worker() {
  WorkerOptions options;
  options.operators.features = features_over_users();
  options.operators.history.rows = 4;
  options.operators.dedupe.ids_per_user_max = 8;
  options.operators.dedupe.horizon = std::chrono::hours(6);
  options.batch_records_max = 16;
  options.write_back_interval = milliseconds(0);
  options.aborts_in_a_row_max = 5;
  return options;
}

/// A worker with everything it would lose at its death.
class Process {
 public:
  Process(World& world, SimulatedDisk& disk, const SimulationOptions& options)
      : generation(world.generation),
        input(world.cluster, true),
        output_(world, generation),
        changelog_(world),
        early_answer_(output_),
        no_rewind_(input),
        short_changelog_(changelog_),
        engine_(operators::FeatureEngine::make(options.worker.operators, {}).value()),
        worker(options.worker,
               {options.bug == PlantedBug::kNoRewind ? static_cast<InputLog&>(no_rewind_) : input,
                options.bug == PlantedBug::kAppliesBeforeCommit
                    ? static_cast<OutputLog&>(early_answer_)
                    : output_,
                options.bug == PlantedBug::kChangelogEndsEarly
                    ? static_cast<ChangelogReader&>(short_changelog_)
                    : changelog_,
                disk, world.clock, &model_, nullptr, engine_.get()},
               metrics_) {}

  [[nodiscard]] const telemetry::WorkerMetrics& metrics() const { return metrics_; }
  void add_counts(Counted& to) const {
    for (const auto& cell : metrics_.verdicts) to.verdicts += cell.get();
    for (const auto& cell : metrics_.dead_letters.cells) to.dead_letters += cell.get();
    to.duplicates += metrics_.duplicates.get();
    to.tombstones += metrics_.tombstones.get();
    for (std::size_t i = 0; i <= telemetry::kScoreBounds.size(); ++i) {
      to.scores += metrics_.score.bucket(i);
    }
    for (std::size_t i = 0; i < metrics_.labels.size(); ++i) {
      for (const auto& fates : metrics_.labels.sources()[i].counts) {
        for (const auto& cell : fates) to.labels += cell.get();
      }
    }
  }

  int generation;
  replay::MemoryInput input;

 private:
  SimulatedOutput output_;
  SimulatedChangelog changelog_;
  EarlyAnswer early_answer_;
  NoRewind no_rewind_;
  ShortChangelog short_changelog_;
  FakeScorer model_;
  std::unique_ptr<operators::FeatureEngine> engine_;
  telemetry::WorkerMetrics metrics_;

 public:
  Worker worker;
};

Simulation::Simulation(const SimulationOptions& options, std::uint64_t seed)
    : options_(options), random_(seed), world_(options.partitions, options.exactly_once) {
  options_.worker.exactly_once = options.exactly_once;
  world_.checks_generation = options.bug != PlantedBug::kNoGenerationCheck;
  state::UserStoreOptions store;
  store.identity = {"simulated", "changelog", 0};
  store.retention = operators::retention(options_.worker.operators);
  store.windows = operators::user_window_plan(options_.worker.operators).value();
  store.hot_bytes = options_.worker.hot_bytes;
  machines_.resize(options.machines);
  for (auto& machine : machines_) machine.disk = std::make_unique<SimulatedDisk>(world_, store);
  for (std::int32_t p = 0; p < options.partitions; ++p) machines_[0].owned.push_back(p);
}

Simulation::~Simulation() = default;

void Simulation::publish(const InputRecord& record) {
  if (record.value.empty() && record.lane == Lane::kEvents)
    ++tombstones_[partition_of_key(record.key, options_.partitions)];
  world_.cluster.publish(record.key, record.value, record.timestamp_ms, -1, record.lane);
}

// -------------------------------------------------------------------------------------------
// machines

void Simulation::tell(std::size_t machine, std::string_view what) {
  story_ += fmt::format("call {}: machine {}: {}\n", world_.faults.passed(), machine, what);
}

const telemetry::WorkerMetrics& Simulation::metrics(std::size_t machine) const {
  return machines_[machine].process->metrics();
}

void Simulation::start(std::size_t machine) {
  auto& m = machines_[machine];
  tell(machine, fmt::format("starts with partitions {}", fmt::join(m.owned, ",")));
  m.process = std::make_unique<Process>(world_, *m.disk, options_);
  try {
    if (!m.process->worker.open()) kill(machine);
  } catch (const Crash&) {
    kill(machine);
  }
  if (m.process) m.process->input.reassign(m.owned);
}

void Simulation::kill(std::size_t machine) {
  tell(machine, "dies");
  if (alive(machine)) machines_[machine].process->add_counts(counted_);
  machines_[machine].process.reset();
  machines_[machine].disk->lose_unflushed(random_);
  if (deaf_ == machine) deaf_.reset();
}

void Simulation::step(std::size_t machine) {
  try {
    const auto stepped = machines_[machine].process->worker.step(milliseconds(0));
    if (stepped) return;
    tell(machine, stepped.error().message);
  } catch (const Crash&) {
    tell(machine, "crashes");
  }
  kill(machine);
}

void Simulation::rebalance(std::optional<std::size_t> deaf) {
  if (deaf_) return;  // one at a time
  std::vector<std::size_t> members;
  for (std::size_t m = 0; m < machines_.size(); ++m) {
    if (alive(m) && m != deaf) {
      machines_[m].process->input.reassign({});
      step(m);  // gives its partitions back, committed
    }
    if (alive(m) && m != deaf) members.push_back(m);
    machines_[m].owned.clear();
  }
  deaf_ = deaf;
  ++world_.generation;
  if (members.empty()) members.push_back(deaf == 0U ? 1 : 0);  // once it starts again
  for (std::int32_t p = 0; p < options_.partitions; ++p)
    machines_[random_.pick(members)].owned.push_back(p);
  for (const auto m : members) {
    tell(m, fmt::format("gets partitions {}", fmt::join(machines_[m].owned, ",")));
    if (!alive(m)) continue;
    machines_[m].process->generation = world_.generation;
    machines_[m].process->input.reassign(machines_[m].owned);
  }
}

void Simulation::wake() {
  if (!deaf_) return;
  const auto machine = *std::exchange(deaf_, std::nullopt);
  tell(machine, "hears that it has lost its partitions");
  machines_[machine].process->input.reassign({}, true);
  step(machine);
}

// ----------------------------------------------------------------------------------------------
// end

bool Simulation::settled() const {
  std::int32_t done = 0;
  for (const auto& machine : machines_) {
    if (!machine.process) continue;
    if (!machine.process->input.drained()) return false;
    for (const auto& [id, partition] : machine.process->worker.partitions()) {
      const bool committed =
          partition.phase == Partition::Phase::kActive && !partition.has_progress() &&
          partition.committed_next.events == machine.process->input.known_end(id, Lane::kEvents) &&
          partition.committed_next.labels == machine.process->input.known_end(id, Lane::kLabels);
      if (!committed) return false;
      ++done;
    }
  }
  return done == options_.partitions;
}

bool Simulation::settle() {
  wake();
  int restarts = 0;
  for (int turn = 0; turn < kTurnsMax; ++turn) {
    for (std::size_t m = 0; m < machines_.size(); ++m) {
      if (!alive(m) && ++restarts > kRestartsMax) return false;
      if (!alive(m)) start(m);
      if (alive(m)) step(m);
    }
    if (settled()) return true;
    world_.clock.advance(milliseconds(50));
  }
  return false;
}

std::string Simulation::waiting_for() const {
  std::string reasons;
  for (const auto& machine : machines_) {
    if (!machine.process) continue;
    for (const auto& [id, partition] : machine.process->worker.partitions()) {
      reasons +=
          fmt::format("partition {}: phase {}, at {} {}\n", id, static_cast<int>(partition.phase),
                      partition.committed_next.events, partition.why_stopped);
    }
  }
  return reasons;
}

bool Simulation::restart_all() {
  for (std::size_t m = 0; m < machines_.size(); ++m) {
    if (alive(m)) kill(m);
  }
  return settle();
}

// -------------------------------------------------------------------------------------------
// oracle

Result Simulation::result() {
  Result result;
  for (const auto& record : world_.cluster.committed) {
    auto text = record.key + '\n' + record.value;
    for (const auto& [name, value] : record.headers) text += '\n' + name + ": " + value;
    result.outputs[{record.stream, record.input_partition}].push_back(std::move(text));
  }
  for (const auto& machine : machines_) {
    if (!machine.process) continue;
    for (const auto& [id, partition] : machine.process->worker.partitions()) {
      const auto dumped = dump_store(
          id, *partition.store, [&](const std::string& line) { result.state.push_back(line); });
      if (!dumped) result.state.push_back(dumped.error().message);
    }
  }
  std::ranges::sort(result.state);
  return result;
}

std::string Simulation::compare_outputs(const Result& reference) {
  std::string wrong;
  auto outputs = result().outputs;
  for (const auto& [stream, expected] : reference.outputs) {
    auto& seen = outputs[stream];
    if (!options_.exactly_once) seen = without_repeats(seen);
    if (seen == expected) continue;
    const auto at = std::ranges::mismatch(seen, expected);
    wrong += fmt::format(
        "stream {} partition {}: {} records, expected {}; first difference at {}:\n  {}\n  "
        "expected {}\n",
        static_cast<int>(stream.first), stream.second, seen.size(), expected.size(),
        at.in1 - seen.begin(), at.in1 == seen.end() ? "nothing" : *at.in1,
        at.in2 == expected.end() ? "nothing" : *at.in2);
  }
  for (const auto& [stream, records] : outputs) {
    if (!reference.outputs.contains(stream))
      wrong += fmt::format("{} records too many\n", records.size());
  }
  return wrong;
}

std::string Simulation::compare_accounts() {
  std::string wrong;
  auto outputs = result().outputs;
  for (const auto& [input, published] : world_.cluster.input_end) {
    const auto partition = input.second;
    const auto committed = world_.cluster.group_offsets[input];
    if (options_.exactly_once && committed != published) {
      wrong += fmt::format("partition {}: {} inputs, committed offset {}\n", partition, published,
                           committed);
    }
    if (input.first != Lane::kEvents) continue;
    std::size_t accounted = tombstones_[partition];
    for (const auto stream : {Stream::kVerdicts, Stream::kDeadLetters}) {
      auto& records = outputs[{stream, partition}];
      accounted += options_.exactly_once ? records.size() : without_repeats(records).size();
    }
    if (accounted != static_cast<std::size_t>(published)) {
      wrong += fmt::format("partition {}: {} inputs, {} verdicts, dead letters and tombstones\n",
                           partition, published, accounted);
    }
  }
  return wrong;
}

std::string Simulation::compare_counters() {
  Counted counted = counted_;
  for (const auto& machine : machines_) {
    if (machine.process) machine.process->add_counts(counted);
  }
  Counted seen;
  for (const auto& record : world_.cluster.committed) {
    if (record.stream == Stream::kVerdicts) ++seen.verdicts;
    if (record.stream == Stream::kVerdicts && !record.headers.empty()) ++seen.duplicates;
    if (record.stream == Stream::kDeadLetters) ++seen.dead_letters;
    if (record.stream == Stream::kFeatures) ++seen.scores;
  }
  std::string wrong;
  const auto compare = [&](std::string_view what, double is, double should) {
    if (is != should) wrong += fmt::format("{}: counted {}, seen {}\n", what, is, should);
  };
  compare("verdicts", counted.verdicts, seen.verdicts);
  compare("duplicates", counted.duplicates, seen.duplicates);
  compare("dead letters", counted.dead_letters, seen.dead_letters);
  compare("scores", counted.scores, seen.scores);
  // A label that is no label is a dead letter, or a tombstone.
  compare("inputs", counted.verdicts + counted.dead_letters + counted.tombstones + counted.labels,
          static_cast<double>(world_.cluster.input.size()));
  return wrong;
}

std::string Simulation::compare_state(const Result& reference, std::string_view when) {
  const auto state = result().state;
  if (state == reference.state) return "";
  const auto at = std::ranges::mismatch(state, reference.state);
  return fmt::format("state {}: {} users, expected {}; first difference:\n  {}\n  expected {}\n",
                     when, state.size(), reference.state.size(),
                     at.in1 == state.end() ? "nothing" : *at.in1,
                     at.in2 == reference.state.end() ? "nothing" : *at.in2);
}

std::string Simulation::complaints(const Result& reference) {
  for (std::size_t m = 0; m < machines_.size(); ++m) {
    if (alive(m) && machines_[m].disk->is_damaged()) kill(m);  // or nobody might read there again
  }
  if (!settle()) return "does not settle: " + waiting_for();
  auto wrong =
      compare_outputs(reference) + compare_accounts() + compare_state(reference, "as it stands");
  if (!restart_all()) return wrong + "does not settle after a restart: " + waiting_for();
  wrong += compare_state(reference, "from disk and changelog tail");
  for (std::size_t m = 0; m < machines_.size(); ++m) {
    if (alive(m)) kill(m);
    for (std::int32_t p = 0; p < options_.partitions; ++p) disk(m).remove(p);
  }
  if (!settle()) return wrong + "does not settle with empty disks: " + waiting_for();
  wrong += compare_state(reference, "from the changelog alone");
  return wrong + compare_outputs(reference);
}

Result undisturbed(const SimulationOptions& options, const std::vector<InputRecord>& input) {
  SimulationOptions plain;
  plain.partitions = options.partitions;
  plain.worker = options.worker;
  Simulation simulation(plain, 0);
  for (const auto& record : input) simulation.publish(record);
  simulation.settle();
  return simulation.result();
}

}  // namespace weir::simulation
