#pragma once
// The event path on an in-memory store and a fake model: what the tests of operators/ stand on.

#include <cmath>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "operators/dedupe.h"
#include "pipeline/event_path.h"

namespace weir {

using nlohmann::json;

/// A model whose logit depends on every input of its row, and on nothing else: a wrong history
/// shows.
class FakeScorer final : public Scorer {
 public:
  FakeScorer() {
    info_.name = "fake";
    info_.version = "1";
    info_.digest = "sha256:" + std::string(64, 'a');
    info_.features = {"log_amount", "hour_sin", "same_merchant", "same_device"};
    info_.history_rows = 4;
    info_.heads = {"fraud"};
  }

  [[nodiscard]] const ModelInfo& info() const override { return info_; }

  Status score(const ScoreBatch& batch, std::vector<Score>& out) override {
    rows_.push_back(batch.rows);
    if (fails) return retry("the model failed");
    const std::size_t width = info_.features.size();
    const std::size_t window = info_.history_rows;
    out.assign(batch.rows, {});
    for (std::size_t b = 0; b < batch.rows; ++b) {
      float sum = 0;
      for (std::size_t f = 0; f < width; ++f) {
        sum += batch.current[b * width + f] * static_cast<float>(f + 1);
      }
      for (std::size_t w = 0; w < window; ++w) {
        const std::size_t at = b * window + w;
        float row = batch.log_gap[at];
        for (std::size_t f = 0; f < width; ++f) row += batch.history[at * width + f];
        sum += batch.mask[at] * row * 0.1F * static_cast<float>(w + 1);
      }
      const bool broken = nan_above && batch.current[b * width] > *nan_above;
      out[b].logit = broken ? std::numeric_limits<float>::quiet_NaN() : sum - 6;
      out[b].p = broken ? 0 : 0.5 + 0.5 * (sum - 6) / (1 + std::abs(sum - 6));
      out[b].valid = !broken;
    }
    return ok();
  }

  [[nodiscard]] const std::vector<std::size_t>& rows() const { return rows_; }  // of each call

  bool fails = false;
  std::optional<float> nan_above;  // rows whose first feature is above get NaN

 private:
  ModelInfo info_;
  std::vector<std::size_t> rows_;
};

/// A record that owns its bytes.
struct OwnedRecord {
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::int64_t timestamp_ms = -1;
  std::string key;
  std::string value;
  std::vector<std::pair<std::string, std::string>> headers;
};

inline std::vector<RawRecord> views(const std::deque<OwnedRecord>& records) {
  std::vector<RawRecord> out;
  for (const OwnedRecord& record : records) {
    RawRecord& view = out.emplace_back();
    view.partition = record.partition;
    view.offset = record.offset;
    view.timestamp_ms = record.timestamp_ms;
    view.key = record.key;
    view.value = record.value;
    view.tombstone = record.value.empty();
    for (const auto& [name, value] : record.headers) view.headers.push_back({name, value});
  }
  return out;
}

inline constexpr std::int64_t kNoon = 1'528'718'400'000;  // 2018-06-11T12:00:00Z, a Monday
inline constexpr std::int64_t kMinute = 60'000;
inline constexpr std::int64_t kHour = 60 * kMinute;
inline constexpr std::int64_t kDay = 24 * kHour;

inline json payment(const std::string& id, const std::string& user, std::int64_t time_ms,
                    const std::string& amount = "10.00") {
  return {{"transaction_id", id}, {"user_id", user},   {"event_time", time_ms},
          {"amount", amount},     {"currency", "EUR"}, {"merchant_id", "M1"}};
}

class PathFixture : public testing::Test {
 protected:
  /// A path on stores of its own; the settings and the model are read at the first batch.
  struct Bench {
    std::map<std::int32_t, std::unique_ptr<state::UserStore>> stores;
    std::unique_ptr<telemetry::WorkerMetrics> metrics =
        std::make_unique<telemetry::WorkerMetrics>();
    std::unique_ptr<EventPath> path;
  };

  Bench make_bench() {
    Bench bench;
    for (std::int32_t partition = 0; partition < 2; ++partition) {
      state::UserStoreOptions options;
      options.retention = operators::retention(settings_);
      options.identity.partition = partition;
      options.windows = operators::user_window_plan(settings_).value();
      auto store = state::UserStore::open(state::make_memory_store(), options);
      EXPECT_TRUE(store.has_value());
      bench.stores[partition] = std::move(*store);
    }
    return bench;
  }

  std::vector<OutputRecord> run_on(Bench& bench, std::span<const RawRecord> records) {
    if (!bench.path) {
      auto* stores = &bench.stores;
      bench.path = std::make_unique<EventPath>(
          settings_, scorer_,
          [stores](std::int32_t p) -> state::UserStore& { return *stores->at(p); }, *bench.metrics,
          engine_);
    }
    std::vector<OutputRecord> out;
    const Status done = bench.path->process(records, out, is_poison_);
    EXPECT_TRUE(done.has_value()) << done.error().message;
    return out;
  }

  /// Runs payments as one batch on the fixture's own bench.
  std::vector<OutputRecord> pay(const std::vector<json>& payments) {
    std::deque<OwnedRecord> records;
    for (const json& p : payments) {
      records.push_back({0, next_offset_++, -1, p["user_id"], p.dump(), {}});
    }
    return run(records);
  }
  std::vector<OutputRecord> run(const std::deque<OwnedRecord>& records) {
    if (!bench_.metrics) bench_ = make_bench();
    const auto batch = views(records);
    return run_on(bench_, batch);
  }

  /// What the worker does once the batch's transaction is durable.
  void commit() {
    store().take_changes();
    store().make_commit_record(next_offset_);
    store().commit(next_offset_);
  }

  static std::vector<json> values(const std::vector<OutputRecord>& out, Stream stream) {
    std::vector<json> found;
    for (const OutputRecord& record : out) {
      if (record.stream == stream) found.push_back(json::parse(record.value));
    }
    return found;
  }
  static std::vector<json> verdicts(const std::vector<OutputRecord>& out) {
    return values(out, Stream::kVerdicts);
  }
  static std::vector<json> features(const std::vector<OutputRecord>& out) {
    return values(out, Stream::kFeatures);
  }
  static std::vector<const OutputRecord*> dead_letters(const std::vector<OutputRecord>& out) {
    std::vector<const OutputRecord*> found;
    for (const OutputRecord& record : out) {
      if (record.stream == Stream::kDeadLetters) found.push_back(&record);
    }
    return found;
  }
  static std::string header(const OutputRecord& record, std::string_view name) {
    for (const auto& [key, value] : record.headers) {
      if (key == name) return value;
    }
    return "(none)";
  }
  /// As if what ran so far had committed.
  telemetry::WorkerMetrics& metrics() {
    bench_.metrics->commit_staged();
    return *bench_.metrics;
  }
  state::UserStore& store() { return *bench_.stores.at(0); }

  operators::Settings settings_;
  FakeScorer model_;
  Scorer* scorer_ = &model_;
  operators::FeatureEngine* engine_ = nullptr;
  std::function<bool(const RawRecord&)> is_poison_;
  Bench bench_{{}, nullptr, nullptr};
  std::int64_t next_offset_ = 100;
};

}  // namespace weir
