// libweir_torch.so: all that is compiled against LibTorch.

#include <algorithm>
#include <array>
#include <cstdint>
#include <exception>
#include <sstream>
#include <string_view>
#include <utility>

#include <ATen/Parallel.h>
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/csrc/jit/passes/tensorexpr_fuser.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/script.h>

#include "models/kernels.h"
#include "models/torch_module.h"
#include "models/torch_ops.h"

namespace weir {
namespace {

/// Threads of LibTorch would compete with the workers. A fused kernel would be compiled per shape
/// at run time, with an order of operations of its own. The profiling executor guards every call
/// against new shapes, which a frozen graph of a few large operators does not repay: one payment
/// costs 37 us with it and 14 without, a batch of 32 2.5 and 1.6 each.
void settle_process() {
  static const bool settled = [] {
    if (at::get_num_interop_threads() != 1) at::set_num_interop_threads(1);
    torch::jit::setTensorExprFuserEnabled(false);
    torch::jit::getProfilingMode() = false;
    return true;
  }();
  static_cast<void>(settled);
  at::set_num_threads(1);
}

/// Operators of LibTorch that give an element the same bits at any place and batch size: they move
/// elements, or round once per element. linear, matmul, softmax, layer_norm, sigmoid and their like
/// do not (they choose kernels by size).
constexpr auto kRowWise = std::to_array<std::string_view>({
    "aten::add",    "aten::sub",       "aten::mul",       "aten::div",         "aten::neg",
    "aten::abs",    "aten::relu",      "aten::maximum",   "aten::minimum",     "aten::clamp",
    "aten::cat",    "aten::stack",     "aten::view",      "aten::reshape",     "aten::flatten",
    "aten::select", "aten::slice",     "aten::narrow",    "aten::unsqueeze",   "aten::squeeze",
    "aten::expand", "aten::expand_as", "aten::transpose", "aten::permute",     "aten::contiguous",
    "aten::size",   "aten::dim",       "aten::len",       "aten::where",       "aten::zeros",
    "aten::ones",   "aten::full",      "aten::eq",        "aten::ne",          "aten::gt",
    "aten::ge",     "aten::lt",        "aten::le",        "aten::__getitem__", "aten::to",
});

/// Copy lines of a table by number, for learned embeddings. Row-wise only while the table is a
/// constant of the model: of a table made of the batch they would copy other payments' rows.
constexpr auto kLookUps =
    std::to_array<std::string_view>({"aten::embedding", "aten::index_select"});

void check_graph(const torch::jit::Block& block, const std::vector<std::string>& operators) {
  for (const torch::jit::Node* node : block.nodes()) {
    for (const torch::jit::Block* inner : node->blocks()) check_graph(*inner, operators);
    const std::string name = node->kind().toQualString();
    if (name.starts_with("prim::")) continue;
    if (name.starts_with("weir::")) {
      const bool named = std::find(operators.begin(), operators.end(), name) != operators.end();
      TORCH_CHECK(named, "uses an operator its manifest does not name: ", name);
      continue;
    }
    if (std::find(kLookUps.begin(), kLookUps.end(), name) != kLookUps.end()) {
      TORCH_CHECK(node->input(0)->node()->kind() == torch::jit::prim::Constant,
                  "looks lines up in a table that is no constant of the model: ", name);
      continue;
    }
    const bool row_wise = std::find(kRowWise.begin(), kRowWise.end(), name) != kRowWise.end();
    TORCH_CHECK(
        row_wise,
        "uses an operator whose bits may depend on the batch; use weir::linear, weir::attend ",
        "or element-wise arithmetic: ", name);
  }
}

/// The one line that says what happened: the last "RuntimeError: ..." of a TorchScript traceback,
/// else the first line.
std::string what_of(const std::exception& error) {
  const auto* torch_error = dynamic_cast<const c10::Error*>(&error);
  std::string_view text =
      torch_error != nullptr ? torch_error->what_without_backtrace() : error.what();
  constexpr std::string_view kCause = "RuntimeError: ";
  const auto cause = text.rfind(kCause);
  if (cause != text.npos) text.remove_prefix(cause + kCause.size());
  text.remove_prefix(std::min(text.find_first_not_of('\n'), text.size()));
  return std::string(text.substr(0, text.find('\n')));
}

class TorchNetwork final : public Network {
 public:
  explicit TorchNetwork(const torch::jit::Module& module)  // a handle, cheap to copy
      : module_(module), forward_(module_.get_method("forward")) {}

