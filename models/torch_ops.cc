#include "models/torch_ops.h"

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <torch/library.h>

#include "models/kernels.h"

namespace weir {

void link_torch_operators() {}

namespace {

using at::Tensor;

const kernels::Kernels& active() {
  const auto& kernels = kernels::active_kernels();
  TORCH_CHECK(kernels, kernels.error().message);
  return **kernels;
}

std::size_t extent(const Tensor& tensor, std::int64_t dimension) {
  return static_cast<std::size_t>(tensor.size(dimension));
}

/// What the kernels can read. A silent missing gradient would train nothing, so it is refused.
Tensor checked(const Tensor& tensor, const char* op, const char* name) {
  TORCH_CHECK(tensor.scalar_type() == at::kFloat, op, ": ", name, " must be float32, not ",
              tensor.scalar_type());
  TORCH_CHECK(!(at::GradMode::is_enabled() && tensor.requires_grad()), op,
              " has no gradient: call it under torch.no_grad(), train with plain torch (", name,
              ")");
  return tensor.contiguous();
}

Tensor linear(const Tensor& x_in, const Tensor& weight_in, const Tensor& bias_in, bool relu) {
  constexpr const char* kOp = "weir::linear";
  const Tensor x = checked(x_in, kOp, "x");
  const Tensor weight = checked(weight_in, kOp, "weight");
  const Tensor bias = checked(bias_in, kOp, "bias");
  TORCH_CHECK(x.dim() >= 1, kOp, ": x must be [..., K], not a scalar");
  TORCH_CHECK(weight.dim() == 2 && bias.dim() == 1, kOp,
              ": weight must be [K, N] and bias [N], not ", weight.sizes(), " and ", bias.sizes());
  TORCH_CHECK(x.size(-1) == weight.size(0) && bias.size(0) == weight.size(1), kOp, ": x ",
              x.sizes(), ", weight ", weight.sizes(), " and bias ", bias.sizes(), " do not fit");
  std::vector<std::int64_t> sizes = x.sizes().vec();
  std::size_t rows = 1;
  for (std::int64_t d = 0; d + 1 < x.dim(); ++d) rows *= extent(x, d);
  sizes.back() = weight.size(1);
  Tensor y = at::empty(sizes, x.options());
  active().linear({.x = x.data_ptr<float>(),
                   .weight = weight.data_ptr<float>(),
                   .bias = bias.data_ptr<float>(),
                   .y = y.data_ptr<float>(),
                   .rows = rows,
                   .in = extent(weight, 0),
                   .out = extent(weight, 1),
                   .relu = relu});
  return y;
}

void check_attend_sizes(const Tensor& query, const Tensor& rows, const Tensor& log_gap,
                        const Tensor& mask, const Tensor& slope, const Tensor& gap_table) {
  constexpr const char* kOp = "weir::attend";
  TORCH_CHECK(query.dim() == 2 && rows.dim() == 3, kOp,
              ": query must be [B, H*R + H] and rows [B, W, R], not ", query.sizes(), " and ",
              rows.sizes());
  TORCH_CHECK(slope.dim() == 1, kOp, ": slope must be [H], not ", slope.sizes());
  const std::int64_t events = rows.size(0);
  const std::int64_t window = rows.size(1);
  const std::int64_t width = rows.size(2);
  const std::int64_t heads = slope.size(0);
  TORCH_CHECK(width > 0 && width % std::int64_t{kernels::kLanes} == 0 &&
                  width <= std::int64_t{kernels::kWidthMax},
              kOp, ": R must be a multiple of ", kernels::kLanes, ", at most ", kernels::kWidthMax,
              ", not ", width);
  TORCH_CHECK(heads >= 1 && heads <= std::int64_t{kernels::kHeadsMax}, kOp, ": H must be 1 to ",
              kernels::kHeadsMax, ", not ", heads);
  TORCH_CHECK(window <= std::int64_t{kernels::kWindowMax}, kOp, ": W must be at most ",
              kernels::kWindowMax, ", not ", window);
  TORCH_CHECK(query.size(0) == events && query.size(1) == heads * width + heads, kOp,
              ": query must be [B, H*R + H] = ", at::IntArrayRef({events, heads * width + heads}),
              ", not ", query.sizes());
  const std::int64_t cells[] = {events, window};
  TORCH_CHECK(log_gap.sizes() == at::IntArrayRef(cells), kOp,
              ": log_gap must be [B, W] = ", at::IntArrayRef(cells), ", not ", log_gap.sizes());
  TORCH_CHECK(mask.sizes() == at::IntArrayRef(cells), kOp,
              ": mask must be [B, W] = ", at::IntArrayRef(cells), ", not ", mask.sizes());
  const std::int64_t table[] = {std::int64_t{kernels::kGapBuckets}, heads};
  TORCH_CHECK(gap_table.sizes() == at::IntArrayRef(table), kOp,
              ": gap_table must be [24, H] = ", at::IntArrayRef(table), ", not ",
              gap_table.sizes());
}

Tensor attend(const Tensor& query_in, const Tensor& rows_in, const Tensor& log_gap_in,
              const Tensor& mask_in, const Tensor& slope_in, const Tensor& gap_table_in) {
  constexpr const char* kOp = "weir::attend";
  const Tensor query = checked(query_in, kOp, "query");
  const Tensor rows = checked(rows_in, kOp, "rows");
  const Tensor log_gap = checked(log_gap_in, kOp, "log_gap");
  const Tensor mask = checked(mask_in, kOp, "mask");
  const Tensor slope = checked(slope_in, kOp, "slope");
  const Tensor gap_table = checked(gap_table_in, kOp, "gap_table");
  check_attend_sizes(query, rows, log_gap, mask, slope, gap_table);
  Tensor y = at::empty(query.sizes(), query.options());
  active().attend({.query = query.data_ptr<float>(),
                   .rows = rows.data_ptr<float>(),
                   .log_gap = log_gap.data_ptr<float>(),
                   .mask = mask.data_ptr<float>(),
                   .slope = slope.data_ptr<float>(),
                   .gap_table = gap_table.data_ptr<float>(),
                   .y = y.data_ptr<float>(),
                   .events = extent(rows, 0),
                   .window = extent(rows, 1),
                   .width = extent(rows, 2),
                   .heads = extent(slope, 0)});
  return y;
}

}  // namespace

TORCH_LIBRARY(weir, library) {
  library.def("linear(Tensor x, Tensor weight, Tensor bias, bool relu) -> Tensor");
  library.def(
      "attend(Tensor query, Tensor rows, Tensor log_gap, Tensor mask, Tensor slope, Tensor "
      "gap_table) "
      "-> Tensor");
}

TORCH_LIBRARY_IMPL(weir, CPU, library) {
  library.impl("linear", linear);
  library.impl("attend", attend);
}

}  // namespace weir
