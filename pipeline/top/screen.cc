#include "pipeline/top/screen.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "pipeline/terminal/progress.h"
#include "pipeline/terminal/style.h"

namespace weir::top {
namespace {

using Json = nlohmann::ordered_json;
using terminal::Tone;

std::string whole(double value) {
  return terminal::grouped(static_cast<std::uint64_t>(value < 0 ? 0 : value));
}

/// Buckets have few digits; what did not happen has none.
std::string milliseconds(double ms) {
  return ms <= 0 ? "-" : ms < 10 ? fmt::format("{:.2f}", ms) : fmt::format("{:.0f}", ms);
}

std::string instance_row(const InstanceFigures& instance, bool coloured) {
  if (!instance.failure.empty()) {
    return fmt::format("{:<32} {}\n", instance.url,
                       terminal::toned(instance.failure, Tone::kBad, coloured));
  }
  const Figures& f = instance.figures;
  std::string state = "ok";
  if (f.stopped_partitions > 0)
    state = whole(f.stopped_partitions) + " stopped";
  else if (f.restoring_partitions > 0)
    state = whole(f.restoring_partitions) + " restoring";
  else if (f.partitions == 0)
    state = "nothing assigned";
  return fmt::format(
      "{:<32} {:>10} {:>9} {:>8.1f} {:>9} {:>9} {:>5}  {}\n", instance.url,
      whole(f.verdicts_per_second), whole(f.lag_records), f.lag_seconds,
      milliseconds(f.delay_p50_ms), milliseconds(f.delay_p99_ms), whole(f.partitions),
      terminal::toned(state, state == "ok" ? Tone::kGood : Tone::kWarning, coloured));
}

std::string rates(const std::map<std::string, double>& by_name) {
  std::string text;
  for (const auto& [name, rate] : by_name) {
    text += fmt::format("{}{} {:.1f}", text.empty() ? "" : ", ", name, rate);
  }
  return text.empty() ? "none" : text;
}

Json figures_json(const Figures& f) {
  Json json{{"verdicts_total", f.verdicts_total},
            {"verdicts_per_second", f.verdicts_per_second},
            {"actions_per_second", f.actions_per_second},
            {"dead_letters_per_second", f.dead_letters_per_second},
            {"duplicates_per_second", f.duplicates_per_second},
            {"degraded_per_second", f.degraded_per_second},
            {"lag_records", f.lag_records},
            {"label_lag_records", f.label_lag_records},
            {"lag_seconds", f.lag_seconds},
            {"delay_p50_ms", f.delay_p50_ms},
            {"delay_p99_ms", f.delay_p99_ms},
            {"partitions", f.partitions},
            {"restoring_partitions", f.restoring_partitions},
            {"stopped_partitions", f.stopped_partitions},
            {"steps", Json::array()}};
  for (const StepFigures& step : f.steps) {
    json["steps"].push_back({{"step", step.name},
                             {"batches_per_second", step.batches_per_second},
                             {"mean_ms", step.mean_ms},
                             {"p99_ms", step.p99_ms},
                             {"share", step.share}});
  }
  return json;
}

}  // namespace

std::string page(const std::vector<InstanceFigures>& instances, const Figures& all, bool coloured) {
  const auto heading = [&](const std::string& text) {
    return terminal::toned(text, Tone::kBold, coloured) + '\n';
  };
  std::string text =
      heading(fmt::format("{:<32} {:>10} {:>9} {:>8} {:>9} {:>9} {:>5}  {}", "INSTANCE",
                          "VERDICTS/S", "LAG", "LAG S", "P50 MS", "P99 MS", "PARTS", "STATE"));
  for (const auto& instance : instances) text += instance_row(instance, coloured);
  text += fmt::format("\nverdicts {} in all; a second: {}\n", whole(all.verdicts_total),
                      rates(all.actions_per_second));
  text += fmt::format("dead letters a second: {}\n", rates(all.dead_letters_per_second));
  text +=
      fmt::format("duplicates {:.1f}, degraded {:.1f} a second; {} labels waiting\n\n",
                  all.duplicates_per_second, all.degraded_per_second, whole(all.label_lag_records));
  text += heading(fmt::format("{:<10} {:>10} {:>12} {:>9} {:>7}", "STEP", "BATCHES/S", "MEAN MS",
                              "P99 MS", "TIME"));
  for (const StepFigures& step : all.steps) {
    text += fmt::format("{:<10} {:>10.1f} {:>12} {:>9} {:>5.0f} %\n", step.name,
                        step.batches_per_second, milliseconds(step.mean_ms),
                        milliseconds(step.p99_ms), step.share * 100);
  }
  return text;
}

Json to_json(const std::vector<InstanceFigures>& instances, const Figures& all) {
  Json json{{"all", figures_json(all)}, {"instances", Json::array()}};
  for (const auto& instance : instances) {
    Json one{{"url", instance.url}};
    if (instance.failure.empty()) {
      one["figures"] = figures_json(instance.figures);
    } else {
      one["failure"] = instance.failure;
    }
    json["instances"].push_back(std::move(one));
  }
  return json;
}

}  // namespace weir::top
