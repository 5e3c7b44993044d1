#pragma once
// The record a refused payment becomes: its original bytes, why it was refused and where it came
// from.

#include <string>
#include <string_view>

#include "operators/rejection.h"
#include "pipeline/core/record.h"

namespace weir::operators {

/// What of an oversize record's value (and key) is kept.
inline constexpr std::size_t kOversizeBytesKept = 1024;

/// Value and key are the original bytes with raw card numbers masked; an oversize record keeps the
/// first 1 KiB of each. Headers: weir-reason, weir-detail, weir-topic, weir-partition, weir-offset,
/// weir-timestamp (ms, -1 unknown), weir-bytes (of the original value), weir-schema where the
/// record carries a schema id ("id 7", "guid ..."), for oversize weir-sha256 (of the whole original
/// value); then the record's own headers, masked. Headers whose name already begins with "weir-"
/// are left out: they tell of an earlier trip and would make the reason ambiguous.
OutputRecord make_dead_letter(const RawRecord& record, RejectReason reason, std::string_view detail,
                              std::string_view input_topic);

}  // namespace weir::operators
