#include "tests/unit/models/handmade_package.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <sstream>
#include <stdexcept>

#include <fmt/format.h>
#include <torch/csrc/jit/frontend/resolver.h>
#include <torch/csrc/jit/frontend/sugared_value.h>
#include <torch/script.h>

#include "models/digest.h"
#include "models/torch_ops.h"
#include "tests/unit/models/handmade_trees.h"

namespace weir::testing {
namespace {

using nlohmann::json;

class WeightMaker {
 public:
  WeightMaker(std::vector<NetworkWeights::Array>& arrays, std::uint32_t seed)
      : arrays_(arrays), random_(seed) {}

  void linear(const std::string& name, std::size_t in, std::size_t out) {
    array(name + "_weight", {in, out}, 1.5F / std::sqrt(static_cast<float>(in)));
    array(name + "_bias", {out}, 0.1F);
  }
  void array(const std::string& name, std::vector<std::size_t> sizes, float scale) {
    std::size_t count = 1;
    for (const std::size_t size : sizes) count *= size;
    std::vector<float> values(count);
    std::normal_distribution<float> draw(0, scale);
    for (float& value : values) value = draw(random_);
    arrays_.push_back({name, std::move(sizes), std::move(values)});
  }

 private:
  std::vector<NetworkWeights::Array>& arrays_;
  std::mt19937 random_;
};

/// Lets source text say weir.linear(...), which from Python is torch.ops.weir.linear(...).
struct WeirResolver final : torch::jit::Resolver {
  std::shared_ptr<torch::jit::SugaredValue> resolveValue(
      const std::string& name, torch::jit::GraphFunction& function,
      const torch::jit::SourceRange& place) override {
    if (name == "weir") return std::make_shared<torch::jit::BuiltinModule>("weir");
    return torch::jit::nativeResolver()->resolveValue(name, function, place);
  }
};

std::string linear_call(const std::string& name, const std::string& input, bool relu) {
  return fmt::format("weir.linear({1}, self.{0}_weight, self.{0}_bias, {2})", name, input,
                     relu ? "True" : "False");
}

std::string forward_source(const NetworkShape& shape, const std::string& last_line) {
  std::string source =
      "def forward(self, current, history, log_gap, mask, merchant, merchant_mask):\n";
  const auto line = [&source](const std::string& text) { source += "  " + text + "\n"; };
  line("x = " + linear_call("token_in", "current", true));
  line("x = " + linear_call("token_out", "x", false));
  line("rows = " + linear_call("encode", "history", true));
  for (std::size_t hop = 0; hop < shape.hops; ++hop) {
    const std::string h = fmt::format("hop{}", hop);
    line("q = " + linear_call(h + "_ask", "x", false));
    line(fmt::format("y = weir.attend(q, rows, log_gap, mask, self.{0}_slope, self.{0}_table)", h));
    line("x = x + " + linear_call(h + "_take", "y", false));
    line("z = " + linear_call(h + "_widen", "x", true));
    line("x = x + " + linear_call(h + "_narrow", "z", false));
  }
  line("logits = " + linear_call("head", "x", false));
  line(last_line);
  return source;
}

json floats(const std::vector<float>& values, std::size_t from, std::size_t count) {
  json list = json::array();
  for (std::size_t i = from; i < from + count; ++i) list.push_back(double{values[i]});  // exact
  return list;
}

json rows(const std::vector<float>& values, std::size_t from, std::size_t count, std::size_t size) {
  json list = json::array();
  for (std::size_t i = 0; i < count; ++i) list.push_back(floats(values, from + i * size, size));
  return list;
}

std::string hex(float value) {
  return fmt::format("{:08x}", std::bit_cast<std::uint32_t>(value));
}

json declared_of(const ScoreBatch& batch, const NetworkShape& shape, std::size_t row) {
  json list = floats(batch.declared, row * shape.declared, shape.declared);
  for (json& value : list) {
    if (std::isnan(value.get<double>())) value = nullptr;
  }
  return list;
}

json golden_case(const ScoreBatch& batch, const NetworkShape& shape, std::size_t row,
                 const std::vector<float>& logits) {
  json bits = json::array();
  for (std::size_t head = 0; head < shape.heads; ++head) {
    bits.push_back(hex(logits[row * shape.heads + head]));
  }
  const std::size_t w = shape.window;
  return {{"current", floats(batch.current, row * shape.features, shape.features)},
          {"history", rows(batch.history, row * w * shape.features, w, shape.features)},
          {"log_gap", floats(batch.log_gap, row * w, w)},
          {"mask", floats(batch.mask, row * w, w)},
          {"merchant", json::array()},
          {"merchant_mask", json::array()},
          {"logits", floats(logits, row * shape.heads, shape.heads)},
          {"bits", bits}};
}

json inputs_of(const NetworkShape& shape) {
  json features = json::array();
  for (std::size_t i = 0; i < shape.features; ++i) {
    features.push_back({{"name", fmt::format("feature_{}", i)}, {"unit", "1"}, {"default", 0.0}});
  }
  return {{"features", features},
          {"history_rows", shape.window},
          {"log_gap", "log1p(minutes)"},
          {"merchant_rows", 0},
          {"merchant_features", json::array()}};
}

json declarations_of(const NetworkShape& shape) {
  json declared = json::array();
  for (std::size_t i = 0; i < shape.declared; ++i) {
    declared.push_back({{"name", fmt::format("declared_{}", i)},
                        {"definition", fmt::format("merchant count window={}d", i + 1)}});
  }
  return declared;
}

json heads_of(const NetworkShape& shape) {
  json heads = json::array();
  for (std::size_t i = 0; i < shape.heads; ++i) {
    heads.push_back(i == 0 ? "fraud" : fmt::format("head_{}", i));
  }
  return heads;
}

json trees_part(const NetworkShape& shape, std::size_t rounds) {
  json inputs = json::array();
  for (std::size_t i = 0; i < shape.declared; ++i) {
    inputs.push_back(fmt::format("declared:declared_{}", i));
  }
  for (const json& head : heads_of(shape)) inputs.push_back("sequence:" + head.get<std::string>());
  return {{"version", "1.0.0"},
          {"file", "trees.ubj"},
          {"sha256", ""},
          {"inputs", inputs},
          {"rounds", rounds}};
}

json manifest_of(const NetworkShape& shape, Made made, std::size_t rounds) {
  json manifest = {
      {"format", made == Made::kFormat1 ? 1 : 2},
      {"name", "handmade"},
      {"version", "1.0.0"},
      {"golden", {{"file", "golden.jsonl"}, {"sha256", ""}, {"cases", 0}}},
      {"inputs", inputs_of(shape)},
      {"calibration", {{"fraud", {{"method", "platt"}, {"slope", 1.25}, {"intercept", -3.5}}}}},
      {"training", json::object()},
      {"valid_domain", json::object()}};
  const json operators = {"weir::linear", "weir::attend"};
  if (made == Made::kFormat1) {
    manifest["model"] = {{"file", "model.pt"}, {"sha256", ""}};
    manifest["operators"] = operators;
    manifest["heads"] = heads_of(shape);
    return manifest;
  }
  manifest["inputs"]["declared"] = declarations_of(shape);
  manifest["parts"] = json::object();
  if (made != Made::kTrees) {
    manifest["parts"]["sequence"] = {{"version", "1.0.0"},
                                     {"file", "model.pt"},
                                     {"sha256", ""},
                                     {"operators", operators},
                                     {"outputs", heads_of(shape)}};
  }
  if (made != Made::kSequence) manifest["parts"]["trees"] = trees_part(shape, rounds);
  if (made == Made::kBoth) {
    manifest["blend"] = {{"sequence", 0.375}, {"trees", 0.6}, {"bias", -0.125}};
  }
  return manifest;
}

NetworkShape without_rows(NetworkShape shape) {
  shape.features = shape.window = shape.heads = 0;
  return shape;
}

}  // namespace

NetworkWeights::NetworkWeights(const NetworkShape& shape_, std::uint32_t seed) : shape(shape_) {
  WeightMaker make(arrays, seed);
  const std::size_t asked = shape.attention * shape.row_width + shape.attention;
  make.linear("token_in", shape.features, shape.width);
  make.linear("token_out", shape.width, shape.width);
  make.linear("encode", shape.features, shape.row_width);
  for (std::size_t hop = 0; hop < shape.hops; ++hop) {
    const std::string h = fmt::format("hop{}", hop);
    make.linear(h + "_ask", shape.width, asked);
    make.array(h + "_slope", {shape.attention}, 0.5F);
    for (float& slope : arrays.back().values) slope = std::fabs(slope);
    make.array(h + "_table", {kernels::kGapBuckets, shape.attention}, 0.5F);
    make.linear(h + "_take", asked, shape.width);
    make.linear(h + "_widen", shape.width, shape.inner);
    make.linear(h + "_narrow", shape.inner, shape.width);
  }
  make.linear("head", shape.width, shape.heads);
}

const std::vector<float>& NetworkWeights::of(const std::string& name) const {
  const auto found = std::find_if(arrays.begin(), arrays.end(),
                                  [&](const Array& array) { return array.name == name; });
  if (found == arrays.end()) throw std::out_of_range("no weight of this name: " + name);
  return found->values;
}

std::string torchscript(const NetworkWeights& weights, const std::string& last_line) {
  link_torch_operators();
  torch::jit::Module module("Handmade");
  for (const NetworkWeights::Array& array : weights.arrays) {
    const std::vector<std::int64_t> sizes(array.sizes.begin(), array.sizes.end());
    auto copy = array.values;
    module.register_parameter(array.name, at::from_blob(copy.data(), sizes, at::kFloat).clone(),
                              false);
  }
  module.define(forward_source(weights.shape, last_line), std::make_shared<WeirResolver>());
  std::ostringstream bytes;
  module.save(bytes);
  return bytes.str();
}

std::vector<float> composed_logits(const NetworkWeights& weights, const ScoreBatch& batch,
                                   kernels::CpuPath path) {
  const NetworkShape& shape = weights.shape;
  const kernels::Kernels& kernels = kernels::kernels_of(path);
  const auto linear = [&](const std::string& name, const std::vector<float>& x, bool relu) {
    const std::vector<float>& weight = weights.of(name + "_weight");
    const std::vector<float>& bias = weights.of(name + "_bias");
    const std::size_t in = weight.size() / bias.size();
    std::vector<float> y(x.size() / in * bias.size());
    kernels.linear(
        {x.data(), weight.data(), bias.data(), y.data(), x.size() / in, in, bias.size(), relu});
    return y;
  };
  const auto add = [](std::vector<float>& to, const std::vector<float>& from) {
    std::transform(to.begin(), to.end(), from.begin(), to.begin(), std::plus<>());
  };
  std::vector<float> x = linear("token_out", linear("token_in", batch.current, true), false);
  const std::vector<float> encoded = linear("encode", batch.history, true);
  for (std::size_t hop = 0; hop < shape.hops; ++hop) {
    const std::string h = fmt::format("hop{}", hop);
    const std::vector<float> query = linear(h + "_ask", x, false);
    std::vector<float> y(query.size());
    kernels.attend({query.data(), encoded.data(), batch.log_gap.data(), batch.mask.data(),
                    weights.of(h + "_slope").data(), weights.of(h + "_table").data(), y.data(),
                    batch.rows, shape.window, shape.row_width, shape.attention});
    add(x, linear(h + "_take", y, false));
    add(x, linear(h + "_narrow", linear(h + "_widen", x, true), false));
  }
  return linear("head", x, false);
}

ScoreBatch random_batch(const NetworkShape& shape, std::size_t rows, std::mt19937& random) {
  std::normal_distribution<float> value;
  std::uniform_real_distribution<float> gap(0, 12);
  ScoreBatch batch;
  batch.rows = rows;
  batch.history.resize(rows * shape.window * shape.features);
  batch.log_gap.resize(rows * shape.window);
  batch.mask.resize(rows * shape.window);
  for (std::size_t i = 0; i < rows * shape.features; ++i) batch.current.push_back(value(random));
  for (std::size_t row = 0; row < rows; ++row) {
    const std::size_t there = random() % (shape.window + 1);
    for (std::size_t cell = row * shape.window; cell < row * shape.window + there; ++cell) {
      batch.mask[cell] = 1;
      batch.log_gap[cell] = gap(random);
      for (std::size_t f = 0; f < shape.features; ++f) {
        batch.history[cell * shape.features + f] = value(random);
      }
    }
  }
  for (std::size_t i = 0; i < rows * shape.declared; ++i) {
    const bool missing = random() % 10 == 0;
    batch.declared.push_back(missing ? std::numeric_limits<float>::quiet_NaN() : value(random));
  }
  return batch;
}

void append_row(const ScoreBatch& from, const NetworkShape& shape, std::size_t row,
                ScoreBatch& to) {
  const auto copy = [row](const std::vector<float>& source, std::size_t size,
                          std::vector<float>& target) {
    const auto first = source.begin() + static_cast<std::ptrdiff_t>(row * size);
    target.insert(target.end(), first, first + static_cast<std::ptrdiff_t>(size));
  };
  copy(from.current, shape.features, to.current);
  copy(from.history, shape.window * shape.features, to.history);
  copy(from.log_gap, shape.window, to.log_gap);
  copy(from.mask, shape.window, to.mask);
  copy(from.declared, shape.declared, to.declared);
  ++to.rows;
}

ScoreBatch only_row(const ScoreBatch& batch, const NetworkShape& shape, std::size_t row) {
  ScoreBatch one;
  append_row(batch, shape, row, one);
  return one;
}

HandmadePackage::HandmadePackage(const NetworkShape& network, std::uint32_t seed, Made made_)
    : made(made_),
      shape(made == Made::kTrees ? without_rows(network) : network),
      weights(network, seed) {
  const TreesShape forest{.inputs = shape.declared + shape.heads};
  if (made != Made::kTrees) model = torchscript(weights);
  if (made == Made::kTrees || made == Made::kBoth) trees = trained_trees(forest, seed);
  manifest = manifest_of(shape, made, forest.rounds);
  std::string pattern = (std::filesystem::temp_directory_path() / "weir-package-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr)
    throw std::runtime_error("no temporary folder: " + pattern);
  folder_ = pattern;
  std::mt19937 random(seed);
  const ScoreBatch batch = random_batch(shape, 5, random);
  std::vector<float> logits;
  if (!model.empty()) logits = composed_logits(weights, batch, kernels::CpuPath::kScalar);
  std::vector<float> margins;
  if (!trees.empty()) margins = margins_by_matrix(trees, trees_rows(batch), forest.inputs);
  for (std::size_t row = 0; row < batch.rows; ++row) {
    golden.push_back(golden_case(batch, shape, row, logits));
    if (made != Made::kFormat1) golden.back()["declared"] = declared_of(batch, shape, row);
    if (trees.empty()) continue;
    golden.back()["margin"] = double{margins[row]};
    golden.back()["margin_bits"] = hex(margins[row]);
  }
}

HandmadePackage::~HandmadePackage() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::vector<float> HandmadePackage::trees_rows(const ScoreBatch& batch) const {
  std::vector<float> logits;
  if (!model.empty()) logits = composed_logits(weights, batch, kernels::CpuPath::kScalar);
  std::vector<float> columns;
  for (std::size_t row = 0; row < batch.rows; ++row) {
    for (std::size_t i = 0; i < shape.declared; ++i) {
      columns.push_back(batch.declared[row * shape.declared + i]);
    }
    for (std::size_t i = 0; i < shape.heads; ++i) columns.push_back(logits[row * shape.heads + i]);
  }
  return columns;
}

std::string HandmadePackage::write() {
  std::string lines;
  for (const json& line : golden) lines += line.dump() + "\n";
  const auto put = [this](const std::string& name, const std::string& bytes, json& part) {
    write_bytes(file(name), bytes);
    part["sha256"] = sha256_hex(bytes);
  };
  if (made == Made::kFormat1) put("model.pt", model, manifest["model"]);
  if (made != Made::kFormat1 && manifest.contains("parts")) {
    json& parts = manifest["parts"];
    if (parts.contains("sequence")) put("model.pt", model, parts["sequence"]);
    if (parts.contains("trees")) put("trees.ubj", trees, parts["trees"]);
  }
  write_bytes(file("golden.jsonl"), lines);
  manifest["golden"]["sha256"] = sha256_hex(lines);
  manifest["golden"]["cases"] = golden.size();
  write_bytes(file("manifest.json"), manifest.dump(2));
  return folder_.string();
}

std::string HandmadePackage::digest() const {
  return "sha256:" + sha256_hex(read_bytes(file("manifest.json")));
}

std::string read_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

void write_bytes(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace weir::testing
