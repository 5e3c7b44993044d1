// Packages: whatever does not fit is refused, with a message that says what, where and what to do.
// Method: a good package made on the spot; each test bends one thing and rewrites digests where
// they are not the point.

#include "models/package.h"

#include <bit>
#include <cmath>
#include <functional>
#include <span>
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/digest.h"
#include "models/load_scorer.h"
#include "tests/unit/models/handmade_package.h"

namespace weir::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr NetworkShape kSmall{.features = 3,
                              .width = 16,
                              .row_width = 16,
                              .attention = 1,
                              .inner = 16,
                              .hops = 1,
                              .window = 4};

class PackageTest : public ::testing::Test {
 protected:
  std::string refusal(const std::vector<std::string>& allowed = {}) {
    return refusal_of_disk(package_.write(), allowed);
  }
  static std::string refusal_of_disk(const std::string& folder,
                                     const std::vector<std::string>& allowed = {}) {
    const auto loaded = load_scorer(folder, {.allowed_digests = allowed, .warm_up_batch = 4});
    if (loaded) return "loaded";
    EXPECT_EQ(loaded.error().kind, ErrorKind::kFatal);
    EXPECT_THAT(loaded.error().message, HasSubstr("model package " + folder));
    return loaded.error().message;
  }

  HandmadePackage package_{kSmall};
};

TEST_F(PackageTest, LoadsAndTellsWhatTheEngineMustKnow) {
  const auto package = read_package(package_.write(), {});
  ASSERT_TRUE(package) << package.error().message;
  const ModelInfo& info = package->manifest.info;
  EXPECT_EQ(info.name, "handmade");
  EXPECT_EQ(info.version, "1.0.0");
  EXPECT_EQ(info.digest, package_.digest());
  EXPECT_EQ(info.features, (std::vector<std::string>{"feature_0", "feature_1", "feature_2"}));
  EXPECT_EQ(info.history_rows, 4U);
  EXPECT_EQ(info.merchant_rows, 0U);
  EXPECT_EQ(info.heads, std::vector<std::string>{"fraud"});
  EXPECT_EQ(info.fraud_head, 0U);
  const auto& platt = std::get<Platt>(package->manifest.calibration);
  EXPECT_EQ(platt.slope, 1.25);
  EXPECT_EQ(platt.intercept, -3.5);
  EXPECT_EQ(package->golden.size(), 5U);
  EXPECT_EQ(package->sequence, package_.model);
}

TEST_F(PackageTest, FindsTheHeadFraudAmongOthers) {
  HandmadePackage several({.features = 3,
                           .width = 16,
                           .row_width = 16,
                           .attention = 1,
                           .inner = 16,
                           .hops = 1,
                           .window = 4,
                           .heads = 3});
  several.manifest["heads"] = {"mule", "fraud", "takeover"};
  const auto scorer = load_scorer(several.write(), {.allowed_digests = {}, .warm_up_batch = 4});
  ASSERT_TRUE(scorer) << scorer.error().message;
  EXPECT_EQ((*scorer)->info().fraud_head, 1U);
}

TEST_F(PackageTest, LoadsOnlyWhatTheListAllows) {
  const std::string folder = package_.write();
  const std::string other = "sha256:" + std::string(64, '0');
  EXPECT_EQ(refusal_of_disk(folder, {other, package_.digest()}), "loaded");
  const std::string message = refusal_of_disk(folder, {other});
  EXPECT_THAT(message, HasSubstr("not on the list of allowed digests"));
  EXPECT_THAT(message, HasSubstr(package_.digest()));
}

TEST_F(PackageTest, RefusesAChangedModelOrGoldenFileByName) {
  for (const std::string name : {"model.pt", "golden.jsonl"}) {
    const std::string folder = package_.write();
    std::string bytes = read_bytes(package_.file(name));
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    write_bytes(package_.file(name), bytes);
    EXPECT_THAT(refusal_of_disk(folder),
                HasSubstr(name + " is not the file the manifest describes"));
  }
}

