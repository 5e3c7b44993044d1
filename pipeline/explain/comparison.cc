#include "pipeline/explain/comparison.h"

#include <algorithm>

#include <fmt/core.h>

namespace weir {
namespace {

using Json = nlohmann::json;
using Pointer = Json::json_pointer;

/// JSON null where there is nothing.
Json at(const Json& record, const std::string& pointer) {
  const Pointer path(pointer);
  return record.contains(path) ? record.at(path) : Json();
}

/// "/risk/fraud/p" as "risk.fraud.p".
std::string dotted(std::string pointer) {
  pointer.erase(0, 1);
  std::ranges::replace(pointer, '/', '.');
  return pointer;
}

void find_causes(const Json& verdict, const RederivedDecision& now, Comparison& comparison) {
  const Json then_model = at(verdict, "/model/digest");
  const Json now_model = at(now.verdict, "/model/digest");
  if (then_model != now_model) {
    const auto text = [](const Json& digest) {
      return digest.is_string() ? digest.get<std::string>() : std::string("no model");
    };
    comparison.causes.push_back(fmt::format(
        "another model: the verdict is of {} {} ({}), configured is {}. Point model.package at the "
        "package whose manifest.json has that sha256: --set model.package=DIR",
        at(verdict, "/model/name").is_string() ? at(verdict, "/model/name").get<std::string>()
                                               : std::string("a configuration"),
        at(verdict, "/model/version").is_string() ? at(verdict, "/model/version").get<std::string>()
                                                  : std::string("without model"),
        text(then_model), text(now_model)));
  }
  if (at(verdict, "/rules/digest") != at(now.verdict, "/rules/digest")) {
    comparison.causes.push_back(
        "other prices: the section decide of the configuration is not the one of the verdict; use "
        "the configuration of that time");
  }
  if (comparison.causes.empty()) {
    comparison.causes.push_back(
        "same model, same prices: other kept rows (history.rows above what the model reads), other "
        "declared features, or another version of Weir; if none of these, report it");
  }
}

}  // namespace

Comparison compare(const Json& verdict, const Json& features, const RederivedDecision& now) {
  Comparison comparison;
  const auto hold = [&](const Json& then_record, const Json& now_record,
                        const std::string& pointer) {
    Json then = at(then_record, pointer);
    Json again = at(now_record, pointer);
    if (then != again)
      comparison.differences.push_back({dotted(pointer), std::move(then), std::move(again)});
  };
  for (const char* pointer :
       {"/outputs/logit_bits", "/outputs/sequence_logit", "/outputs/trees_margin", "/current"})
    hold(features, now.features, pointer);
  for (const char* pointer : {"/risk/fraud/p", "/expected_cost/approve", "/expected_cost/review",
                              "/expected_cost/decline", "/action", "/runner_up/action",
                              "/runner_up/cost_gap", "/degraded", "/model/digest", "/rules/digest"})
    hold(verdict, now.verdict, pointer);
  const Json then = at(verdict, "/reasons");
  const Json again = at(now.verdict, "/reasons");
  comparison.reasons = std::max(then.size(), again.size());
  for (std::size_t i = 0; i < comparison.reasons; ++i) {
    const std::size_t before = comparison.differences.size();
    hold(verdict, now.verdict, fmt::format("/reasons/{}", i));
    comparison.reasons_equal += before == comparison.differences.size() ? 1U : 0U;
  }
  if (!comparison.differences.empty()) find_causes(verdict, now, comparison);
  return comparison;
}

}  // namespace weir
