#include "pipeline/cases/case_run.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include <fmt/core.h>

#include "operators/features/feature_engine.h"
#include "pipeline/cases/expectations.h"
#include "pipeline/core/partitioner.h"
#include "pipeline/replay/memory_log.h"
#include "pipeline/state_text.h"
#include "pipeline/stores.h"

namespace weir::cases {
namespace {

using Json = nlohmann::ordered_json;

class CaseClock final : public Clock {
 public:
  explicit CaseClock(std::int64_t now_ms) : now_ms_(now_ms) {}
  [[nodiscard]] TimePoint now() const override {
    return TimePoint(std::chrono::milliseconds(now_ms_));
  }
  [[nodiscard]] std::int64_t wall_ms() const override { return now_ms_; }
  void advance(std::int64_t ms) { now_ms_ += ms; }
  void set(std::int64_t ms) { now_ms_ = ms; }

 private:
  std::int64_t now_ms_;
};

/// Everything one case needs; gone with it.
class World {
 public:
  World(const Case& one, const replay::ReplayOptions& options, Scorer* scorer)
      : case_(one),
        options_(options),
        scorer_(scorer),
        clock_(one.now_ms),
        cluster_(options.partitions) {}

  Status open() {
    cluster_.sink = [this](const OutputRecord& record) { take(record); };
    state::UserStoreOptions store_options;
    store_options.identity = {"case", "case", 0};
    store_options.retention = options_.retention;
    if (options_.operators.has_features()) {
      auto users = operators::user_window_plan(options_.operators);
      if (!users) return users.error();
      store_options.windows = *std::move(users);
      operators::PageStores pages{};
      for (std::size_t i = 0; i < pages.size(); ++i) pages[i] = &pages_[i];
      auto engine = operators::FeatureEngine::make(options_.operators, pages);
      if (!engine) return engine.error();
      engine_ = *std::move(engine);
    }
    stores_ = std::make_unique<MemoryStores>(store_options);
    WorkerOptions worker_options;
    worker_options.operators = options_.operators;
    worker_options.pacing.settle = std::chrono::milliseconds(0);
    worker_ = std::make_unique<Worker>(
        worker_options,
        WorkerPorts{input_, output_, changelog_, *stores_, clock_, scorer_, nullptr, engine_.get()},
        metrics_);
    WEIR_RETURN_IF_ERROR(worker_->open());
    return drain();
  }

  Status run(CaseResult& result) {
    for (const Event& event : case_.events) {
      if (event.kind == Event::Kind::kAdvance) {
        clock_.advance(event.advance_ms);
        continue;
      }
      for (std::uint64_t i = 0; i < event.times; ++i) {
        outcome_ = {};
        send(event);
        WEIR_RETURN_IF_ERROR(drain());
        clock_.advance(event.advance_ms);
      }
      check(outcome_, event, result);
    }
    for (const StateExpectation& expected : case_.state) {
      const auto state = state_of(expected.user);
      if (!state) return state.error();
      check_state(*state, expected, result);
    }
    return ok();
  }

 private:
  void take(const OutputRecord& record) {
    if (record.stream == Stream::kVerdicts) {
      outcome_.verdict = nlohmann::json::parse(record.value);
    } else if (record.stream == Stream::kFeatures) {
      outcome_.features = nlohmann::json::parse(record.value);
    } else if (record.stream == Stream::kDeadLetters) {
      for (const auto& [name, value] : record.headers) {
        if (name == "weir-reason") outcome_.dead_letter = value;
        if (name == "weir-detail") outcome_.detail = value;
      }
    }
  }

  void send(const Event& event) {
    if (event.kind == Event::Kind::kRecord) {
      cluster_.publish(event.key, event.value, clock_.wall_ms());
      return;
    }
    const bool is_label = event.kind == Event::Kind::kLabel;
    const Json fields = is_label ? label(event.fields) : payment(event.fields);
    const auto user = fields.find("user_id");
    const bool named = user != fields.end() && user->is_string();
    cluster_.publish(named ? user->get<std::string>() : std::string(), fields.dump(),
                     clock_.wall_ms(), -1, is_label ? Lane::kLabels : Lane::kEvents);
  }

