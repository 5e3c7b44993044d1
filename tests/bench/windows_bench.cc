// What sliding windows cost, and that their length does not matter: 20 features on user and
// merchant, the same traffic, windows of a minute, a day, 30 and 90 days. Figures per payment.
//
// Input: a payment every 12 seconds, 650,000 in 90 days, at 3,000 merchants of which one has every
// fifth (130,000 events in its 90 days), by 20,000 users of whom one has every hundredth; 6 % come
// late by up to an hour where it says so. Each run lives through 90 days first and measures what
// comes then, when as many events leave the windows as enter. Memory store; what is measured is
// what the event path does: user add, merchant evaluate and add.

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "state/windows/entity_windows.h"
#include "state/windows/page_store.h"
#include "state/windows/window_plan.h"

namespace weir::state {
namespace {

constexpr std::int64_t kMinuteMs = 60'000;
constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::int64_t kStartMs = 1'528'675'200'000;
constexpr std::int64_t kStepMs = 12'000;
constexpr std::int64_t kLivedMs = 90 * kDayMs;

FeatureDeclaration feature(EntityKind entity, Function function, Field field,
                           std::int64_t window_ms, Filter filter = {}) {
  FeatureDeclaration declared;
  declared.name = "feature";
  declared.entity = entity;
  declared.function = function;
  declared.field = field;
  declared.window_ms = window_ms;
  declared.filter = std::move(filter);
  return declared;
}

/// Ten on each, mixed as a fraud team would.
std::vector<FeatureDeclaration> twenty(std::int64_t window_ms) {
  using enum Function;
  const Filter online = {{Field::kChannel, Comparison::kEqual, 2}};
  const Filter frauds = {{Field::kFraud, Comparison::kEqual, 1}};
  const auto user = EntityKind::kUser;
  const auto merchant = EntityKind::kMerchant;
  return {
      feature(user, kCount, Field::kNone, window_ms),
      feature(user, kSum, Field::kAmount, window_ms),
      feature(user, kMean, Field::kAmount, window_ms),
      feature(user, kStddev, Field::kAmount, window_ms),
      feature(user, kMin, Field::kAmount, window_ms),
      feature(user, kMax, Field::kAmount, window_ms),
      feature(user, kDistinct, Field::kMerchant, window_ms),
      feature(user, kDistinct, Field::kDevice, window_ms),
      feature(user, kTimeSince, Field::kNone, window_ms),
      feature(user, kCount, Field::kNone, window_ms, online),
      feature(merchant, kCount, Field::kNone, window_ms),
      feature(merchant, kSum, Field::kAmount, window_ms),
      feature(merchant, kMean, Field::kAmount, window_ms),
      feature(merchant, kStddev, Field::kAmount, window_ms),
      feature(merchant, kMax, Field::kAmount, window_ms),
      feature(merchant, kMean, Field::kRatio, window_ms),
      feature(merchant, kDistinct, Field::kUser, window_ms),
      feature(merchant, kMean, Field::kFraud, window_ms),
      feature(merchant, kCount, Field::kNone, window_ms, frauds),
      feature(merchant, kCount, Field::kNone, window_ms, online),
  };
}

/// The windows of one kind of entity.
struct Kind {
  Kind(EntityKind kind, const std::vector<FeatureDeclaration>& features, std::int64_t lateness_ms)
      : plan(*WindowPlan::compile(kind, features, lateness_ms)), values(plan.size()) {}
  WindowPlan plan;
  MemoryPageStore pages;
  EntityWindows engine{plan, pages};
  std::vector<double> values;
};

enum class Keys { kMixed, kHot, kCold };

class Traffic {
 public:
  Traffic(std::int64_t window_ms, Keys keys, double late)
      : user_(EntityKind::kUser, twenty(window_ms), kLatenessMs),
        merchant_(EntityKind::kMerchant, twenty(window_ms), kLatenessMs),
        keys_(keys),
        late_(late) {}

