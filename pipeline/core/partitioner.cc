#include "pipeline/core/partitioner.h"

#include <cstring>

namespace weir {

std::uint32_t murmur2(std::string_view key) {
  constexpr std::uint32_t kMultiplier = 0x5bd1e995;
  std::uint32_t hash = 0x9747b28cU ^ static_cast<std::uint32_t>(key.size());
  std::size_t i = 0;
  for (; i + 4 <= key.size(); i += 4) {
    std::uint32_t word = 0;
    std::memcpy(&word, key.data() + i, 4);  // little-endian, as everywhere Weir runs
    word *= kMultiplier;
    word ^= word >> 24U;
    word *= kMultiplier;
    hash = hash * kMultiplier ^ word;
  }
  const auto byte = [&](std::size_t k) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(key[k]));
  };
  switch (key.size() - i) {
    case 3:
      hash ^= byte(i + 2) << 16U;
      [[fallthrough]];
    case 2:
      hash ^= byte(i + 1) << 8U;
      [[fallthrough]];
    case 1:
      hash = (hash ^ byte(i)) * kMultiplier;
      break;
    default:
      break;
  }
  hash ^= hash >> 13U;
  hash *= kMultiplier;
  return hash ^ hash >> 15U;
}

}  // namespace weir
