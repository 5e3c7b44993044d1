#include "pipeline/json_result.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <simdjson.h>

#include "operators/json_text.h"

namespace weir {

using Json = nlohmann::ordered_json;

void print_json(const Json& result) {
  fmt::print("{}\n", result.dump(-1, ' ', false, Json::error_handler_t::replace));
}

void put_bytes(Json& json, const std::string& name, std::string_view bytes) {
  if (simdjson::validate_utf8(bytes)) {
    json[name] = bytes;
    return;
  }
  std::string text;
  operators::append_base64(text, bytes);
  json[name + "_base64"] = text;
}

Json to_json(const VerdictSummary& summary) {
  const auto& counts = summary.counts();
  Json json = {
      {"verdicts", counts.verdicts},
      {"actions",
       {{"approve", counts.approve}, {"review", counts.review}, {"decline", counts.decline}}},
      {"duplicates", counts.duplicates},
      {"late", counts.late},
      {"degraded", counts.degraded},
      {"quality", nullptr}};
  if (const auto quality = summary.quality()) {
    json["quality"] = {{"labelled", quality->labelled},
                       {"frauds", quality->frauds},
                       {"average_precision", quality->average_precision}};
  }
  return json;
}

}  // namespace weir