  void pay() {
    now_ms_ += kStepMs;
    ++payments_;
    EventRow row;
    row.time_ms = now_ms_;
    if (late_ > 0 && share() < late_) {
      row.time_ms -= static_cast<std::int64_t>(random_() % kLatenessMs);
    }
    row.transaction = payments_;
    row.amount = static_cast<std::int64_t>(random_() % 50'000) * 100;
    const std::uint64_t user = pick(20'000, 0.01);
    const std::uint64_t merchant = pick(3'000, 0.2);
    row.user = user + 1;
    row.merchant = merchant + 1;
    row.device = user * 2 + random_() % 2 + 1;
    row.channel = static_cast<std::uint16_t>(1 + random_() % 2);
    const auto kept = user_.engine.add("user-" + std::to_string(user), row, user_.values);
    if (!kept) std::abort();
    const std::string name = "merchant-" + std::to_string(merchant);
    if (!merchant_.engine.evaluate(name, row.time_ms, merchant_.values)) std::abort();
    if (!merchant_.engine.add(name, *kept, {})) std::abort();
    benchmark::DoNotOptimize(user_.values.data());
    benchmark::DoNotOptimize(merchant_.values.data());
  }
  [[nodiscard]] std::int64_t now_ms() const { return now_ms_; }
  [[nodiscard]] std::size_t bytes() const { return user_.pages.bytes() + merchant_.pages.bytes(); }
  /// In the first window of the most used merchant.
  double hot_window() {
    if (!merchant_.engine.evaluate("merchant-0", now_ms_, merchant_.values)) std::abort();
    return merchant_.values.front();
  }

 private:
  static constexpr std::int64_t kLatenessMs = 60 * kMinuteMs;

  double share() { return std::generate_canonical<double, 53>(random_); }
  std::uint64_t pick(std::uint64_t size, double hot) {
    if (keys_ == Keys::kHot) return 0;
    if (keys_ == Keys::kMixed && share() < hot) return 0;
    return 1 + random_() % size;
  }

  Kind user_;
  Kind merchant_;
  Keys keys_;
  double late_;
  std::mt19937_64 random_{4711};
  std::int64_t now_ms_ = kStartMs;
  std::uint64_t payments_ = 0;
};

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

void run(benchmark::State& state, Keys keys, double late) {
  Traffic traffic(state.range(0) * kMinuteMs, keys, late);
  while (traffic.now_ms() < kStartMs + kLivedMs) traffic.pay();
  for (auto _ : state) traffic.pay();
  const double in_span = static_cast<double>(state.range(0) * kMinuteMs + 60 * kMinuteMs) / kStepMs;
  state.counters["hot_window"] = traffic.hot_window();
  state.counters["state_MB"] = static_cast<double>(traffic.bytes()) / 1e6;
  if (state.range(0) == 90 * 1'440) {  // shorter: the rows that a ratio looks at are most of it
    state.counters["bytes/event"] = static_cast<double>(traffic.bytes()) / in_span;
  }
}

void BM_TwentyWindows(benchmark::State& state) {
  run(state, Keys::kMixed, 0);
}
void BM_TwentyWindowsHotKey(benchmark::State& state) {
  run(state, Keys::kHot, 0);
}
void BM_TwentyWindowsColdKeys(benchmark::State& state) {
  run(state, Keys::kCold, 0);
}
void BM_TwentyWindowsSomeLate(benchmark::State& state) {
  run(state, Keys::kCold, 0.06);
}
/// The claim itself: the four lengths in turn, some payments at a time, so that whatever else the
/// machine does meets all of them alike. Medians of the turns, and the dearest by the cheapest.
void BM_LengthsInTurn(benchmark::State& state) {
  constexpr std::array kMinutes = {1, 1'440, 30 * 1'440, 90 * 1'440};
  constexpr int kPayments = 5'000;
  std::vector<std::unique_ptr<Traffic>> worlds;
  std::array<std::vector<double>, kMinutes.size()> turns;
  for (const int minutes : kMinutes) {
    worlds.push_back(std::make_unique<Traffic>(minutes * kMinuteMs, Keys::kMixed, 0));
    while (worlds.back()->now_ms() < kStartMs + kLivedMs) worlds.back()->pay();
  }
  for (auto _ : state) {
    for (std::size_t i = 0; i < worlds.size(); ++i) {
      const double start = cpu_seconds();
      for (int payment = 0; payment < kPayments; ++payment) worlds[i]->pay();
      turns[i].push_back((cpu_seconds() - start) * 1e6 / kPayments);
    }
  }
  std::vector<double> medians;
  for (std::size_t i = 0; i < worlds.size(); ++i) {
    std::ranges::nth_element(turns[i], turns[i].begin() + turns[i].size() / 2);
    medians.push_back(turns[i][turns[i].size() / 2]);
    state.counters["us_" + std::to_string(kMinutes[i]) + "min"] = medians.back();
  }
  state.counters["dearest/cheapest"] = std::ranges::max(medians) / std::ranges::min(medians);
}
BENCHMARK(BM_LengthsInTurn)->Iterations(40)->Unit(benchmark::kMillisecond);

/// A minute, a day, 30 and 90 days.
void lengths(benchmark::internal::Benchmark* benchmark) {
  for (const int minutes : {1, 1'440, 30 * 1'440, 90 * 1'440}) benchmark->Arg(minutes);
  benchmark->ArgName("minutes")->Iterations(200'000)->Unit(benchmark::kMicrosecond);
}
BENCHMARK(BM_TwentyWindows)->Apply(lengths);
BENCHMARK(BM_TwentyWindowsHotKey)->Apply(lengths);
BENCHMARK(BM_TwentyWindowsColdKeys)->Apply(lengths);
BENCHMARK(BM_TwentyWindowsSomeLate)->Apply(lengths);

}  // namespace
}  // namespace weir::state
