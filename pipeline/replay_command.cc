// weir replay: the same operators over files, in event-time order.

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "pipeline/exit_code.h"
#include "pipeline/json_result.h"
#include "pipeline/open_scorer.h"
#include "pipeline/replay/replay.h"
#include "pipeline/runtime_settings.h"
#include "pipeline/terminal/progress.h"
#include "pipeline/topic_copy.h"

namespace weir {
namespace {

/// An output file, standard output for "-", nothing for "".
class OutputFile {
 public:
  Status open(const std::string& name) {
    name_ = name;
    if (name.empty() || name == "-") return ok();
    file_.open(name, std::ios::binary | std::ios::trunc);
    if (file_) return ok();
    return fatal(fmt::format("cannot write {}: {}; name another file", name, std::strerror(errno)));
  }
  std::ostream* stream() {
    if (name_.empty()) return nullptr;
    return name_ == "-" ? &std::cout : &file_;
  }
  Status close() {
    if (auto* out = stream(); out != nullptr && !out->flush())
      return fatal(fmt::format("cannot write {}; is the disk full?", name_));
    return ok();
  }

 private:
  std::string name_;
  std::ofstream file_;
};

nlohmann::ordered_json summary_json(const replay::ReplayResult& result) {
  nlohmann::ordered_json json = {{"payments", result.transactions}};
  json.update(to_json(result.summary));
  json["dead_letters"] = result.dead_letters;
  json["labels"] = result.labels;
  json["labels_not_understood"] = result.bad_label_count;
  return json;
}

void print_summary(const replay::ReplayResult& result) {
  const auto& counts = result.summary.counts();
  fmt::print(stderr,
             "payments {}  verdicts {}  (approve {}  review {}  decline {})  dead letters {}  "
             "duplicates {}  late {}\n",
             result.transactions, counts.verdicts, counts.approve, counts.review, counts.decline,
             result.dead_letters, counts.duplicates, counts.late);
  if (result.bad_label_count > 0)
    fmt::print(stderr, "labels not understood: {}\n", result.bad_label_count);
  if (const auto quality = result.summary.quality()) {
    fmt::print(stderr, "labels {}  frauds among the scored {}  average precision {:.3f}\n",
               result.labels, quality->frauds, quality->average_precision);
  }
}

}  // namespace

int replay_command(const ReplayArguments& arguments) {
  const auto outputs = {arguments.verdicts_out, arguments.features_out, arguments.dead_letters_out,
                        arguments.state_out};
  const bool data_on_stdout = std::ranges::find(outputs, "-") != outputs.end();
  if (arguments.json && data_on_stdout) return both_on_stdout("a file");
  const auto loaded = load_or_complain(arguments.config);
  if (!loaded) return kExitConfig;
  const auto& config = loaded->config;
  const auto scorer = open_scorer(config);
  if (!scorer) return report(scorer.error(), kExitConfig);
  auto options = replay_options(config);
  const auto transactions = TopicCopy::of(arguments.transactions, config);
  if (!transactions) return report(transactions.error(), kExitUnavailable, kAskBroker);
  const auto labels = TopicCopy::of(arguments.labels, config);
  if (!labels) return report(labels.error(), kExitUnavailable, kAskBroker);
  options.transactions = transactions->path();
  options.labels = labels->path();
  OutputFile verdicts;
  OutputFile features;
  OutputFile dead_letters;
  OutputFile state;
  replay::ReplayResult result;
  std::optional<terminal::Progress> progress(std::in_place, "payments", data_on_stdout);
  options.progress = [&](std::uint64_t done, std::uint64_t all) { progress->at(done, all); };
  const auto status = [&]() -> Status {
    WEIR_RETURN_IF_ERROR(verdicts.open(arguments.verdicts_out));
    WEIR_RETURN_IF_ERROR(features.open(arguments.features_out));
    WEIR_RETURN_IF_ERROR(dead_letters.open(arguments.dead_letters_out));
    WEIR_RETURN_IF_ERROR(state.open(arguments.state_out));
    WEIR_RETURN_IF_ERROR(replay::run_replay(
        options, scorer->get(),
        {verdicts.stream(), features.stream(), dead_letters.stream(), state.stream()}, result));
    WEIR_RETURN_IF_ERROR(verdicts.close());
    WEIR_RETURN_IF_ERROR(features.close());
    WEIR_RETURN_IF_ERROR(dead_letters.close());
    return state.close();
  }();
  progress.reset();
  if (!status) return report(status.error(), kExitData, "mend that and run it again");
  for (const auto& line : result.bad_labels) fmt::print(stderr, "{}\n", line);
  if (arguments.json) {
    print_json(summary_json(result));
  } else {
    print_summary(result);
  }
  return kExitOk;
}

}  // namespace weir
