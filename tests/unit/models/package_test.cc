// Packages: whatever does not fit is refused, with a message that says what, where and what to do.
// Method: a good package made on the spot; each test bends one thing and rewrites digests where
// they are not the point.

#include "models/package.h"

#include <bit>
#include <cmath>
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
  EXPECT_EQ(package->manifest.calibration.slope, 1.25);
  EXPECT_EQ(package->manifest.calibration.intercept, -3.5);
  EXPECT_EQ(package->golden.size(), 5U);
  EXPECT_EQ(package->model, package_.model);
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

struct BentManifest {
  const char* pointer;  // where in the manifest
  json value;           // what stands there; null removes the key
  std::string expected;
};

TEST_F(PackageTest, RefusesAManifestItCannotServeAndSaysWhere) {
  const BentManifest bent[] = {
      {"/format", 2, "format is not the one this build reads, 1"},
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
      {"/calibration/fraud/method", "isotonic", "calibration.fraud.method must be \"platt\""},
      {"/calibration/fraud/slope", 0, "calibration.fraud.slope must be positive"},
      {"/calibration/fraud/slope", nullptr, "calibration.fraud lacks the key \"slope\""},
  };
  const json good = package_.manifest;
  for (const BentManifest& bend : bent) {
    package_.manifest = good;
    const json::json_pointer pointer(bend.pointer);
    package_.manifest[pointer] = bend.value;
    if (bend.value.is_null()) package_.manifest[pointer.parent_pointer()].erase(pointer.back());
    EXPECT_THAT(refusal(), HasSubstr(bend.expected)) << bend.pointer;
  }
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

TEST(DigestTest, IsThatOfTheStandard) {  // FIPS 180-2, and the empty message
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

}  // namespace
}  // namespace weir::testing