TEST_F(PackageTest, RefusesAMissingFileByName) {
  for (const std::string name : {"manifest.json", "model.pt", "golden.jsonl"}) {
    const std::string folder = package_.write();
    std::filesystem::remove(package_.file(name));
    EXPECT_THAT(refusal_of_disk(folder), HasSubstr("no such file"));
    EXPECT_THAT(refusal_of_disk(folder), HasSubstr(name));
  }
}

TEST_F(PackageTest, RefusesWhatIsNotJson) {
  const std::string folder = package_.write();
  write_bytes(package_.file("manifest.json"), "{\"format\": 1,");
  EXPECT_THAT(refusal_of_disk(folder), HasSubstr("manifest.json: not valid JSON"));
  write_bytes(package_.file("manifest.json"), R"({"format": 1, "format": 2})");
  EXPECT_THAT(refusal_of_disk(folder), HasSubstr("manifest.json: the same key twice: format"));
  write_bytes(package_.file("manifest.json"), "[]");
  EXPECT_THAT(refusal_of_disk(folder), HasSubstr("manifest.json: must be an object"));
}

/// Bends one thing of the manifest at a time; null removes a key.
struct BentManifest {
  const char* pointer;  // where in the manifest
  json value;           // what stands there; null removes the key
  std::string expected;
};

void expect_refusals(HandmadePackage& package, std::span<const BentManifest> bent,
                     const std::function<std::string()>& refusal) {
  const json good = package.manifest;
  for (const BentManifest& bend : bent) {
    package.manifest = good;
    const json::json_pointer pointer(bend.pointer);
    package.manifest[pointer] = bend.value;
    if (bend.value.is_null()) package.manifest[pointer.parent_pointer()].erase(pointer.back());
    EXPECT_THAT(refusal(), HasSubstr(bend.expected)) << bend.pointer;
  }
  package.manifest = good;
}

TEST_F(PackageTest, RefusesAManifestItCannotServeAndSaysWhere) {
  const BentManifest bent[] = {
      {"/format", 3, "format is not one that this build reads, 1 or 2"},
      {"/format", "1", "format must be a whole number"},
      {"/name", nullptr, "lacks the key \"name\""},
      {"/name", "a/b", "name may hold letters"},
      {"/version", "", "version must be 1 to 200"},
      {"/model/file", "../model.pt", "model.file may hold letters"},
      {"/inputs", nullptr, "lacks the key \"inputs\""},
      {"/inputs/features", json::array(), "inputs.features must name at least one"},
      {"/inputs/features/1/name", "feature_0", "inputs.features[1] names \"feature_0\" twice"},
      {"/inputs/features/2/default", "none", "inputs.features[2].default must be a number"},
      {"/inputs/history_rows", 0,
       "inputs.history_rows must be a whole number from 1 to 128, not 0"},
      {"/inputs/history_rows", 129, "from 1 to 128, not 129"},
      {"/inputs/history_rows", 4.5, "from 1 to 128, not 4.5"},
      {"/inputs/log_gap", "log(seconds)", "inputs.log_gap must be \"log1p(minutes)\""},
      {"/inputs/merchant_rows", 8, "inputs.merchant_rows and merchant_features must both be empty"},
      {"/operators",
       {"weir::linear", "weir::rotate"},
       "operators[1] is an operator this build does not have: weir::rotate"},
      {"/operators", {"weir::linear"}, "an operator its manifest does not name: weir::attend"},
      {"/heads", {"mule"}, "heads must name the head \"fraud\""},
      {"/heads", {"fraud", "mule"}, "bits must have 2 items"},
      {"/calibration/fraud/method", "beta",
       "calibration.fraud.method must be \"platt\" or \"isotonic\", not \"beta\""},
      {"/calibration/fraud/slope", 0, "calibration.fraud.slope must be positive"},
      {"/calibration/fraud/slope", nullptr, "calibration.fraud lacks the key \"slope\""},
  };
  expect_refusals(package_, bent, [&] { return refusal(); });
}

