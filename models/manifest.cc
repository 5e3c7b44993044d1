#include "models/manifest.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "models/checked_json.h"
#include "models/kernels.h"

namespace weir {
namespace {

constexpr std::array<std::string_view, 2> kKnownOperators = {"weir::linear", "weir::attend"};
constexpr std::size_t kFeaturesMax = 256;
constexpr std::size_t kHeadsMax = 16;
constexpr std::size_t kMerchantRowsMax = 64;
constexpr std::size_t kGoldenCasesMax = 10'000;

/// Names end up in verdicts, metric labels and paths.
std::string name_of(const CheckedJson& json) {
  std::string name = json.text();
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
  if (!plain || name.front() == '.') {
    json.refuse("may hold letters, digits, '.', '_' and '-' only, and not start with '.'");
  }
  return name;
}

void add_unique(std::vector<std::string>& names, std::string name, const CheckedJson& json) {
  if (std::find(names.begin(), names.end(), name) != names.end()) {
    json.refuse("names \"" + name + "\" twice");
  }
  names.push_back(std::move(name));
}

PackageFile file_of(const CheckedJson& json) {
  PackageFile file{name_of(json.at("file")), json.at("sha256").text()};
  const bool hex = std::all_of(file.sha256.begin(), file.sha256.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
  if (file.sha256.size() != 64 || !hex) {
    json.at("sha256").refuse("must be 64 lower-case hexadecimal digits");
  }
  return file;
}

/// A feature is {"name", "unit", "default"}; the engine computes it by its name.
std::vector<std::string> features_of(const CheckedJson& json) {
  std::vector<std::string> names;
  const std::size_t count = json.list(kFeaturesMax);
  for (std::size_t i = 0; i < count; ++i) {
    const CheckedJson feature = json.item(i);
    add_unique(names, name_of(feature.at("name")), feature);
    (void)feature.at("unit").text();
    (void)feature.at("default").finite();
  }
  return names;
}

void read_inputs(const CheckedJson& inputs, ModelInfo& info) {
  info.features = features_of(inputs.at("features"));
  if (info.features.empty()) inputs.at("features").refuse("must name at least one feature");
  info.history_rows = inputs.at("history_rows").count(1, kernels::kWindowMax);
  if (inputs.at("log_gap").text() != "log1p(minutes)") {
    inputs.at("log_gap").refuse("must be \"log1p(minutes)\", the only one this build computes");
  }
  info.merchant_rows = inputs.at("merchant_rows").count(0, kMerchantRowsMax);
  info.merchant_features = features_of(inputs.at("merchant_features")).size();
  if ((info.merchant_rows == 0) != (info.merchant_features == 0)) {
    inputs.at("merchant_rows").refuse("and merchant_features must both be empty, or neither");
  }
}

std::vector<std::string> operators_of(const CheckedJson& json) {
  std::vector<std::string> operators;
  const std::size_t count = json.list(kKnownOperators.size());
  for (std::size_t i = 0; i < count; ++i) {
    const std::string name = json.item(i).text();
    if (std::find(kKnownOperators.begin(), kKnownOperators.end(), name) == kKnownOperators.end()) {
      json.item(i).refuse("is an operator this build does not have: " + name);
    }
    add_unique(operators, name, json);
  }
  return operators;
}

void read_heads(const CheckedJson& json, ModelInfo& info) {
  const std::size_t count = json.list(kHeadsMax);
  for (std::size_t i = 0; i < count; ++i) add_unique(info.heads, name_of(json.item(i)), json);
  const auto fraud = std::find(info.heads.begin(), info.heads.end(), "fraud");
  if (fraud == info.heads.end()) json.refuse("must name the head \"fraud\"");
  info.fraud_head = static_cast<std::size_t>(fraud - info.heads.begin());
}

Platt calibration_of(const CheckedJson& json) {
  if (json.at("method").text() != "platt") {
    json.at("method").refuse("must be \"platt\", the only one this build has");
  }
  const Platt platt{json.at("slope").finite(), json.at("intercept").finite()};
  if (platt.slope <= 0)
    json.at("slope").refuse("must be positive: a higher logit is a higher risk");
  return platt;
}

}  // namespace

Result<Manifest> parse_manifest(std::string_view bytes) {
  try {
    const nlohmann::json document = parse_json(bytes, "manifest.json");
    const CheckedJson root(document, "manifest.json");
    Manifest manifest;
    if (root.at("format").count(0, 1'000'000) != kManifestFormat) {
      root.at("format").refuse("is not the one this build reads, " +
                               std::to_string(kManifestFormat));
    }
    manifest.info.name = name_of(root.at("name"));
    manifest.info.version = name_of(root.at("version"));
    manifest.model = file_of(root.at("model"));
    manifest.golden = file_of(root.at("golden"));
    manifest.golden_cases = root.at("golden").at("cases").count(1, kGoldenCasesMax);
    read_inputs(root.at("inputs"), manifest.info);
    manifest.operators = operators_of(root.at("operators"));
    read_heads(root.at("heads"), manifest.info);
    manifest.calibration = calibration_of(root.at("calibration").at("fraud"));
    return manifest;
  } catch (const Refusal& refusal) {
    return fatal(refusal.what());
  }
}

}  // namespace weir
