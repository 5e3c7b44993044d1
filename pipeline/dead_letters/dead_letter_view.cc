#include "pipeline/dead_letters/dead_letter_view.h"

#include <charconv>

#include <nlohmann/json.hpp>

#include "pipeline/core/event_time.h"
#include "pipeline/json_result.h"

namespace weir {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kOwnHeaders = "weir-";

template <class Number>
void read_number(std::string_view text, Number& number) {
  std::from_chars(text.data(), text.data() + text.size(), number);
}

/// One of ours. Returns false for a name that this version does not know.
bool read_own(DeadLetterView& letter, const HeaderView& header) {
  const std::string_view value = header.value;
  if (header.name == "weir-reason") {
    letter.reason = value;
  } else if (header.name == "weir-detail") {
    letter.detail = value;
  } else if (header.name == "weir-topic") {
    letter.topic = value;
  } else if (header.name == "weir-partition") {
    read_number(value, letter.origin_partition);
  } else if (header.name == "weir-offset") {
    read_number(value, letter.origin_offset);
  } else if (header.name == "weir-timestamp") {
    read_number(value, letter.origin_timestamp_ms);
  } else if (header.name == "weir-bytes") {
    read_number(value, letter.bytes);
  } else {
    return false;
  }
  return true;
}

Json time_or_null(std::int64_t ms) {
  return ms < 0 ? Json(nullptr) : Json(format_event_time({ms}));
}

}  // namespace

DeadLetterView read_dead_letter(const RawRecord& record) {
  DeadLetterView letter;
  letter.partition = record.partition;
  letter.offset = record.offset;
  letter.time_ms = record.timestamp_ms;
  letter.key = record.key;
  letter.value = record.value;
  for (const HeaderView& header : record.headers) {
    if (!read_own(letter, header) && !header.name.starts_with(kOwnHeaders)) {
      letter.headers.emplace_back(header.name, header.value);
    }
  }
  return letter;
}

std::string_view lost_bytes(const DeadLetterView& letter) {
  if (letter.reason == "oversize") return "oversize";
  if (letter.reason == "pan" || letter.value.size() != letter.bytes) return "masked";
  // All others are refused behind the look for card numbers, but poison was not looked at again.
  constexpr std::string_view kMask = "****";
  const bool marked =
      letter.value.find(kMask) != std::string::npos || letter.key.find(kMask) != std::string::npos;
  return letter.reason == "poison" && marked ? "masked" : std::string_view();
}

Json to_json(const DeadLetterView& letter) {
  Json json;
  json["time"] = time_or_null(letter.time_ms);
  json["reason"] = letter.reason;
  json["detail"] = letter.detail;
  json["origin"] = {{"topic", letter.topic},
                    {"partition", letter.origin_partition},
                    {"offset", letter.origin_offset},
                    {"time", time_or_null(letter.origin_timestamp_ms)}};
  json["partition"] = letter.partition;
  json["offset"] = letter.offset;
  json["bytes"] = letter.bytes;
  put_bytes(json, "key", letter.key);
  json["headers"] = Json::object();
  for (const auto& [name, value] : letter.headers) put_bytes(json["headers"], name, value);
  put_bytes(json, "value", letter.value);
  return json;
}

}  // namespace weir
