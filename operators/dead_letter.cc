#include "operators/dead_letter.h"

#include "operators/card_number.h"
#include "operators/digest.h"
#include "operators/formats/wire_format.h"

namespace weir::operators {
namespace {

constexpr std::string_view kOwnHeaders = "weir-";

std::string masked(std::string_view bytes, bool is_binary) {
  return is_binary ? mask_card_numbers_in_binary(bytes) : mask_card_numbers(bytes);
}

/// Masks before cutting, with some bytes more than are kept: a card number across the cut must not
/// lose its tail and with it its recognition. Masking may shorten escapes, never lengthen.
std::string masked_head(std::string_view bytes, bool is_binary) {
  constexpr std::size_t kCardNumberBytesMax = 256;  // 19 escaped digits, 18 escaped separators
  std::string head = masked(bytes.substr(0, kOversizeBytesKept + kCardNumberBytesMax), is_binary);
  head.resize(std::min(head.size(), kOversizeBytesKept));
  return head;
}

}  // namespace

OutputRecord make_dead_letter(const RawRecord& record, RejectReason reason, std::string_view detail,
                              std::string_view input_topic) {
  const bool oversize = reason == RejectReason::kOversize;
  OutputRecord letter;
  letter.stream = Stream::kDeadLetters;
  letter.input_partition = record.partition;
  const bool is_binary = is_framed(record);
  letter.key = oversize ? masked_head(record.key, false) : mask_card_numbers(record.key);
  letter.value = oversize ? masked_head(record.value, is_binary) : masked(record.value, is_binary);
  letter.headers = {
      {"weir-reason", std::string(telemetry::kRejectReasonNames[static_cast<std::size_t>(reason)])},
      {"weir-detail", std::string(detail)},
      {"weir-topic", std::string(input_topic)},
      {"weir-partition", std::to_string(record.partition)},
      {"weir-offset", std::to_string(record.offset)},
      {"weir-timestamp", std::to_string(record.timestamp_ms)},
      {"weir-bytes", std::to_string(record.value.size())}};
  if (const auto frame = is_binary ? read_frame(record) : std::nullopt) {
    letter.headers.emplace_back("weir-schema", to_text(frame->id));
  }
  if (oversize) letter.headers.emplace_back("weir-sha256", sha256_hex(record.value));
  for (const HeaderView& header : record.headers) {
    if (header.name.starts_with(kOwnHeaders)) continue;
    letter.headers.emplace_back(mask_card_numbers(header.name), mask_card_numbers(header.value));
  }
  return letter;
}

}  // namespace weir::operators
