#pragma once
// What `weir tap` can look at: topics by what flows in them, and the steps of the path by what
// leaves them and can be seen in a topic.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "pipeline/config/config.h"
#include "pipeline/core/record.h"
#include "pipeline/query/field_catalogue.h"

namespace weir::tap {

struct Stream {
  std::string_view name;
  std::string_view about;
  std::string config::TopicsConfig::*topic;
  /// The record as JSON; nullopt when it is none. Null: the value is JSON and is printed as it is.
  std::optional<nlohmann::ordered_json> (*decode)(const RawRecord& record) = nullptr;
  query::FieldCatalogue (*fields)() = nullptr;  // null: records of any shape
};

/// A step is some records of a stream and some of their fields.
struct Step {
  std::string_view name;
  std::string_view about;
  std::string_view stream;
  std::string_view where;                // which; empty: all
  std::vector<std::string_view> fields;  // top-level names; empty: all
};

const std::vector<Stream>& streams();
const std::vector<Step>& steps();
/// Null: there is none.
const Stream* find_stream(std::string_view name);
const Step* find_step(std::string_view name);
/// Streams and steps with what they show, one a line.
std::string catalogue_text();

}  // namespace weir::tap
