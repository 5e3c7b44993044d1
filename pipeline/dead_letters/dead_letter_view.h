#pragma once
// A record of the dead-letter topic, read back: why it was refused, where it came from, what is
// left of it. Written by operators/dead_letter.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "pipeline/core/record.h"

namespace weir {

struct DeadLetterView {
  std::int32_t partition = 0;  // of the dead-letter topic, as offset and time_ms
  std::int64_t offset = 0;
  std::int64_t time_ms = -1;
  std::string reason;
  std::string detail;
  std::string topic;  // where it came from, with partition, offset and timestamp there; -1 unknown
  std::int32_t origin_partition = -1;
  std::int64_t origin_offset = -1;
  std::int64_t origin_timestamp_ms = -1;
  std::uint64_t bytes = 0;  // of the original value
  std::string key;
  std::string value;
  std::vector<std::pair<std::string, std::string>> headers;  // the record's own, without weir-*
};

DeadLetterView read_dead_letter(const RawRecord& record);

/// Why the original record cannot be made from it: "oversize" or "masked"; empty: it can. (A card
/// number in a header of the record is masked without a trace: such a header goes as it is here.)
std::string_view lost_bytes(const DeadLetterView& letter);

/// {"time", "reason", "detail", "origin": {"topic", "partition", "offset", "time"}, "partition",
/// "offset", "bytes", "key", "headers", "value"}; bytes that are not UTF-8 stand under
/// "value_base64" instead.
nlohmann::ordered_json to_json(const DeadLetterView& letter);

}  // namespace weir
