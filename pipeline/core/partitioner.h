#pragma once
// Which partition a key belongs to: murmur2 as Kafka's Java producer and librdkafka's "murmur2"
// partitioner compute it, so that a replay from files shards users as a live topic does.

#include <cstdint>
#include <string_view>

namespace weir {

/// MurmurHash2, 32 bit, seed 0x9747b28c (Austin Appleby, public domain; constants as in Kafka's
/// Utils.murmur2).
std::uint32_t murmur2(std::string_view key);

inline std::int32_t partition_of_key(std::string_view key, std::int32_t partitions) {
  return static_cast<std::int32_t>((murmur2(key) & 0x7fffffffU) %
                                   static_cast<std::uint32_t>(partitions));
}

}  // namespace weir
