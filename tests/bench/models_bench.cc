// What a score costs: the two operators on every path of this machine, and the whole network
// through the Scorer.
//
//   models_bench                      all; the counter per_payment is CPU time
//   WEIR_CPU=avx2 models_bench --benchmark_filter=Scorer     the whole network on another path
//   WEIR_BENCH_PACKAGE=DIR models_bench --benchmark_filter=Package     a package, part by part
//
// The network is the default shape of models/README.md with random weights: F=12, R=32, H=4, d=64,
// two hops.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>

#include <benchmark/benchmark.h>

#include "models/kernels.h"
#include "models/load_scorer.h"
#include "models/package.h"
#include "models/package_scorer.h"
#include "models/torch_network.h"
#include "models/trees.h"
#include "tests/unit/models/handmade_package.h"
#include "tests/unit/models/handmade_trees.h"
#include "tests/unit/models/reference_kernels.h"

namespace weir::testing {
namespace {

void count_payments(benchmark::State& state, std::size_t per_iteration) {
  state.counters["per_payment"] = benchmark::Counter(
      static_cast<double>(state.iterations()) * static_cast<double>(per_iteration),
      benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void linear(benchmark::State& state, kernels::CpuPath path, std::size_t in, std::size_t out,
            std::size_t rows_per_payment) {
  std::mt19937 random(1);
  const auto payments = static_cast<std::size_t>(state.range(0));
  const LinearCase c(payments * rows_per_payment, in, out, true, random);
  std::vector<float> y(c.rows * out);
  for (auto _ : state) {
    kernels::kernels_of(path).linear(c.args(y.data()));
    benchmark::DoNotOptimize(y.data());
    benchmark::ClobberMemory();
  }
  count_payments(state, payments);
}

void attend(benchmark::State& state, kernels::CpuPath path, std::size_t window) {
  std::mt19937 random(1);
  const auto payments = static_cast<std::size_t>(state.range(0));
  const AttendCase c(payments, window, 32, 4, random);
  std::vector<float> y(payments * c.columns());
  for (auto _ : state) {
    kernels::kernels_of(path).attend(c.args(y.data()));
    benchmark::DoNotOptimize(y.data());
    benchmark::ClobberMemory();
  }
  count_payments(state, payments);
}

/// Whole windows, so that no row is cheap.
void score(benchmark::State& state, std::size_t window) {
  const NetworkShape shape{.window = window};
  HandmadePackage package(shape);
  const auto scorer = load_scorer(package.write(), {});
  if (!scorer) return state.SkipWithError(scorer.error().message.c_str());
  std::mt19937 random(1);
  const auto payments = static_cast<std::size_t>(state.range(0));
  ScoreBatch batch = random_batch(shape, payments, random);
  batch.mask.assign(batch.mask.size(), 1);
  std::vector<Score> scores;
  for (auto _ : state) {
    if (!(*scorer)->score(batch, scores)) return state.SkipWithError("the model failed");
    benchmark::DoNotOptimize(scores.data());
  }
  count_payments(state, payments);
}

/// Boosted trees alone, over 30 inputs a tenth of which is missing.
void trees(benchmark::State& state, std::size_t rounds, std::size_t depth) {
  constexpr std::size_t kInputs = 30;
  static std::map<std::pair<std::size_t, std::size_t>, std::string> trained;  // once for all sizes
  std::string& bytes = trained[{rounds, depth}];
  if (bytes.empty()) bytes = trained_trees({.inputs = kInputs, .rounds = rounds, .depth = depth});
  const auto loaded = Trees::load(bytes, kInputs, rounds);
  if (!loaded) return state.SkipWithError(loaded.error().message.c_str());
  std::mt19937 random(1);
  const auto payments = static_cast<std::size_t>(state.range(0));
  const std::vector<float> rows = random_rows(payments, kInputs, random);
  std::vector<float> margins;
  for (auto _ : state) {
    if (!(*loaded)->margins(rows.data(), payments, margins)) {
      return state.SkipWithError("the trees failed");
    }
    benchmark::DoNotOptimize(margins.data());
  }
  count_payments(state, payments);
}

/// The package of WEIR_BENCH_PACKAGE, else the one that ships.
std::string package_folder() {
  const char* const named = std::getenv("WEIR_BENCH_PACKAGE");
  return named != nullptr ? named : WEIR_SOURCE_DIR "/models/zoo/handbook-blend/1.1.0";
}

/// Golden cases of the served window in turn: rows as the package meets them.
ScoreBatch golden_batch(const Package& package, std::size_t payments) {
  std::vector<const GoldenCase*> cases;
  for (const GoldenCase& golden : package.golden) {
    if (golden.window == package.manifest.info.history_rows) cases.push_back(&golden);
  }
  ScoreBatch batch;
  while (batch.rows < payments) {
    append_case(*cases.at(batch.rows % cases.size()), package.manifest.info, batch);
  }
  return batch;
}

enum class Measured : std::uint8_t { kSequence, kTrees, kWhole };

/// One part of a package, or all of it through the Scorer with blend and calibration.
void package_part(benchmark::State& state, Measured measured) {
  const auto package = read_package(package_folder(), {});
  if (!package) return state.SkipWithError(package.error().message.c_str());
  const Manifest& manifest = package->manifest;
  const auto payments = static_cast<std::size_t>(state.range(0));
  const ScoreBatch batch = golden_batch(*package, payments);
  std::function<Status()> run;
  std::vector<float> answers;
  std::vector<Score> scores;
  std::unique_ptr<Network> network;
  std::unique_ptr<Trees> forest;
  std::unique_ptr<Scorer> scorer;
  std::vector<float> rows;
  if (measured == Measured::kSequence) {
    if (!manifest.sequence) return state.SkipWithError("the package has no sequence part");
    network = std::move(*load_torch_network(package->sequence, manifest.sequence->operators));
    run = [&] {
      return network->forward(inputs_of(batch, manifest.info), manifest.info.heads.size(), answers);
    };
  } else if (measured == Measured::kTrees) {
    if (!manifest.trees) return state.SkipWithError("the package has no trees");
    const std::size_t inputs = manifest.trees->inputs.size();
    forest = std::move(*Trees::load(package->trees, inputs, manifest.trees->rounds));
    std::mt19937 random(1);
    rows = random_rows(payments, inputs, random);
    run = [&] { return forest->margins(rows.data(), payments, answers); };
  } else {
    auto loaded = load_scorer(package_folder(), {});
    if (!loaded) return state.SkipWithError(loaded.error().message.c_str());
    scorer = std::move(*loaded);
    run = [&] { return scorer->score(batch, scores); };
  }
  for (auto _ : state) {
    if (!run()) return state.SkipWithError("the package failed");
    benchmark::ClobberMemory();
  }
  count_payments(state, payments);
}

template <class... Arguments>
void add(const std::string& name, void (*run)(benchmark::State&, Arguments...),
         Arguments... arguments) {
  auto* const registered = benchmark::RegisterBenchmark(
      name.c_str(), [=](benchmark::State& state) { run(state, arguments...); });
  for (const int payments : {1, 8, 32, 128}) registered->Arg(payments);
}

void add_all() {
  for (const kernels::CpuPath path : paths_here()) {
    const std::string name(kernels::kernels_of(path).name);
    using Size = std::size_t;
    add("Linear_64x132/" + name, linear, path, Size{64}, Size{132}, Size{1});
    add("Linear_128x64/" + name, linear, path, Size{128}, Size{64}, Size{1});
    add("Encode_W16/" + name, linear, path, Size{12}, Size{32}, Size{16});
    add("Attend_W16/" + name, attend, path, Size{16});
    add("Attend_W64/" + name, attend, path, Size{64});
  }
  add("Scorer_W16", score, std::size_t{16});
  add("Scorer_W64", score, std::size_t{64});
  for (const std::size_t rounds : {100U, 200U, 400U}) {
    for (const std::size_t depth : {3U, 4U}) {
      const std::string name = "Trees_" + std::to_string(rounds) + "x" + std::to_string(depth);
      add(name, trees, rounds, depth);
    }
  }
  add("Package/sequence", package_part, Measured::kSequence);
  add("Package/trees", package_part, Measured::kTrees);
  add("Package/whole", package_part, Measured::kWhole);
}

}  // namespace
}  // namespace weir::testing

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 64;
  weir::testing::add_all();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