TEST_F(PackageTest, RefusesShapesThatAreNotThoseOfTheModel) {
  package_.manifest["inputs"]["features"].erase(2);
  EXPECT_THAT(refusal(), HasSubstr("golden cases, line 1: current has more than 2 items"));
  for (json& line : package_.golden) {
    line["current"].erase(2);
    for (json& row : line["history"]) row.erase(2);
  }
  EXPECT_THAT(refusal(),
              HasSubstr("weir::linear: x [1, 2], weight [3, 16] and bias [16] do not fit"));
}

TEST_F(PackageTest, RefusesAModelWithAnotherNumberOfLogits) {
  package_.model = torchscript(package_.weights, "return torch.cat([logits, logits], 1)");
  EXPECT_THAT(refusal(), HasSubstr("logits must be [1, 1], not [1, 2]"));
}

TEST_F(PackageTest, RefusesAModelThatAnswersOtherBitsThanItsGoldenCases) {
  json& golden = package_.golden[3];
  const auto nearby = std::nextafter(golden["logits"][0].get<float>(), 1e9F);
  golden["logits"][0] = double{nearby};
  EXPECT_THAT(refusal(),
              HasSubstr("golden cases, line 4: logits[0] and bits are not the same number"));
  std::string hex = fmt::format("{:08x}", std::bit_cast<std::uint32_t>(nearby));
  golden["bits"][0] = hex;
  const std::string message = refusal();
  EXPECT_THAT(message, HasSubstr("does not repeat its golden cases here"));
  EXPECT_THAT(message, HasSubstr("case 4, head fraud"));
  EXPECT_THAT(message, HasSubstr("golden " + hex));
}

TEST_F(PackageTest, RefusesBrokenGoldenLinesByNumber) {
  const json good = package_.golden[1];
  const auto bend = [&](const char* pointer, json value) {
    package_.golden[1] = good;
    package_.golden[1][json::json_pointer(pointer)] = std::move(value);
    return refusal();
  };
  EXPECT_THAT(bend("/mask/0", 0.5), HasSubstr("golden cases, line 2: mask must hold 0 and 1 only"));
  EXPECT_THAT(bend("/bits/0", "zz"), HasSubstr("line 2: bits[0] must be 8 hexadecimal digits"));
  EXPECT_THAT(bend("/history/3/0", 1e300),
              HasSubstr("line 2: history[3][0] does not fit a float32"));
  EXPECT_THAT(bend("/log_gap", json::array()), HasSubstr("line 2: log_gap must have 4 items"));
  EXPECT_THAT(bend("/merchant", {{1.0}}), HasSubstr("line 2: merchant has more than 0 items"));
}

TEST_F(PackageTest, RefusesANumberOfGoldenCasesTheManifestDoesNotPromise) {
  const std::string folder = package_.write();
  json manifest = package_.manifest;
  manifest["golden"]["cases"] = 6;
  write_bytes(package_.file("manifest.json"), manifest.dump());
  EXPECT_THAT(refusal_of_disk(folder),
              HasSubstr("manifest promises 6 golden cases, golden.jsonl has 5"));
}

TEST_F(PackageTest, RefusesBytesThatAreNoTorchScript) {
  package_.model = "not a zip archive";
  EXPECT_THAT(refusal(), HasSubstr("TorchScript module cannot be used"));
}

TEST_F(PackageTest, RefusesOperatorsWhoseBitsDependOnTheBatch) {
  for (const std::string name : {"sigmoid", "softmax", "matmul"}) {
    const std::string last_line = name == "sigmoid"   ? "return torch.sigmoid(logits)"
                                  : name == "softmax" ? "return torch.softmax(logits, 1)"
                                                      : "return torch.matmul(logits, logits)";
    package_.model = torchscript(package_.weights, last_line);
    EXPECT_THAT(refusal(), HasSubstr("whose bits may depend on the batch")) << name;
    EXPECT_THAT(refusal(), HasSubstr("aten::" + name));
  }
}

// ---- format 2: a sequence part, trees, or both ----

