// Learned embeddings: a column of slots looks lines up in a table, and the bits of a row depend on
// that row alone.
// Method: modules of a few lines made on the spot, called as the scorer calls a network.

#include "models/torch_network.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include "tests/unit/models/reference_kernels.h"

namespace weir::testing {
namespace {

using ::testing::HasSubstr;

constexpr std::size_t kLines = 64;
constexpr std::size_t kWidth = 5;  // no multiple of any register
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

float in_table(std::size_t line, std::size_t column) {
  return static_cast<float>(line) + 0.1F * static_cast<float>(column);
}

/// forward() of this body over `self.table` [64, 5]; `current` has one column, the slot.
std::string module_of(const std::string& body) {
  torch::jit::Module module("Embedding");
  std::vector<float> table;
  for (std::size_t i = 0; i < kLines * kWidth; ++i) {
    table.push_back(in_table(i / kWidth, i % kWidth));
  }
  module.register_parameter(
      "table", at::from_blob(table.data(), {kLines, kWidth}, at::kFloat).clone(), false);
  module.define("def forward(self, current, history, log_gap, mask, merchant, merchant_mask):\n  " +
                body + "\n");
  std::ostringstream bytes;
  module.save(bytes);
  return bytes.str();
}

std::unique_ptr<Network> load(const std::string& body) {
  auto network = load_torch_network(module_of(body), {});
  if (!network) throw std::runtime_error(network.error().message);
  return std::move(*network);
}

Status answer(Network& network, const std::vector<float>& slots, std::vector<float>& lines) {
  NetworkInputs inputs;
  inputs.rows = slots.size();
  inputs.features = 1;
  inputs.current = slots.data();
  const float nothing = 0;
  inputs.history = inputs.log_gap = inputs.mask = &nothing;
  inputs.merchant = inputs.merchant_mask = &nothing;
  return network.forward(inputs, kWidth, lines);
}

/// As a trained network should: within the table whatever the column holds.
const char* const kWaysToLookUp[] = {
    "return torch.embedding(self.table, current[:, 0].long().clamp(0, 63))",
    "return torch.index_select(self.table, 0, current.select(1, 0).long().clamp(0, 63))",
    "return torch.embedding(self.table, current.clamp(0.0, 63.0).long().clamp(0, 63)).flatten(1)",
};

TEST(EmbeddingTest, GivesARowTheLineOfItsSlotAtEveryPlaceOfEveryBatch) {
  for (const char* const body : kWaysToLookUp) {
    const std::unique_ptr<Network> network = load(body);
    for (std::size_t rows = 1; rows <= 128; ++rows) {
      std::vector<float> slots;
      for (std::size_t row = 0; row < rows; ++row) {
        slots.push_back(static_cast<float>((row * 37 + rows) % kLines));
      }
      std::vector<float> lines;
      const Status answered = answer(*network, slots, lines);
      ASSERT_TRUE(answered) << answered.error().message;
      for (std::size_t i = 0; i < rows * kWidth; ++i) {
        ASSERT_EQ(lines[i], in_table(static_cast<std::size_t>(slots[i / kWidth]), i % kWidth));
      }
    }
  }
}

TEST(EmbeddingTest, GivesWhatIsNoSlotTheSameLineAtEveryPlaceOfEveryBatch) {
  for (const char* const body : kWaysToLookUp) {
    const std::unique_ptr<Network> network = load(body);
    for (const float odd : {-1.0F, -0.5F, 63.99F, 64.0F, 1e9F, 1e30F, -1e30F, kNan, kInfinity}) {
      std::vector<float> alone;
      ASSERT_TRUE(answer(*network, {odd}, alone));
      for (std::size_t rows = 1; rows <= 128; ++rows) {
        std::vector<float> lines;
        ASSERT_TRUE(answer(*network, std::vector<float>(rows, odd), lines));
        for (std::size_t row = 0; row < rows; ++row) {
          ASSERT_TRUE(std::equal(alone.begin(), alone.end(),
                                 lines.begin() + static_cast<std::ptrdiff_t>(row * kWidth)))
              << odd << " in row " << row << " of " << rows << ": " << body;
        }
      }
    }
  }
}

TEST(EmbeddingTest, AnswersASlotBeyondTheTableWithAnErrorOfTheBatch) {
  for (const char* const body :
       {"return torch.embedding(self.table, current[:, 0].long())",
        "return torch.index_select(self.table, 0, current[:, 0].long())"}) {
    const std::unique_ptr<Network> network = load(body);
    std::vector<float> lines;
    EXPECT_TRUE(answer(*network, {0, 63}, lines));
    for (const float beyond : {64.0F, -1.0F}) {
      const Status answered = answer(*network, {0, beyond, 3}, lines);
      ASSERT_FALSE(answered);
      EXPECT_EQ(answered.error().kind, ErrorKind::kRetry);
      EXPECT_THAT(answered.error().message, HasSubstr("model failed: index out of range"));
    }
  }
}

TEST(EmbeddingTest, RefusesATableThatIsMadeOfTheBatch) {
  for (const std::string body :
       {"return torch.embedding(current, current[:, 0].long())",
        "return torch.index_select(current, 0, current[:, 0].long())",
        "return torch.index_select(self.table + current[0], 0, current[:, 0].long())"}) {
    const auto network = load_torch_network(module_of(body), {});
    ASSERT_FALSE(network) << body;
    EXPECT_THAT(network.error().message,
                HasSubstr("looks lines up in a table that is no constant"));
  }
}

}  // namespace
}  // namespace weir::testing