  Status forward(const NetworkInputs& inputs, std::size_t heads,
                 std::vector<float>& logits) override {
    try {
      const c10::InferenceMode inference;
      const at::Tensor out = forward_(wrap(inputs)).toTensor();
      const std::array<std::int64_t, 2> expected = {static_cast<std::int64_t>(inputs.rows),
                                                    static_cast<std::int64_t>(heads)};
      TORCH_CHECK(out.sizes() == at::IntArrayRef(expected), "logits must be ",
                  at::IntArrayRef(expected), ", not ", out.sizes());
      TORCH_CHECK(out.scalar_type() == at::kFloat, "logits must be float32, not ",
                  out.scalar_type());
      const at::Tensor dense = out.contiguous();
      const float* data = dense.data_ptr<float>();
      logits.assign(data, data + inputs.rows * heads);
      return ok();
    } catch (const std::exception& error) {
      return retry("model failed: " + what_of(error));
    }
  }

 private:
  /// LibTorch has no tensor of const memory; a network that writes to its inputs is no row-wise
  /// function and its graph was refused (in-place operators are not on the list).
  static at::Tensor view(const float* data, std::initializer_list<std::size_t> sizes) {
    std::array<std::int64_t, 3> extents{};
    std::transform(sizes.begin(), sizes.end(), extents.begin(),
                   [](std::size_t size) { return static_cast<std::int64_t>(size); });
    return at::from_blob(const_cast<float*>(data), at::IntArrayRef(extents.data(), sizes.size()),
                         at::kFloat);
  }

  static std::vector<torch::jit::IValue> wrap(const NetworkInputs& in) {
    std::vector<torch::jit::IValue> tensors;
    tensors.reserve(7);  // room for `self`, which the call puts in front
    tensors.emplace_back(view(in.current, {in.rows, in.features}));
    tensors.emplace_back(view(in.history, {in.rows, in.window, in.features}));
    tensors.emplace_back(view(in.log_gap, {in.rows, in.window}));
    tensors.emplace_back(view(in.mask, {in.rows, in.window}));
    tensors.emplace_back(view(in.merchant, {in.rows, in.merchant_rows, in.merchant_features}));
    tensors.emplace_back(view(in.merchant_mask, {in.rows, in.merchant_rows}));
    return tensors;
  }

  torch::jit::Module module_;
  torch::jit::Method forward_;
};

Result<std::unique_ptr<Network>> load(const std::string& bytes,
                                      const std::vector<std::string>& operators) {
  if (const auto& kernels = kernels::active_kernels(); !kernels) return kernels.error();
  link_torch_operators();
  try {
    settle_process();
    std::istringstream stream(bytes);
    torch::jit::Module module = torch::jit::load(stream, at::kCPU);
    module.eval();
    module = torch::jit::freeze(module);
    const auto graph = module.get_method("forward").graph()->copy();
    torch::jit::Inline(*graph);
    check_graph(*graph->block(), operators);
    return std::unique_ptr<Network>(std::make_unique<TorchNetwork>(module));
  } catch (const std::exception& error) {
    return fatal("TorchScript module cannot be used: " + what_of(error));
  }
}

}  // namespace
}  // namespace weir

void weir_load_torch_network(const std::string& bytes, const std::vector<std::string>& operators,
                             weir::Result<std::unique_ptr<weir::Network>>& loaded) {
  loaded = weir::load(bytes, operators);
}