constexpr NetworkShape kSmallWithTrees{.features = 3,
                                       .width = 16,
                                       .row_width = 16,
                                       .attention = 1,
                                       .inner = 16,
                                       .hops = 1,
                                       .window = 4,
                                       .heads = 2,
                                       .declared = 3};

class PackageOfTwoPartsTest : public PackageTest {
 protected:
  std::string refusal() { return refusal_of_disk(two_.write()); }

  HandmadePackage two_{kSmallWithTrees, 7, Made::kBoth};
};

TEST_F(PackageOfTwoPartsTest, LoadsAndTellsWhatTheEngineMustKnow) {
  const auto package = read_package(two_.write(), {});
  ASSERT_TRUE(package) << package.error().message;
  const Manifest& manifest = package->manifest;
  const ModelInfo& info = manifest.info;
  EXPECT_EQ(info.digest, two_.digest());
  EXPECT_EQ(info.features.size(), 3U);
  EXPECT_EQ(info.declared,
            (std::vector<DeclaredInput>{{"declared_0", "merchant count window=1d"},
                                        {"declared_1", "merchant count window=2d"},
                                        {"declared_2", "merchant count window=3d"}}));
  EXPECT_EQ(info.heads, (std::vector<std::string>{"fraud", "head_1"}));
  using Source = TreesInput::Source;
  EXPECT_EQ(manifest.trees->inputs, (std::vector<TreesInput>{{Source::kDeclared, 0},
                                                             {Source::kDeclared, 1},
                                                             {Source::kDeclared, 2},
                                                             {Source::kSequence, 0},
                                                             {Source::kSequence, 1}}));
  EXPECT_EQ(manifest.blend->sequence, 0.375);
  EXPECT_EQ(manifest.blend->trees, 0.6);
  EXPECT_EQ(manifest.blend->bias, -0.125);
  EXPECT_EQ(package->sequence, two_.model);
  EXPECT_EQ(package->trees, two_.trees);
}

TEST_F(PackageOfTwoPartsTest, TellsTheNamesOfMerchantFeatures) {
  two_.manifest["inputs"]["merchant_rows"] = 1;
  two_.manifest["inputs"]["merchant_features"] = {
      {{"name", "fraud"}, {"unit", "0 or 1"}, {"default", 0.0}},
      {{"name", "log_age"}, {"unit", "ln(1 + minutes)"}, {"default", 0.0}}};
  for (json& line : two_.golden) {
    line["merchant"] = {{1.0, 2.5}};
    line["merchant_mask"] = {1.0};
  }
  const auto scorer = load_scorer(two_.write(), {.allowed_digests = {}, .warm_up_batch = 4});
  ASSERT_TRUE(scorer) << scorer.error().message;
  EXPECT_EQ((*scorer)->info().merchant_feature_names,
            (std::vector<std::string>{"fraud", "log_age"}));
  EXPECT_EQ((*scorer)->info().merchant_features, 2U);
}

TEST_F(PackageOfTwoPartsTest, TakesADeclaredFeatureNobodyReads) {
  two_.manifest["inputs"]["declared"].push_back(
      {{"name", "spare"}, {"definition", "user last amount"}});
  for (json& line : two_.golden) line["declared"].push_back(nullptr);
  EXPECT_EQ(refusal(), "loaded");
}

