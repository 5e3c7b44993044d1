// Operators as LibTorch sees them: the bits of the kernels, and a clear message for anything that
// does not fit.

#include "models/torch_ops.h"

#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include "tests/unit/models/reference_kernels.h"

namespace weir::testing {
namespace {

using at::Tensor;
using ::testing::HasSubstr;

Tensor call(const char* name, std::vector<torch::jit::IValue> arguments) {
  link_torch_operators();
  c10::Dispatcher::singleton().findSchemaOrThrow(name, "").callBoxed(&arguments);
  return arguments.at(0).toTensor();
}

Tensor tensor(const std::vector<float>& values, std::vector<std::int64_t> sizes) {
  auto copy = values;
  return at::from_blob(copy.data(), sizes, at::kFloat).clone();
}

std::vector<std::uint32_t> bits_of(const Tensor& tensor_in) {
  const Tensor dense = tensor_in.contiguous();
  const float* data = dense.data_ptr<float>();
  return bits(std::vector<float>(data, data + dense.numel()));
}

std::string refusal(const std::function<void()>& step) {
  try {
    step();
  } catch (const c10::Error& error) {
    return error.what_without_backtrace();
  }
  return "accepted";
}

class TorchOpsTest : public ::testing::Test {
 protected:
  std::mt19937 random_{20180401};
  LinearCase linear_{30, 12, 37, true, random_};
  AttendCase attend_{5, 16, 32, 4, random_};
  Tensor x_ = tensor(linear_.x, {30, 12});
  Tensor weight_ = tensor(linear_.weight, {12, 37});
  Tensor bias_ = tensor(linear_.bias, {37});
  std::vector<torch::jit::IValue> attend_arguments_ = {
      tensor(attend_.query, {5, 132}),  tensor(attend_.rows, {5, 16, 32}),
      tensor(attend_.log_gap, {5, 16}), tensor(attend_.mask, {5, 16}),
      tensor(attend_.slope, {4}),       tensor(attend_.gap_table, {24, 4})};

  std::string attend_refusal(std::size_t argument, const Tensor& replacement) {
    auto arguments = attend_arguments_;
    arguments[argument] = replacement;
    return refusal([&] { call("weir::attend", arguments); });
  }
};

TEST_F(TorchOpsTest, GiveTheBitsOfTheKernels) {
  EXPECT_EQ(bits_of(call("weir::linear", {x_, weight_, bias_, true})),
            bits(linear_in_order(linear_)));
  EXPECT_EQ(bits_of(call("weir::attend", attend_arguments_)), bits(attend_in_order(attend_)));
}

TEST_F(TorchOpsTest, KeepTheLeadingDimensionsOfX) {
  const Tensor y = call("weir::linear", {x_.view({2, 3, 5, 12}), weight_, bias_, true});
  EXPECT_EQ(y.sizes(), at::IntArrayRef({2, 3, 5, 37}));
  EXPECT_EQ(bits_of(y), bits(linear_in_order(linear_)));
  EXPECT_EQ(call("weir::linear", {x_.select(0, 0), weight_, bias_, true}).sizes(),
            at::IntArrayRef({37}));
  EXPECT_EQ(call("weir::linear", {at::zeros({0, 4, 12}), weight_, bias_, true}).sizes(),
            at::IntArrayRef({0, 4, 37}));
}

TEST_F(TorchOpsTest, ReadTensorsThatAreNotContiguous) {
  const Tensor strided = x_.t().contiguous().t();
  ASSERT_FALSE(strided.is_contiguous());
  EXPECT_EQ(bits_of(call("weir::linear", {strided, weight_, bias_, true})),
            bits(linear_in_order(linear_)));
}

TEST_F(TorchOpsTest, RefuseShapesThatDoNotFit) {
  const auto linear = [&](const Tensor& x, const Tensor& w, const Tensor& b) {
    return refusal([&] { call("weir::linear", {x, w, b, false}); });
  };
  EXPECT_THAT(linear(x_, weight_.t(), bias_), HasSubstr("do not fit"));
  EXPECT_THAT(linear(x_, weight_, bias_.slice(0, 1)), HasSubstr("do not fit"));
  EXPECT_THAT(linear(x_, bias_, bias_), HasSubstr("weight must be [K, N]"));
  EXPECT_THAT(linear(x_.to(at::kDouble), weight_, bias_),
              HasSubstr("x must be float32, not Double"));
  EXPECT_THAT(attend_refusal(0, at::zeros({5, 131})),
              HasSubstr("query must be [B, H*R + H] = [5, 132]"));
  EXPECT_THAT(attend_refusal(0, at::zeros({4, 132})), HasSubstr("not [4, 132]"));
  EXPECT_THAT(attend_refusal(1, at::zeros({5, 16, 24})), HasSubstr("R must be a multiple of 16"));
  EXPECT_THAT(attend_refusal(1, at::zeros({5, 16, 80})), HasSubstr("at most 64, not 80"));
  EXPECT_THAT(attend_refusal(1, at::zeros({5, 129, 32})),
              HasSubstr("W must be at most 128, not 129"));
  EXPECT_THAT(attend_refusal(2, at::zeros({5, 15})), HasSubstr("log_gap must be [B, W] = [5, 16]"));
  EXPECT_THAT(attend_refusal(3, at::zeros({16})), HasSubstr("mask must be [B, W] = [5, 16]"));
  EXPECT_THAT(attend_refusal(4, at::zeros({0})), HasSubstr("H must be 1 to 16, not 0"));
  EXPECT_THAT(attend_refusal(4, at::zeros({17})), HasSubstr("H must be 1 to 16, not 17"));
  EXPECT_THAT(attend_refusal(5, at::zeros({23, 4})),
              HasSubstr("gap_table must be [24, H] = [24, 4]"));
}

TEST_F(TorchOpsTest, RefuseToLoseAGradient) {
  const auto train = [&] {
    call("weir::linear", {x_, weight_.clone().set_requires_grad(true), bias_, false});
  };
  EXPECT_THAT(refusal(train), HasSubstr("has no gradient"));
  const at::NoGradGuard no_grad;
  EXPECT_EQ(refusal(train), "accepted");
}

}  // namespace
}  // namespace weir::testing
