// What a score costs: the two operators on every path of this machine, and the whole network
// through the Scorer.
//
//   models_bench                      all; the counter per_payment is CPU time
//   WEIR_CPU=avx2 models_bench --benchmark_filter=Scorer     the whole network on another path
//
// The network is the default shape of models/README.md with random weights: F=12, R=32, H=4, d=64,
// two hops.

#include <cstdio>
#include <random>
#include <string>

#include <benchmark/benchmark.h>

#include "models/kernels.h"
#include "models/load_scorer.h"
#include "tests/unit/models/handmade_package.h"
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