TEST_F(PackageOfTwoPartsTest, RefusesAManifestItCannotServeAndSaysWhere) {
  const json knots = {{"method", "isotonic"}, {"z", {-1.0, 0.5, 2.0}}, {"p", {0.0, 0.1, 0.9}}};
  const auto bent_knots = [&](const char* key, json value) {
    json bent = knots;
    bent[key] = std::move(value);
    return bent;
  };
  const BentManifest bent[] = {
      {"/parts", nullptr, "lacks the key \"parts\""},
      {"/parts", json::array(), "parts must be an object"},
      {"/parts", json::object(), "parts must hold sequence, trees or both"},
      {"/parts/forest", json::object(), "parts.forest is a part this build does not have"},
      {"/parts/sequence/version", nullptr, "parts.sequence lacks the key \"version\""},
      {"/parts/sequence/file", "../model.pt", "parts.sequence.file may hold letters"},
      {"/parts/sequence/operators", {"weir::rotate"}, "parts.sequence.operators[0] is an operator"},
      {"/parts/sequence/outputs", {"mule", "head_1"}, "must name the head \"fraud\""},
      {"/parts/sequence/outputs", {"fraud", "fraud"}, "names \"fraud\" twice"},
      {"/parts/trees/version", "", "parts.trees.version must be 1 to 200"},
      {"/parts/trees/file", nullptr, "parts.trees lacks the key \"file\""},
      {"/parts/trees/inputs", json::array(), "parts.trees.inputs must name at least one input"},
      {"/parts/trees/inputs/0", "declared_0",
       "parts.trees.inputs[0] must be \"declared:NAME\" or \"sequence:OUTPUT\", not"},
      {"/parts/trees/inputs/0", "current:x", "not \"current:x\""},
      {"/parts/trees/inputs/0", "declared:declared_9",
       "parts.trees.inputs[0] is not among inputs.declared: declared_9"},
      {"/parts/trees/inputs/3", "sequence:head_9",
       "parts.trees.inputs[3] is not among parts.sequence.outputs: head_9"},
      {"/parts/trees/inputs/1", "declared:declared_0",
       "parts.trees.inputs[1] is named twice: declared:declared_0"},
      {"/parts/trees/inputs",
       {"declared:declared_0", "sequence:fraud"},
       "trees cannot be used: trained on 5 inputs, the manifest names 2"},
      {"/parts/trees/rounds", 0, "parts.trees.rounds must be a whole number from 1"},
      {"/parts/trees/rounds", 19, "20 rounds, the manifest says 19"},
      {"/inputs/declared", nullptr, "inputs lacks the key \"declared\""},
      {"/inputs/declared/1/name", "declared_0", "inputs.declared[1] names \"declared_0\" twice"},
      {"/inputs/declared/1/name", "a b", "inputs.declared[1].name may hold letters"},
      {"/inputs/declared/1/definition", "", "inputs.declared[1].definition must be 1 to 200"},
      {"/inputs/declared/1/definition", nullptr, "lacks the key \"definition\""},
      {"/blend", nullptr, "lacks the key \"blend\""},
      {"/blend/bias", nullptr, "blend lacks the key \"bias\""},
      {"/blend/trees", "half", "blend.trees must be a number"},
      {"/blend/sequence", -0.1, "blend.sequence must not be negative"},
      {"/blend", {{"sequence", 0}, {"trees", 0.0}, {"bias", 1}}, "blend gives no part a weight"},
      {"/calibration/fraud", {{"method", "isotonic"}, {"z", {0, 1}}}, "lacks the key \"p\""},
      {"/calibration/fraud", bent_knots("z", {-1.0}), "fraud.z must have at least 2 knots"},
      {"/calibration/fraud", bent_knots("p", {0.0, 0.1}),
       "fraud.p must have as many items as z, 3"},
      {"/calibration/fraud", bent_knots("z", {-1.0, -1.0, 2.0}), "fraud.z[1] must be greater"},
      {"/calibration/fraud", bent_knots("z", {-1.0, "0", 2.0}), "fraud.z[1] must be a number"},
      {"/calibration/fraud", bent_knots("p", {-0.1, 0.1, 0.9}),
       "fraud.p[0] must lie between 0 and 1"},
      {"/calibration/fraud", bent_knots("p", {0.0, 0.1, 1.1}),
       "fraud.p[2] must lie between 0 and 1"},
      {"/calibration/fraud", bent_knots("p", {0.2, 0.1, 0.9}), "fraud.p[1] must not be less"},
  };
  expect_refusals(two_, bent, [&] { return refusal(); });
  two_.manifest["calibration"]["fraud"] = knots;
  EXPECT_EQ(refusal(), "loaded");
}

