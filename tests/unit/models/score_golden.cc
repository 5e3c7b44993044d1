// score_golden PACKAGE: loads a package as the engine does and prints a line for each golden case
// that has the served window: {"case": 1, "logit_bits": "3f8a12cd", "p": 0.25}. All in one batch.

#include <bit>
#include <cstdint>
#include <cstdio>
#include <vector>

#include <fmt/format.h>

#include "models/load_scorer.h"
#include "models/package.h"

namespace weir {
namespace {

int score_golden(const char* directory) {
  const auto scorer = load_scorer(directory, {});
  const auto package = read_package(directory, {});
  if (!scorer || !package) {
    fmt::print(stderr, "{}\n", !scorer ? scorer.error().message : package.error().message);
    return 65;
  }
  ScoreBatch batch;
  std::vector<std::size_t> numbers;
  for (std::size_t i = 0; i < package->golden.size(); ++i) {
    const GoldenCase& golden = package->golden[i];
    const ModelInfo& info = package->manifest.info;
    if (golden.window != info.history_rows) continue;
    append_case(golden, info, batch);
    numbers.push_back(i + 1);
  }
  std::vector<Score> scores;
  if (const Status scored = (*scorer)->score(batch, scores); !scored) {
    fmt::print(stderr, "{}\n", scored.error().message);
    return 70;
  }
  for (std::size_t row = 0; row < scores.size(); ++row) {
    fmt::print("{{\"case\": {}, \"logit_bits\": \"{:08x}\", \"p\": {}}}\n", numbers[row],
               std::bit_cast<std::uint32_t>(scores[row].logit), scores[row].p);
  }
  return 0;
}

}  // namespace
}  // namespace weir

int main(int argc, char** argv) {
  if (argc != 2) return 64;
  return weir::score_golden(argv[1]);
}
