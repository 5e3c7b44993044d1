#include "pipeline/config/diagnostic_formats.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "pipeline/config/describe.h"

namespace weir::config {
namespace {

using Json = nlohmann::ordered_json;

std::string word_of(Severity severity) {
  return severity == Severity::kError ? "error" : "warning";
}

std::string dumped(const Json& json) {
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string findings_as_json(const Loaded& loaded) {
  Json list = Json::array();
  for (const Diagnostic& finding : loaded.diagnostics) {
    Json item = {{"source", finding.source}};
    if (finding.place.line > 0) {
      item["line"] = finding.place.line;
      item["column"] = finding.place.column;
    }
    item["severity"] = word_of(finding.severity);
    item["what"] = finding.what;
    item["remedy"] = finding.remedy;
    list.push_back(std::move(item));
  }
  Json json = {{"ok", loaded.ok()}, {"findings", std::move(list)}};
  if (loaded.ok()) json["runs"] = described_as_json(loaded.config);
  return dumped(json);
}

std::string findings_as_sarif(const std::vector<Diagnostic>& findings, std::string_view version) {
  Json results = Json::array();
  for (const Diagnostic& finding : findings) {
    std::string text = finding.what;
    if (!finding.remedy.empty()) text += "; " + finding.remedy;
    Json result = {{"ruleId", "configuration"},
                   {"level", word_of(finding.severity)},
                   {"message", {{"text", text}}}};
    if (!finding.source.starts_with("--")) {
      Json place = {{"artifactLocation", {{"uri", finding.source}}}};
      if (finding.place.line > 0) {
        place["region"] = {{"startLine", finding.place.line},
                           {"startColumn", finding.place.column}};
      }
      result["locations"] = {{{"physicalLocation", std::move(place)}}};
    }
    results.push_back(std::move(result));
  }
  const Json driver = {
      {"name", "weir"}, {"version", version}, {"rules", {{{"id", "configuration"}}}}};
  return dumped({{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
                 {"version", "2.1.0"},
                 {"runs", {{{"tool", {{"driver", driver}}}, {"results", std::move(results)}}}}});
}

}  // namespace weir::config
