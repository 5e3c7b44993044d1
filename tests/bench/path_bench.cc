// The event path without a real model: what a payment costs in our own code, step by step. Figures
// per payment.
//
// Input: payments of 10,000 users in turn, about 250 bytes each, histories of 16 rows already
// there; memory store; batches of 128. The scorer returns a constant, so `with_features` shows what
// feeding a model costs, not the model. `with_merchants` declares features over merchants, in
// stores of this process; `with_merchant_rows` feeds 8 labelled payments of the merchant as well,
// every payment being labelled at once.

#include <array>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include "operators/card_number.h"
#include "operators/dedupe.h"
#include "pipeline/event_path.h"

namespace {

using namespace weir;

constexpr std::size_t kBatch = 128;
constexpr std::int64_t kUsers = 10'000;

class ConstantScorer final : public Scorer {
 public:
  explicit ConstantScorer(std::size_t merchant_rows = 0) {
    info_ = {.name = "constant",
             .version = "1",
             .digest = "sha256:" + std::string(64, '0'),
             .features = {"log_amount", "hour_sin", "hour_cos", "weekday_sin", "weekday_cos",
                          "weekend", "night", "same_merchant"},
             .history_rows = 16,
             .merchant_rows = merchant_rows,
             .merchant_features = 0,
             .merchant_feature_names = {},
             .declared = {},
             .heads = {"fraud"},
             .fraud_head = 0};
    if (merchant_rows == 0) return;
    info_.merchant_feature_names.assign(std::begin(operators::kMerchantFeatures),
                                        std::end(operators::kMerchantFeatures));
    info_.merchant_features = info_.merchant_feature_names.size();
  }
  [[nodiscard]] const ModelInfo& info() const override { return info_; }
  Status score(const ScoreBatch& batch, std::vector<Score>& out) override {
    out.assign(batch.rows, Score{-3.25F, 0.037312345678901234, true});
    return ok();
  }

 private:
  ModelInfo info_;
};

std::string payment_json(std::int64_t i) {
  const std::int64_t user = i % kUsers;
  const std::int64_t time_ms = 1'528'676'687'000 + i / kUsers * 3'600'000 + user;
  return fmt::format(
      R"({{"transaction_id":"tx-{:012}","user_id":"C{:05}","event_time":{},"amount":{}.{:02},"currency":"EUR",)"
      R"("merchant_id":"T{:05}","mcc":5411,"country":"FR","merchant_country":"FR","channel":"ecom",)"
      R"("device_id":"d-{:05}","card_token":"tok_{:05}","is_card_present":false}})",
      i, user, time_ms, 5 + i % 90, i % 100, i % 7000, user, user);
}

struct Input {
  std::vector<std::string> keys;
  std::vector<std::string> values;
  std::vector<RawRecord> records;

