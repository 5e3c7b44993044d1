#include "pipeline/replay/replay.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "operators/decode.h"
#include "operators/decode_label.h"
#include "operators/features/feature_engine.h"
#include "pipeline/core/partitioner.h"
#include "pipeline/json_lines.h"
#include "pipeline/replay/memory_log.h"
#include "pipeline/state_text.h"
#include "pipeline/stores.h"

namespace weir::replay {
namespace {

/// Time stands still: nothing in a replay may depend on it. Commits happen by count.
class NoClock final : public Clock {
 public:
  [[nodiscard]] TimePoint now() const override { return {}; }
  [[nodiscard]] std::int64_t wall_ms() const override { return 0; }
};

struct Payment {
  std::int64_t time_ms;
  std::string user_id;
  std::string line;
};

/// Lines in event-time order; ties and unreadable lines keep the order of the file.
Result<std::vector<Payment>> read_payments(const std::string& file,
                                           const operators::Settings& settings) {
  std::vector<Payment> payments;
  operators::Decode decode(settings.input, settings.transactions);
  std::vector<operators::DecodedTransaction> decoded;
  std::vector<operators::Rejection> rejected;
  std::int64_t last_ms = 0;
  const auto status = read_lines(file, [&](std::string_view line, std::size_t) -> Status {
    RawRecord record;
    record.value = line;
    decoded.clear();
    rejected.clear();
    WEIR_RETURN_IF_ERROR(decode.process({&record, 1}, decoded, rejected));
    std::string user;
    if (!decoded.empty()) {
      user = decoded.front().user_id;
      if (const auto time = parse_event_time(decoded.front().event_time)) last_ms = time->ms;
    }
    payments.push_back({last_ms, std::move(user), std::string(line)});
    return ok();
  });
  if (!status) return status.error();
  std::ranges::stable_sort(payments, {}, &Payment::time_ms);
  return payments;
}

struct Label {
  std::int64_t time_ms;
  std::string line;
};

/// Good lines in the order in which they became known; ties keep the order of the file.
Status read_labels(const std::string& file, operators::DecodeLabels& decode,
                   std::vector<Label>& labels, ReplayResult& result) {
  WEIR_RETURN_IF_ERROR(read_lines(file, [&](std::string_view line, std::size_t number) -> Status {
    if (const auto label = decode.parse(line)) {
      labels.push_back({label->label_time.ms, std::string(line)});
    } else if (++result.bad_label_count <= 10) {
      result.bad_labels.push_back(fmt::format("{}:{}: {}", file, number, label.error().message));
    }
    return ok();
  }));
  std::ranges::stable_sort(labels, {}, &Label::time_ms);
  return ok();
}

/// The windows of a replay: in memory, of all partitions together.
class FeatureStores {
 public:
  operators::PageStores all() {
    operators::PageStores all{};
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = &stores_[i];
    return all;
  }

