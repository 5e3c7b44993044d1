// weir features: the declared features of a file of payments, as a table to train on.

#include <cstdio>
#include <optional>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "pipeline/exit_code.h"
#include "pipeline/feature_csv.h"
#include "pipeline/json_result.h"
#include "pipeline/replay/replay.h"
#include "pipeline/runtime_settings.h"
#include "pipeline/terminal/progress.h"
#include "pipeline/text_output.h"
#include "pipeline/topic_copy.h"

namespace weir {
namespace {

constexpr std::size_t kBlockBytes = 1U << 18U;

/// Lines from features records, block by block.
class Table {
 public:
  Table(std::vector<std::string> names, TextOutput& out) : csv_(std::move(names)), out_(out) {
    block_ = csv_.header();
  }
  void add(std::string_view features_json) {
    if (!status_) return;
    status_ = csv_.append(features_json, block_);
    ++rows_;
    if (block_.size() >= kBlockBytes) flush();
  }
  Status finish() {
    flush();
    return status_;
  }
  [[nodiscard]] std::uint64_t rows() const { return rows_; }

 private:
  void flush() {
    out_.write(block_);
    block_.clear();
  }

  FeatureCsv csv_;
  TextOutput& out_;
  std::string block_;
  std::uint64_t rows_ = 0;
  Status status_ = ok();
};

void print_summary(const replay::ReplayResult& result, std::uint64_t rows, bool json) {
  const auto of = [&](state::LabelOutcome outcome) {
    const auto found = result.label_outcomes.find(outcome);
    return found == result.label_outcomes.end() ? 0 : found->second;
  };
  using enum state::LabelOutcome;
  for (const auto& line : result.bad_labels) fmt::print(stderr, "{}\n", line);
  if (json) {
    print_json({{"payments", result.transactions},
                {"rows", rows},
                {"dead_letters", result.dead_letters},
                {"duplicates", result.summary.counts().duplicates},
                {"late", result.summary.counts().late},
                {"labels", result.labels},
                {"labels_not_understood", result.bad_label_count},
                {"labels_to_users",
                 {{"applied", of(kApplied)},
                  {"repeated", of(kRepeated)},
                  {"outdated", of(kOutdated)},
                  {"waiting", of(kWaiting)},
                  {"expired", of(kExpired)}}}});
    return;
  }
  fmt::print(stderr, "payments {}  rows {}  dead letters {}  duplicates {}  late {}\n",
             result.transactions, rows, result.dead_letters, result.summary.counts().duplicates,
             result.summary.counts().late);
  fmt::print(stderr,
             "labels {}  not understood {}  to users: applied {}  repeated {}  outdated {}  before "
             "their payment {}  expired {}\n",
             result.labels, result.bad_label_count, of(kApplied), of(kRepeated), of(kOutdated),
             of(kWaiting), of(kExpired));
}

}  // namespace

int features_command(const FeaturesArguments& arguments) {
  if (arguments.json && arguments.out == "-") return both_on_stdout("a file");
  const auto loaded = load_or_complain(arguments.config);
  if (!loaded) return kExitConfig;
  auto options = replay_options(loaded->config);
  if (options.operators.features.empty()) {
    return report(fatal(fmt::format("{} declares no features; configs/handbook.yaml shows how",
                                    arguments.config.file)),
                  kExitConfig);
  }
  const auto transactions = TopicCopy::of(arguments.transactions, loaded->config);
  if (!transactions) return report(transactions.error(), kExitUnavailable, kAskBroker);
  const auto labels = TopicCopy::of(arguments.labels, loaded->config);
  if (!labels) return report(labels.error(), kExitUnavailable, kAskBroker);
  options.transactions = transactions->path();
  options.labels = labels->path();
  std::optional<terminal::Progress> progress(std::in_place, "payments", arguments.out == "-");
  options.progress = [&](std::uint64_t done, std::uint64_t all) { progress->at(done, all); };

  std::vector<std::string> names;
  for (const auto& feature : options.operators.features) names.push_back(feature.name);
  TextOutput out;
  Table table(std::move(names), out);
  replay::ReplayResult result;
  const auto status = [&]() -> Status {
    WEIR_RETURN_IF_ERROR(out.open(arguments.out));
    replay::ReplaySinks sinks;
    sinks.features_record = [&](std::string_view json) { table.add(json); };
    WEIR_RETURN_IF_ERROR(replay::run_replay(options, nullptr, sinks, result));
    WEIR_RETURN_IF_ERROR(table.finish());
    return out.close();
  }();
  progress.reset();
  if (!status) return report(status.error(), kExitData, "mend that and run it again");
  print_summary(result, table.rows(), arguments.json);
  return kExitOk;
}

}  // namespace weir