  /// With what every payment has, unless the case says otherwise.
  Json payment(const Json& given) {
    if (const auto at = given.find("at"); at != given.end() && at->is_string()) {
      if (const auto time = parse_event_time(at->get<std::string>())) clock_.set(time->ms);
    }
    Json fields{{"transaction_id", fmt::format("t{}", ++payments_)},
                {"user_id", "U1"},
                {"event_time", format_event_time({clock_.wall_ms()})},
                {"amount", 10},
                {"currency", "EUR"},
                {"merchant_id", "M1"}};
    merge(given, fields);
    sent_[text(fields, "transaction_id")] = fields;
    return fields;
  }

  /// What a label repeats of its payment is known here.
  Json label(const Json& given) {
    const std::string of = text(given, "transaction_id");
    Json fields{{"label_id", "L-" + of},
                {"transaction_id", of},
                {"is_fraud", true},
                {"label_time", format_event_time({clock_.wall_ms()})},
                {"revision", 1}};
    if (const auto found = sent_.find(of); found != sent_.end()) {
      for (const char* name :
           {"user_id", "merchant_id", "event_time", "device_id", "ip", "card_token"}) {
        if (found->second.contains(name)) fields[name] = found->second[name];
      }
    }
    merge(given, fields);
    return fields;
  }

  /// A field as text, whatever a case made it.
  static std::string text(const Json& fields, const char* name) {
    const auto found = fields.find(name);
    if (found == fields.end()) return {};
    return found->is_string() ? found->get<std::string>() : found->dump();
  }

  static void merge(const Json& given, Json& fields) {
    for (const auto& [name, value] : given.items()) {
      if (name == "at") continue;
      if (value.is_null()) {
        fields.erase(name);
      } else {
        fields[name] = value;
      }
    }
  }

  Status drain() {
    do {
      const auto stepped = worker_->step(std::chrono::milliseconds(0));
      if (!stepped) return stepped.error();
    } while (!input_.drained());
    WEIR_RETURN_IF_ERROR(worker_->commit_now());
    cluster_.input.clear();  // delivered; positions are offsets, not indices
    input_.forget_delivered();
    return ok();
  }

  Result<nlohmann::json> state_of(const std::string& user_id) {
    const auto partition = partition_of_key(user_id, options_.partitions);
    state::UserStore& store = *worker_->partitions().at(partition).store;
    const auto user = store.get(user_id);
    if (!user) return user.error();
    const auto text = user_state_json(partition, user_id, *user, store);
    if (!text) return text.error();
    return nlohmann::json::parse(*text);
  }

  const Case& case_;
  const replay::ReplayOptions& options_;
  Scorer* scorer_;
  CaseClock clock_;
  replay::MemoryCluster cluster_;
  replay::MemoryInput input_{cluster_, true};
  replay::MemoryOutput output_{cluster_};
  replay::MemoryChangelogReader changelog_{cluster_};
  std::array<state::MemoryPageStore, state::kEntityKinds> pages_;
  std::unique_ptr<operators::FeatureEngine> engine_;
  std::unique_ptr<MemoryStores> stores_;
  telemetry::WorkerMetrics metrics_;
  std::unique_ptr<Worker> worker_;
  std::map<std::string, Json> sent_;  // payments by transaction id
  std::uint64_t payments_ = 0;
  Outcome outcome_;
};

}  // namespace

Result<CaseResult> run_case(const Case& one, const replay::ReplayOptions& options, Scorer* scorer) {
  World world(one, options, scorer);
  WEIR_RETURN_IF_ERROR(world.open());
  CaseResult result;
  WEIR_RETURN_IF_ERROR(world.run(result));
  return result;
}

}  // namespace weir::cases
