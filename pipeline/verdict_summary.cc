#include "pipeline/verdict_summary.h"

#include <algorithm>
#include <vector>

#include <simdjson.h>

namespace weir {

struct VerdictSummary::Parser {
  simdjson::dom::parser parser;
};

VerdictSummary::VerdictSummary() : parser_(std::make_unique<Parser>()) {}
VerdictSummary::~VerdictSummary() = default;

void VerdictSummary::add_verdict(std::string_view json) {
  simdjson::dom::element verdict;
  std::string_view id;
  std::string_view action;
  bool duplicate = false;
  if (parser_->parser.parse(json.data(), json.size()).get(verdict) ||
      verdict["transaction_id"].get(id) || verdict["action"].get(action) ||
      verdict["duplicate"].get(duplicate)) {
    ++counts_.unreadable;
    return;
  }
  if (duplicate) {
    ++counts_.duplicates;
    return;
  }
  ++counts_.verdicts;
  if (action == "approve") ++counts_.approve;
  if (action == "review") ++counts_.review;
  if (action == "decline") ++counts_.decline;
  bool late = false;
  if (!verdict["late"].get(late) && late) ++counts_.late;
  simdjson::dom::array degraded;
  if (!verdict["degraded"].get(degraded) && degraded.size() > 0) ++counts_.degraded;
  double p = 0;
  if (verdict.at_pointer("/risk/fraud/p").get(p)) return;  // null: no score
  scores_.insert_or_assign(std::string(id), p);
  if (p > highest_) {
    highest_ = p;
    riskiest_ = id;
  }
}

std::optional<VerdictSummary::Quality> VerdictSummary::quality() const {
  std::vector<std::pair<double, bool>> ranked;
  Quality quality;
  for (const auto& [id, p] : scores_) {
    const auto label = labels_.find(id);
    if (label == labels_.end()) continue;
    ranked.emplace_back(p, label->second);
    quality.frauds += label->second ? 1 : 0;
  }
  quality.labelled = ranked.size();
  if (quality.frauds == 0 || quality.frauds == quality.labelled) return std::nullopt;
  std::ranges::sort(ranked, std::greater<>(), &std::pair<double, bool>::first);
  double found = 0;
  for (std::size_t i = 0; i < ranked.size();) {
    double step = 0;
    std::size_t k = i;
    for (; k < ranked.size() && ranked[k].first == ranked[i].first; ++k)
      step += ranked[k].second ? 1 : 0;
    found += step;
    quality.average_precision +=
        step / static_cast<double>(quality.frauds) * found / static_cast<double>(k);
    i = k;
  }
  return quality;
}

}  // namespace weir