 private:
  std::array<state::MemoryPageStore, state::kEntityKinds> stores_;
};

void write_dead_letter(std::ostream& out, const OutputRecord& record) {
  nlohmann::ordered_json line;
  for (const auto& [name, value] : record.headers) line[name] = value;
  line["value"] = record.value;
  out << line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
}

}  // namespace

Status run_replay(const ReplayOptions& options, Scorer* scorer, const ReplaySinks& sinks,
                  ReplayResult& result) {
  auto payments = read_payments(options.transactions, options.operators);
  if (!payments) return payments.error();
  operators::DecodeLabels decode_label(options.operators.input, options.operators.labels);
  std::vector<Label> labels;
  if (!options.labels.empty()) {
    WEIR_RETURN_IF_ERROR(read_labels(options.labels, decode_label, labels, result));
  }

  MemoryCluster cluster(options.partitions);
  cluster.keep_changelog = false;
  cluster.sink = [&](const OutputRecord& record) {
    if (record.stream == Stream::kVerdicts) {
      result.summary.add_verdict(record.value);
      if (sinks.verdicts != nullptr) *sinks.verdicts << record.value << '\n';
    } else if (record.stream == Stream::kDeadLetters) {
      ++result.dead_letters;
      if (sinks.dead_letters != nullptr) write_dead_letter(*sinks.dead_letters, record);
    } else if (record.stream == Stream::kFeatures) {
      if (sinks.features != nullptr) *sinks.features << record.value << '\n';
      if (sinks.features_record) sinks.features_record(record.value);
    }
  };

  const NoClock clock;
  MemoryInput input(cluster);
  MemoryOutput output(cluster);
  MemoryChangelogReader changelog(cluster);
  state::UserStoreOptions store_options;
  store_options.identity = {"replay", "replay", 0};
  store_options.retention = options.retention;
  FeatureStores pages;
  std::unique_ptr<operators::FeatureEngine> engine;
  if (options.operators.has_features()) {
    auto users = operators::user_window_plan(options.operators);
    if (!users) return users.error();
    store_options.windows = *std::move(users);
    auto made = operators::FeatureEngine::make(options.operators, pages.all());
    if (!made) return made.error();
    engine = *std::move(made);
  }
  MemoryStores stores(store_options);
  telemetry::WorkerMetrics metrics;
  WorkerOptions worker_options;
  worker_options.operators = options.operators;
  worker_options.pacing.records_max = 4'096;
  worker_options.pacing.settle = std::chrono::milliseconds(0);
  Worker worker(worker_options,
                {input, output, changelog, stores, clock, scorer, nullptr, engine.get()}, metrics);
  WEIR_RETURN_IF_ERROR(worker.open());

  const auto drain = [&]() -> Status {
    do {
      const auto stepped = worker.step(std::chrono::milliseconds(0));
      if (!stepped) return stepped.error();
    } while (!input.drained());
    cluster.input.clear();  // delivered; positions are offsets, not indices
    input.forget_delivered();
    return ok();
  };
  WEIR_RETURN_IF_ERROR(drain());  // assigns the partitions: a label may come first
  bool waiting = false;           // payments are published that the worker has not seen
  const auto apply_label = [&](const Label& read) -> Status {
    const auto label = decode_label.parse(read.line);
    WEIR_CHECK(label.has_value());  // it was read before
    result.summary.add_label(label->transaction_id, label->is_fraud);
    ++result.labels;
    if (!engine) return ok();
    // The payments before it must not know it.
    if (std::exchange(waiting, false)) WEIR_RETURN_IF_ERROR(drain());
    state::UserStore& store =
        *worker.partitions().at(partition_of_key(label->user_id, options.partitions)).store;
    const auto outcomes = engine->label(*label, store.windows());
    if (!outcomes) return outcomes.error();
    (void)store.take_window_changes();  // a replay keeps no changelog
    if (const auto& of_user = outcomes->front()) ++result.label_outcomes[*of_user];
    return ok();
  };
  auto next_label = labels.begin();
  for (auto& payment : *payments) {
    for (; next_label != labels.end() && next_label->time_ms <= payment.time_ms; ++next_label) {
      WEIR_RETURN_IF_ERROR(apply_label(*next_label));
    }
    cluster.publish(std::move(payment.user_id), std::move(payment.line));
    waiting = true;
    if (++result.transactions % 1'024 != 0) continue;
    WEIR_RETURN_IF_ERROR(drain());
    waiting = false;
    if (options.progress) options.progress(result.transactions, payments->size());
  }
  WEIR_RETURN_IF_ERROR(drain());
  waiting = false;
  for (; next_label != labels.end(); ++next_label) WEIR_RETURN_IF_ERROR(apply_label(*next_label));
  WEIR_RETURN_IF_ERROR(worker.commit_now());
  if (sinks.state != nullptr) {
    for (const auto& [id, partition] : worker.partitions()) {
      WEIR_RETURN_IF_ERROR(dump_store(
          id, *partition.store, [&](const std::string& line) { *sinks.state << line << '\n'; }));
    }
  }
  return worker.close();
}

}  // namespace weir::replay
