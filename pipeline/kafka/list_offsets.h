#pragma once
// Where a partition begins and ends, asked of its leader.
//
// Not by rd_kafka_query_watermark_offsets (librdkafka 2.0.2): it asks for both at once, and where
// the first request is refused and the answers come together it says that all is well and that the
// partition begins where it ends. A new group would skip its input, a restore its changelog.

#include <cstdint>
#include <string>

#include "pipeline/core/error.h"
#include "pipeline/kafka/handles.h"

namespace weir::kafka {

/// Offset of the oldest record kept. Whatever goes wrong is kRetry, and never an offset.
Result<std::int64_t> first_offset_of(const Client& client, const std::string& topic,
                                     std::int32_t partition, int timeout_ms);

/// First offset behind the partition's end as the client sees it: of a read_committed client that
/// is the first open transaction. Errors as above.
Result<std::int64_t> end_offset_of(const Client& client, const std::string& topic,
                                   std::int32_t partition, int timeout_ms);

/// The same for many partitions at once, into their offsets; -1 where there is no answer.
void ask_end_offsets(const Client& client, const PartitionList& partitions, int timeout_ms);

}  // namespace weir::kafka
