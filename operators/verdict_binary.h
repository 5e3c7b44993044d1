#pragma once
// A verdict as Avro or Protobuf, by the schemas in deploy/schemas: the same content as the JSON,
// and the same numbers (costs are rounded to the four decimals that JSON has).

#include <string>
#include <string_view>

#include "operators/verdict_json.h"

namespace weir::operators {

/// Behind the frame of the wire format with the schema's id.
void append_verdict_avro(std::string& out, std::uint32_t schema_id, const VerdictContent& verdict,
                         std::string_view input_topic);
void append_verdict_protobuf(std::string& out, std::uint32_t schema_id,
                             const VerdictContent& verdict, std::string_view input_topic);

}  // namespace weir::operators