TEST_F(PackageOfTwoPartsTest, RefusesABlendOfOnePart) {
  for (const Made made : {Made::kSequence, Made::kTrees}) {
    HandmadePackage one(kSmallWithTrees, 7, made);
    one.manifest["blend"] = two_.manifest["blend"];
    EXPECT_THAT(refusal_of_disk(one.write()),
                HasSubstr("blend needs two parts, the package has one"));
  }
}

TEST_F(PackageOfTwoPartsTest, RefusesAChangedOrMissingFileByName) {
  for (const std::string name : {"model.pt", "trees.ubj", "golden.jsonl"}) {
    const std::string folder = two_.write();
    std::string bytes = read_bytes(two_.file(name));
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    write_bytes(two_.file(name), bytes);
    EXPECT_THAT(refusal_of_disk(folder),
                HasSubstr(name + " is not the file the manifest describes"));
    std::filesystem::remove(two_.file(name));
    EXPECT_THAT(refusal_of_disk(folder), HasSubstr("no such file"));
    EXPECT_THAT(refusal_of_disk(folder), HasSubstr(name));
  }
}

TEST_F(PackageOfTwoPartsTest, RefusesTreesThatAnswerOtherBitsThanTheirGoldenCases) {
  json& golden = two_.golden[2];
  const auto nearby = std::nextafter(golden["margin"].get<float>(), 1e9F);
  golden["margin"] = double{nearby};
  EXPECT_THAT(refusal(),
              HasSubstr("golden cases, line 3: margin and bits are not the same number"));
  const std::string hex = fmt::format("{:08x}", std::bit_cast<std::uint32_t>(nearby));
  golden["margin_bits"] = hex;
  EXPECT_THAT(refusal(), HasSubstr("the trees do not repeat their golden cases here"));
  EXPECT_THAT(refusal(), HasSubstr("case 3, in a batch of 1"));
  EXPECT_THAT(refusal(), HasSubstr("golden " + hex));
}

TEST_F(PackageOfTwoPartsTest, RefusesBrokenGoldenLinesByNumber) {
  const json good = two_.golden[1];
  const auto bend = [&](const char* key, json value) {
    two_.golden[1] = good;
    two_.golden[1][key] = std::move(value);
    if (two_.golden[1][key].is_null()) two_.golden[1].erase(key);
    return refusal();
  };
  EXPECT_THAT(bend("declared", nullptr), HasSubstr("line 2: lacks the key \"declared\""));
  EXPECT_THAT(bend("declared", {1, 2}), HasSubstr("line 2: declared must have 3 items"));
  EXPECT_THAT(bend("declared", {1, "x", 3}), HasSubstr("line 2: declared[1] must be a number"));
  EXPECT_THAT(bend("margin", nullptr), HasSubstr("line 2: lacks the key \"margin\""));
  EXPECT_THAT(bend("margin_bits", "12"), HasSubstr("margin_bits must be 8 hexadecimal digits"));
}

TEST_F(PackageOfTwoPartsTest, RefusesTreesAloneThatReadWhatIsNotThere) {
  HandmadePackage trees({.declared = 3}, 7, Made::kTrees);
  const BentManifest bent[] = {
      {"/parts/trees/inputs/1", "sequence:fraud",
       "parts.trees.inputs[1] reads a sequence part, and the package has none: fraud"},
      {"/inputs/features",
       {{{"name", "log_amount"}, {"unit", "1"}, {"default", 0}}},
       "inputs.features must be empty: the package has no sequence part"},
      {"/inputs/history_rows", 16,
       "inputs.history_rows must be a whole number from 0 to 0, not 16"},
      {"/inputs/merchant_rows", 8,
       "inputs.merchant_rows must be a whole number from 0 to 0, not 8"},
  };
  expect_refusals(trees, bent, [&] { return refusal_of_disk(trees.write()); });
  trees.trees = "not trees";
  EXPECT_THAT(refusal_of_disk(trees.write()), HasSubstr("trees cannot be used: no UBJSON"));
}

TEST(DigestTest, IsThatOfTheStandard) {  // FIPS 180-2, and the empty message
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

}  // namespace
}  // namespace weir::testing
