// murmur2: a user must live in the same partition whoever wrote the payment. Vectors are those of
// Kafka's own UtilsTest.testMurmur2.

#include "pipeline/core/partitioner.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(Partitioner, HashesAsKafkasJavaClientDoes) {
  struct Vector {
    std::string_view key;
    std::int32_t hash;
  };
  constexpr Vector kVectors[] = {
      {"21", -973932308},
      {"foobar", -790332482},
      {"a-little-bit-long-string", -985981536},
      {"a-little-bit-longer-string", -1486304829},
      {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
      {"abc", 479470107},
  };
  for (const auto& [key, hash] : kVectors) {
    EXPECT_EQ(static_cast<std::int32_t>(murmur2(key)), hash) << key;
  }
}

TEST(Partitioner, ClearsTheSignBitInsteadOfTakingTheAbsoluteValue) {
  // As the Java client: toPositive(-973932308) % 10. The absolute value would give 8.
  EXPECT_EQ(partition_of_key("21", 10), static_cast<std::int32_t>((-973932308 & 0x7fffffff) % 10));
  EXPECT_EQ(partition_of_key("21", 10), 0);
}

TEST(Partitioner, TakesEveryKeyAndStaysInRange) {
  std::string key;
  for (int size = 0; size < 40; ++size, key.push_back(static_cast<char>(200 + size))) {
    for (const std::int32_t partitions : {1, 3, 12}) {
      const auto partition = partition_of_key(key, partitions);
      EXPECT_GE(partition, 0);
      EXPECT_LT(partition, partitions);
    }
  }
}

}  // namespace
}  // namespace weir
