// What the table of profiles costs: a lookup among a million profiles of 8 values, and memory for
// each. Ids as they come ("merchant-" and 7 digits), looked up in random order, so that nearly
// every lookup misses the caches.

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <malloc.h>

#include "operators/features/entity_event.h"
#include "pipeline/core/partitioner.h"
#include "pipeline/profiles/profile_table.h"
#include "pipeline/system_clock.h"

namespace weir {
namespace {

constexpr std::int32_t kPartitions = 16;
constexpr std::size_t kProfiles = 1'000'000;
constexpr std::size_t kValues = 8;
constexpr std::size_t kRows = 0;  // labelled payments
constexpr std::uint64_t kPlan = 7;
constexpr auto kKind = state::EntityKind::kMerchant;

std::string id_of(std::size_t i) {
  return "merchant-" + std::to_string(1'000'000 + i);
}

struct Filled {
  Filled() {
    const auto before = ::mallinfo2();
    for (std::int32_t p = 0; p < kPartitions; ++p) {
      (void)table.put(operators::heartbeat_key(p),
                      operators::encode_heartbeat({p, clock.wall_ms(), 0}));
    }
    for (std::size_t i = 0; i < kProfiles; ++i) (void)put(i, 1);
    table.set_loaded();
    const auto after = ::mallinfo2();
    heap_bytes = static_cast<double>(after.uordblks + after.hblkhd) -
                 static_cast<double>(before.uordblks + before.hblkhd);
  }
  Status put(std::size_t i, std::uint64_t sequence) {
    const std::string key = operators::entity_key(kKind, id_of(i));
    return table.put(
        key, operators::encode_profile({{1, sequence},
                                        partition_of_key(key, kPartitions),
                                        kPlan,
                                        std::vector<double>(kValues, static_cast<double>(i)),
                                        std::vector<operators::LabelledRow>(kRows)}));
  }
  SystemClock clock;
  ProfileTable table{kPartitions, std::chrono::hours(24), clock};
  double heap_bytes = 0;
};

Filled& filled() {
  static const auto made = std::make_unique<Filled>();
  return *made;
}

/// Ids in random order, `first` the number of the first one.
std::vector<std::string> sought_ids(std::size_t first) {
  std::mt19937 random(1);
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < 1U << 16U; ++i) ids.push_back(id_of(first + random() % kProfiles));
  return ids;
}

void find_all(benchmark::State& run, std::size_t first, operators::ProfileState expected) {
  const ProfileTable& table = filled().table;
  const auto ids = sought_ids(first);
  std::vector<double> values(kValues);
  operators::ProfileVersion version;
  std::vector<operators::LabelledRow> rows;
  std::size_t i = 0;
  for (auto _ : run) {
    if (table.find(kKind, ids[i++ % ids.size()], kPlan, values, version, &rows) != expected)
      run.SkipWithError("found something else");
    benchmark::DoNotOptimize(values.data());
  }
}

void BM_FindAProfile(benchmark::State& run) {
  find_all(run, 0, operators::ProfileState::kCurrent);
  const auto& table = filled().table;
  run.counters["bytes_each"] = static_cast<double>(table.bytes()) / kProfiles;
  run.counters["heap_each"] = filled().heap_bytes / kProfiles;
}
BENCHMARK(BM_FindAProfile);

void BM_FindNoProfile(benchmark::State& run) {
  find_all(run, kProfiles, operators::ProfileState::kNone);
}
BENCHMARK(BM_FindNoProfile);

void BM_PutAgain(benchmark::State& run) {
  std::mt19937 random(1);
  for (auto _ : run) {
    if (!filled().put(random() % kProfiles, 2)) run.SkipWithError("refused");
  }
}
BENCHMARK(BM_PutAgain);

}  // namespace
}  // namespace weir

BENCHMARK_MAIN();
