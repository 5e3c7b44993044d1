#include "models/manifest.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include <nlohmann/json.hpp>

#include "models/checked_json.h"
#include "models/kernels.h"

namespace weir {
namespace {

constexpr std::array<std::string_view, 2> kKnownOperators = {"weir::linear", "weir::attend"};
constexpr std::size_t kFeaturesMax = 256;
constexpr std::size_t kHeadsMax = 64;
constexpr std::size_t kMerchantRowsMax = 64;
constexpr std::size_t kDeclaredMax = 256;
constexpr std::size_t kTreesInputsMax = kDeclaredMax + kHeadsMax;
constexpr std::size_t kRoundsMax = 10'000;
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

void read_merchant(const CheckedJson& inputs, ModelInfo& info) {
  info.merchant_rows = inputs.at("merchant_rows").count(0, kMerchantRowsMax);
  info.merchant_feature_names = features_of(inputs.at("merchant_features"));
  info.merchant_features = info.merchant_feature_names.size();
  if ((info.merchant_rows == 0) != (info.merchant_features == 0)) {
    inputs.at("merchant_rows").refuse("and merchant_features must both be empty, or neither");
  }
}

/// What a network over rows needs: at least one feature and one past row.
void read_rows(const CheckedJson& inputs, ModelInfo& info) {
  info.features = features_of(inputs.at("features"));
  if (info.features.empty()) inputs.at("features").refuse("must name at least one feature");
  info.history_rows = inputs.at("history_rows").count(1, kernels::kWindowMax);
  if (inputs.at("log_gap").text() != "log1p(minutes)") {
    inputs.at("log_gap").refuse("must be \"log1p(minutes)\", the only one this build computes");
  }
  read_merchant(inputs, info);
}

/// Without such a network nobody would read the rows, so nobody may be made to gather them.
void refuse_rows(const CheckedJson& inputs) {
  for (const char* list : {"features", "merchant_features"}) {
    if (inputs.at(list).list(kFeaturesMax) != 0) {
      inputs.at(list).refuse("must be empty: the package has no sequence part to read rows");
    }
  }
  (void)inputs.at("history_rows").count(0, 0);
  (void)inputs.at("merchant_rows").count(0, 0);
}

void read_declared(const CheckedJson& json, ModelInfo& info) {
  std::vector<std::string> names;
  const std::size_t count = json.list(kDeclaredMax);
  for (std::size_t i = 0; i < count; ++i) {
    const CheckedJson declared = json.item(i);
    add_unique(names, name_of(declared.at("name")), declared);
    info.declared.push_back({names.back(), declared.at("definition").text()});
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

SequencePart sequence_of(const CheckedJson& json, ModelInfo& info) {
  read_heads(json.at("outputs"), info);
  return {name_of(json.at("version")), file_of(json), operators_of(json.at("operators"))};
}

/// "declared:NAME" or "sequence:OUTPUT".
TreesInput trees_input_of(const CheckedJson& json, const Manifest& manifest) {
  const std::string text = json.text();
  const std::size_t colon = text.find(':');
  const std::string source = text.substr(0, colon);
  if (colon == text.npos || (source != "declared" && source != "sequence")) {
    json.refuse("must be \"declared:NAME\" or \"sequence:OUTPUT\", not \"" + text + "\"");
  }
  const std::string name = text.substr(colon + 1);
  if (source == "declared") {
    const auto& declared = manifest.info.declared;
    const auto found = std::find_if(declared.begin(), declared.end(),
                                    [&](const DeclaredInput& d) { return d.name == name; });
    if (found == declared.end()) json.refuse("is not among inputs.declared: " + name);
    return {TreesInput::Source::kDeclared, static_cast<std::size_t>(found - declared.begin())};
  }
  if (!manifest.sequence) json.refuse("reads a sequence part, and the package has none: " + name);
  const auto& outputs = manifest.info.heads;
  const auto found = std::find(outputs.begin(), outputs.end(), name);
  if (found == outputs.end()) json.refuse("is not among parts.sequence.outputs: " + name);
  return {TreesInput::Source::kSequence, static_cast<std::size_t>(found - outputs.begin())};
}

TreesPart trees_of(const CheckedJson& json, const Manifest& manifest) {
  TreesPart trees{name_of(json.at("version")), file_of(json), {}, 0};
  const CheckedJson inputs = json.at("inputs");
  const std::size_t count = inputs.list(kTreesInputsMax);
  if (count == 0) inputs.refuse("must name at least one input");
  for (std::size_t i = 0; i < count; ++i) {
    const TreesInput input = trees_input_of(inputs.item(i), manifest);
    if (std::find(trees.inputs.begin(), trees.inputs.end(), input) != trees.inputs.end()) {
      inputs.item(i).refuse("is named twice: " + inputs.item(i).text());
    }
    trees.inputs.push_back(input);
  }
  trees.rounds = json.at("rounds").count(1, kRoundsMax);
  return trees;
}

Blend blend_of(const CheckedJson& json) {
  const Blend blend{json.at("sequence").finite(), json.at("trees").finite(),
                    json.at("bias").finite()};
  for (const char* part : {"sequence", "trees"}) {
    if (json.at(part).finite() < 0) {
      json.at(part).refuse("must not be negative: a higher logit is a higher risk");
    }
  }
  if (blend.sequence == 0 && blend.trees == 0) json.refuse("gives no part a weight");
  return blend;
}

Platt platt_of(const CheckedJson& json) {
  const Platt platt{json.at("slope").finite(), json.at("intercept").finite()};
  if (platt.slope <= 0)
    json.at("slope").refuse("must be positive: a higher logit is a higher risk");
  return platt;
}

Isotonic isotonic_of(const CheckedJson& json) {
  const CheckedJson z = json.at("z");
  const CheckedJson p = json.at("p");
  const std::size_t knots = z.list(Isotonic::kKnotsMax);
  if (knots < 2) z.refuse("must have at least 2 knots");
  if (p.list(Isotonic::kKnotsMax) != knots) {
    p.refuse("must have as many items as z, " + std::to_string(knots));
  }
  Isotonic isotonic;
  for (std::size_t i = 0; i < knots; ++i) {
    isotonic.z.push_back(z.item(i).finite());
    isotonic.p.push_back(p.item(i).finite());
    if (i > 0 && isotonic.z[i] <= isotonic.z[i - 1]) {
      z.item(i).refuse("must be greater than the one before");
    }
    if (isotonic.p[i] < 0 || isotonic.p[i] > 1) p.item(i).refuse("must lie between 0 and 1");
    if (i > 0 && isotonic.p[i] < isotonic.p[i - 1]) {
      p.item(i).refuse("must not be less than the one before: a higher logit is a higher risk");
    }
  }
  return isotonic;
}

Calibration calibration_of(const CheckedJson& json) {
  const std::string method = json.at("method").text();
  if (method == "platt") return platt_of(json);
  if (method == "isotonic") return isotonic_of(json);
  json.at("method").refuse("must be \"platt\" or \"isotonic\", not \"" + method + "\"");
}

/// Format 1: the one part lies open in the manifest, and is as old as the package.
void read_only_part(const CheckedJson& root, Manifest& manifest) {
  read_rows(root.at("inputs"), manifest.info);
  SequencePart& part = manifest.sequence.emplace();
  part.version = manifest.info.version;
  part.file = file_of(root.at("model"));
  part.operators = operators_of(root.at("operators"));
  read_heads(root.at("heads"), manifest.info);
}

void read_parts(const CheckedJson& root, Manifest& manifest) {
  const CheckedJson parts = root.at("parts");
  const CheckedJson inputs = root.at("inputs");
  for (const std::string& key : parts.keys()) {
    if (key != "sequence" && key != "trees") {
      parts.at(key).refuse("is a part this build does not have");
    }
  }
  if (parts.keys().empty()) parts.refuse("must hold sequence, trees or both");
  read_declared(inputs.at("declared"), manifest.info);
  if (parts.has("sequence")) {
    read_rows(inputs, manifest.info);
    manifest.sequence = sequence_of(parts.at("sequence"), manifest.info);
  } else {
    refuse_rows(inputs);
  }
  if (parts.has("trees")) manifest.trees = trees_of(parts.at("trees"), manifest);
  const bool both = manifest.sequence && manifest.trees;
  if (both) manifest.blend = blend_of(root.at("blend"));
  if (!both && root.has("blend")) root.at("blend").refuse("needs two parts, the package has one");
}

}  // namespace

Result<Manifest> parse_manifest(std::string_view bytes) {
  try {
    const nlohmann::json document = parse_json(bytes, "manifest.json");
    const CheckedJson root(document, "manifest.json");
    const std::size_t format = root.at("format").count(0, 1'000'000);
    if (std::find(std::begin(kManifestFormats), std::end(kManifestFormats), format) ==
        std::end(kManifestFormats)) {
      root.at("format").refuse("is not one that this build reads, 1 or 2");
    }
    Manifest manifest;
    manifest.info.name = name_of(root.at("name"));
    manifest.info.version = name_of(root.at("version"));
    manifest.golden = file_of(root.at("golden"));
    manifest.golden_cases = root.at("golden").at("cases").count(1, kGoldenCasesMax);
    if (format == 1) {
      read_only_part(root, manifest);
    } else {
      read_parts(root, manifest);
    }
    manifest.calibration = calibration_of(root.at("calibration").at("fraud"));
    return manifest;
  } catch (const Refusal& refusal) {
    return fatal(refusal.what());
  }
}

}  // namespace weir
