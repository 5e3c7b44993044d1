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
          .declared_features = info.declared.size(),
          .current = golden.current.data(),
          .history = golden.history.data(),
          .log_gap = golden.log_gap.data(),
          .mask = golden.mask.data(),
          .merchant = golden.merchant.data(),
          .merchant_mask = golden.merchant_mask.data(),
          .declared = golden.declared.data()};
}

/// Of row `row` of a batch of `rows`; `number` counts the cases from 1.
Status compare(const GoldenCase& golden, std::size_t number, const Manifest& manifest,
               const Answers& answers, std::size_t row, std::size_t rows) {
  const std::vector<std::string>& heads = manifest.info.heads;
  for (std::size_t head = 0; head < heads.size(); ++head) {
    const auto bits = std::bit_cast<std::uint32_t>(answers.outputs[row * heads.size() + head]);
    if (bits == golden.bits[head]) continue;
    return fatal(fmt::format(
        "the model does not repeat its golden cases here; export it again with this "
        "build's operators: case {}, "
        "head {}, in a batch of {}: {:08x}, golden {:08x}, CPU path {}",
        number, heads[head], rows, bits, golden.bits[head], (*kernels::active_kernels())->name));
  }
  if (!manifest.trees) return ok();
  const auto bits = std::bit_cast<std::uint32_t>(answers.margins[row]);
  if (bits == golden.margin_bits) return ok();
  return fatal(
      fmt::format("the trees do not repeat their golden cases here; export the package again: case "
                  "{}, in a batch of {}: {:08x}, golden {:08x}",
                  number, rows, bits, golden.margin_bits));
}

Status prove_alone(const Package& package, Parts& parts) {
  Answers answers;
  for (std::size_t i = 0; i < package.golden.size(); ++i) {
    const GoldenCase& golden = package.golden[i];
    WEIR_RETURN_IF_ERROR(parts.run(alone(golden, package.manifest.info), answers));
    WEIR_RETURN_IF_ERROR(compare(golden, i + 1, package.manifest, answers, 0, 1));
  }
  return ok();
}

/// One batch of `rows` payments, the golden cases in turn from `first` on.
Status prove_batch(const Package& package, const std::vector<std::size_t>& numbers,
                   std::size_t first, std::size_t rows, Parts& parts) {
  const ModelInfo& info = package.manifest.info;
  const auto number_of = [&](std::size_t row) { return numbers[(first + row) % numbers.size()]; };
  ScoreBatch batch;
  for (std::size_t row = 0; row < rows; ++row)
    append_case(package.golden[number_of(row)], info, batch);
  Answers answers;
  WEIR_RETURN_IF_ERROR(parts.run(inputs_of(batch, info), answers));
  for (std::size_t row = 0; row < rows; ++row) {
    const std::size_t number = number_of(row);
    WEIR_RETURN_IF_ERROR(
        compare(package.golden[number], number + 1, package.manifest, answers, row, rows));
  }
  return ok();
}

}  // namespace

Status prove(const Package& package, Parts& parts, std::size_t batch_max) {
  WEIR_RETURN_IF_ERROR(prove_alone(package, parts));
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
    WEIR_RETURN_IF_ERROR(prove_batch(package, numbers, first, rows, parts));
    first += rows;
  }
  return batch_max == 0 ? ok() : prove_batch(package, numbers, first, batch_max, parts);
}

}  // namespace weir