  Input(std::int64_t from, std::int64_t count) {
    for (std::int64_t i = from; i < from + count; ++i) {
      keys.push_back(fmt::format("C{:05}", i % kUsers));
      values.push_back(payment_json(i));
    }
    for (std::int64_t i = 0; i < count; ++i) {
      RawRecord& record = records.emplace_back();
      record.offset = from + i;
      record.key = keys[static_cast<std::size_t>(i)];
      record.value = values[static_cast<std::size_t>(i)];
    }
  }
};

/// The labels of the payments that payment_json() makes.
void label_all(operators::FeatureEngine& engine, std::int64_t from, std::int64_t count) {
  for (std::int64_t i = from; i < from + count; ++i) {
    const std::string id = fmt::format("tx-{:012}", i);
    const std::string user = fmt::format("C{:05}", i % kUsers);
    const std::string merchant = fmt::format("T{:05}", i % 7000);
    FraudLabel label;
    label.label_id = label.transaction_id = id;
    label.user_id = user;
    label.merchant_id = merchant;
    label.is_fraud = i % 50 == 0;
    label.event_time = {1'528'676'687'000 + i / kUsers * 3'600'000 + i % kUsers};
    label.label_time = label.event_time;
    if (!engine.label(label, nullptr)) std::abort();
  }
}

void event_path(benchmark::State& state, Scorer* scorer, operators::Settings settings = {}) {
  state::UserStoreOptions options;
  options.windows = operators::user_window_plan(settings).value();
  std::array<state::MemoryPageStore, state::kEntityKinds> pages;
  std::unique_ptr<operators::FeatureEngine> engine;
  if (settings.has_features()) {
    operators::PageStores stores{};
    for (std::size_t i = 0; i < stores.size(); ++i) stores[i] = &pages[i];
    engine = operators::FeatureEngine::make(settings, stores).value();
  }
  options.retention = operators::retention(settings);
  options.hot_bytes = 1U << 30;
  auto store = std::move(*state::UserStore::open(state::make_memory_store(), options));
  telemetry::WorkerMetrics metrics;
  EventPath path(
      settings, scorer, [&](std::int32_t) -> state::UserStore& { return *store; }, metrics,
      engine.get());
  std::vector<OutputRecord> out;
  std::int64_t position = 0;
  const auto run = [&](std::span<const RawRecord> records) {
    out.clear();
    if (!path.process(records, out)) std::abort();
    store->take_changes();
    store->make_commit_record(++position);
    store->commit(position);
  };
  std::int64_t next = 0;
  for (int round = 0; round < 20; ++round, next += kUsers) {
    const Input warm_up(next, kUsers);
    for (std::size_t i = 0; i < warm_up.records.size(); i += kBatch) {
      run(std::span(warm_up.records).subspan(i, std::min(kBatch, warm_up.records.size() - i)));
    }
    if (engine) label_all(*engine, next, kUsers);
  }

  std::vector<double> before;
  for (const auto& histogram : metrics.step_seconds) before.push_back(histogram.sum());
  std::size_t payments = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const Input input(next, kUsers);
    next += kUsers;
    state.ResumeTiming();
    for (std::size_t i = 0; i + kBatch <= input.records.size(); i += kBatch) {
      run(std::span(input.records).subspan(i, kBatch));
      payments += kBatch;
    }
  }
  const auto per_payment = [&](double seconds) {
    return seconds * 1e6 / static_cast<double>(payments);
  };
  double total = 0;
  for (std::size_t i = 0; i < telemetry::kStepNames.size(); ++i) {
    const double us = per_payment(metrics.step_seconds[i].sum() - before[i]);
    if (us > 0) state.counters["us_" + std::string(telemetry::kStepNames[i])] = us;
    total += us;
  }
  state.counters["us_total"] = total;
}

void without_model(benchmark::State& state) {
  event_path(state, nullptr);
}
void with_features(benchmark::State& state) {
  ConstantScorer scorer;
  event_path(state, &scorer);
}
operators::Settings merchant_settings() {
  operators::Settings settings;
  for (const std::int64_t days : {1, 7, 30}) {
    state::FeatureDeclaration share;
    share.name = fmt::format("share_{}d", days);
    share.entity = state::EntityKind::kMerchant;
    share.function = state::Function::kMean;
    share.field = state::Field::kFraud;
    share.window_ms = days * 86'400'000;
    settings.features.push_back({share.name, share, {}});
  }
  return settings;
}
void with_merchants(benchmark::State& state) {
  ConstantScorer scorer;
  event_path(state, &scorer, merchant_settings());
}
void with_merchant_rows(benchmark::State& state) {
  ConstantScorer scorer(8);
  operators::Settings settings = merchant_settings();
  settings.history.merchant_rows = 8;
  event_path(state, &scorer, settings);
}
BENCHMARK(without_model)->Unit(benchmark::kMillisecond);
BENCHMARK(with_features)->Unit(benchmark::kMillisecond);
BENCHMARK(with_merchants)->Unit(benchmark::kMillisecond);
BENCHMARK(with_merchant_rows)->Unit(benchmark::kMillisecond);

void card_number_scan(benchmark::State& state) {
  const std::string value = payment_json(123'456);
  for (auto _ : state) benchmark::DoNotOptimize(operators::contains_card_number(value));
  state.counters["bytes"] = static_cast<double>(value.size());
}
BENCHMARK(card_number_scan);

}  // namespace

BENCHMARK_MAIN();
