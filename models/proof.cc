#include "models/proof.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "models/kernels.h"
#include "models/package_scorer.h"

namespace weir {
namespace {

NetworkInputs alone(const GoldenCase& golden, const ModelInfo& info) {
  return {.rows = 1,
          .features = info.features.size(),
          .window = golden.window,
          .merchant_rows = info.merchant_rows,
          .merchant_features = info.merchant_features,
          .current = golden.current.data(),
          .history = golden.history.data(),
          .log_gap = golden.log_gap.data(),
          .mask = golden.mask.data(),
          .merchant = golden.merchant.data(),
          .merchant_mask = golden.merchant_mask.data()};
}

/// Appends one payment; the unused rows of its window come last and are masked.
void append(const GoldenCase& golden, const ModelInfo& info, ScoreBatch& batch) {
  const auto add = [](std::vector<float>& to, const std::vector<float>& from, std::size_t count) {
    to.insert(to.end(), from.begin(), from.end());
    to.resize(to.size() + count - from.size());
  };
  add(batch.current, golden.current, golden.current.size());
  add(batch.history, golden.history, info.history_rows * info.features.size());
  add(batch.log_gap, golden.log_gap, info.history_rows);
  add(batch.mask, golden.mask, info.history_rows);
  add(batch.merchant, golden.merchant, golden.merchant.size());
  add(batch.merchant_mask, golden.merchant_mask, golden.merchant_mask.size());
  ++batch.rows;
}

Status compare(const GoldenCase& golden, std::size_t number, const ModelInfo& info,
               const float* logits, std::size_t batch_rows) {
  for (std::size_t head = 0; head < info.heads.size(); ++head) {
    const auto bits = std::bit_cast<std::uint32_t>(logits[head]);
    if (bits == golden.bits[head]) continue;
    return fatal(
        fmt::format("the model does not repeat its golden cases here; export it again with this "
                    "build's operators: case {}, "
                    "head {}, in a batch of {}: {:08x}, golden {:08x}, CPU path {}",
                    number, info.heads[head], batch_rows, bits, golden.bits[head],
                    (*kernels::active_kernels())->name));
  }
  return ok();
}

Status prove_alone(const Package& package, Network& network) {
  const ModelInfo& info = package.manifest.info;
  std::vector<float> logits;
  for (std::size_t i = 0; i < package.golden.size(); ++i) {
    const NetworkInputs inputs = alone(package.golden[i], info);
    WEIR_RETURN_IF_ERROR(network.forward(inputs, info.heads.size(), logits));
    WEIR_RETURN_IF_ERROR(compare(package.golden[i], i + 1, info, logits.data(), 1));
  }
  return ok();
}

/// One batch of `rows` payments, the golden cases in turn from `first` on.
Status prove_batch(const Package& package, const std::vector<std::size_t>& numbers,
                   std::size_t first, std::size_t rows, Network& network) {
  const ModelInfo& info = package.manifest.info;
  const auto number_of = [&](std::size_t row) { return numbers[(first + row) % numbers.size()]; };
  ScoreBatch batch;
  for (std::size_t row = 0; row < rows; ++row) append(package.golden[number_of(row)], info, batch);
  std::vector<float> logits;
  WEIR_RETURN_IF_ERROR(network.forward(inputs_of(batch, info), info.heads.size(), logits));
  for (std::size_t row = 0; row < rows; ++row) {
    const std::size_t number = number_of(row);
    const float* row_logits = logits.data() + row * info.heads.size();
    WEIR_RETURN_IF_ERROR(compare(package.golden[number], number + 1, info, row_logits, rows));
  }
  return ok();
}

}  // namespace

Status prove(const Package& package, Network& network, std::size_t batch_max) {
  WEIR_RETURN_IF_ERROR(prove_alone(package, network));
  std::vector<std::size_t> numbers;  // of the cases whose rows fit the window that will be served
  for (std::size_t i = 0; i < package.golden.size(); ++i) {
    if (package.golden[i].window <= package.manifest.info.history_rows) numbers.push_back(i);
  }
  if (numbers.empty()) {
    return fatal(fmt::format("no golden case fits the package's {} history rows; add one",
                             package.manifest.info.history_rows));
  }
  std::size_t first = 0;
  for (std::size_t rows = 1; rows <= batch_max; rows = rows < 8 ? rows + 1 : rows * 2) {
    WEIR_RETURN_IF_ERROR(prove_batch(package, numbers, first, rows, network));
    first += rows;
  }
  return batch_max == 0 ? ok() : prove_batch(package, numbers, first, batch_max, network);
}

}  // namespace weir
