// weir tap: look at what flows through a topic, or leaves a step.

#include <algorithm>
#include <cstdio>
#include <optional>

#include <fmt/core.h>

#include "pipeline/config/suggest.h"
#include "pipeline/core/event_time.h"
#include "pipeline/exit_code.h"
#include "pipeline/json_result.h"
#include "pipeline/kafka/topic_client.h"
#include "pipeline/query/query.h"
#include "pipeline/runtime_settings.h"
#include "pipeline/stop_signals.h"
#include "pipeline/tap/streams.h"

namespace weir {
namespace {

/// Records that pass every condition, as lines.
class Lines {
 public:
  /// Null step: whole records. `with_place`: each inside an object that says where it stood. Error:
  /// of the condition.
  static Result<Lines> make(const tap::Stream& stream, const tap::Step* step,
                            const std::string& where, bool with_place) {
    Lines lines(stream, step, with_place);
    const auto fields = stream.fields != nullptr ? stream.fields() : query::FieldCatalogue();
    for (const std::string_view text :
         {step != nullptr ? step->where : "", std::string_view(where)}) {
      if (text.empty()) continue;
      auto parsed = query::Query::parse(text, fields);
      if (!parsed) return parsed.error();
      lines.conditions_.push_back(*std::move(parsed));
    }
    return lines;
  }

  /// nullopt: not asked for.
  [[nodiscard]] std::optional<std::string> line(const std::string& topic,
                                                const RawRecord& record) const {
    const bool is_whole = stream_->decode == nullptr && (step_ == nullptr || step_->fields.empty());
    if (is_whole && conditions_.empty() && !with_place_) return std::string(record.value);
    const auto json = decode(record);
    // What is no JSON is shown where all records are.
    if (json ? !matches(*json) : !is_whole || !conditions_.empty()) return std::nullopt;
    if (with_place_) return placed(topic, record, json).dump();
    return is_whole ? std::string(record.value) : shown(*json).dump();
  }

 private:
  using Json = nlohmann::ordered_json;

  Lines(const tap::Stream& stream, const tap::Step* step, bool with_place)
      : stream_(&stream), step_(step), with_place_(with_place) {}

  [[nodiscard]] std::optional<Json> decode(const RawRecord& record) const {
    if (stream_->decode != nullptr) return stream_->decode(record);
    auto json = Json::parse(record.value, nullptr, false);
    return json.is_discarded() ? std::nullopt : std::optional(std::move(json));
  }

  [[nodiscard]] bool matches(const Json& json) const {
    if (conditions_.empty()) return true;
    const nlohmann::json plain = json;
    return std::ranges::all_of(conditions_, [&](const auto& c) { return c.matches(plain); });
  }

  /// The fields of the step.
  [[nodiscard]] Json shown(const Json& whole) const {
    if (step_ == nullptr || step_->fields.empty()) return whole;
    Json part = Json::object();
    for (const std::string_view field : step_->fields) {
      if (const auto found = whole.find(std::string(field)); found != whole.end())
        part[std::string(field)] = *found;
    }
    return part;
  }

  [[nodiscard]] Json placed(const std::string& topic, const RawRecord& record,
                            const std::optional<Json>& value) const {
    Json json = {{"topic", topic},
                 {"partition", record.partition},
                 {"offset", record.offset},
                 {"time", nullptr}};
    if (record.timestamp_ms >= 0) json["time"] = format_event_time({record.timestamp_ms});
    put_bytes(json, "key", record.key);
    json["headers"] = Json::object();
    for (const HeaderView& header : record.headers)
      put_bytes(json["headers"], std::string(header.name), header.value);
    if (value) {
      json["value"] = shown(*value);
    } else if (record.tombstone) {
      json["value"] = nullptr;
    } else {
      put_bytes(json, "value", record.value);
    }
    return json;
  }

  const tap::Stream* stream_;
  const tap::Step* step_;
  bool with_place_;
  std::vector<query::Query> conditions_;
};

int no_such_stream(const std::string& name) {
  std::vector<std::string> known;
  for (const auto& stream : tap::streams()) known.emplace_back(stream.name);
  for (const auto& step : tap::steps()) known.emplace_back(step.name);
  const auto nearest = config::nearest(name, known);
  fmt::print(
      stderr, "weir: there is no stream or step '{}'; {}\n", name,
      nearest ? fmt::format("did you mean '{}'?", *nearest) : "`weir tap --help` lists them");
  return kExitUsage;
}

}  // namespace

int tap_command(const TapArguments& arguments) {
  const tap::Step* step = tap::find_step(arguments.stream);
  const tap::Stream* stream =
      tap::find_stream(step != nullptr ? step->stream : std::string_view(arguments.stream));
  if (stream == nullptr) return no_such_stream(arguments.stream);
  const auto lines = Lines::make(*stream, step, arguments.where, arguments.json);
  if (!lines) {
    fmt::print(stderr, "weir: --where: {}\nmend it there; `weir tap --help` shows conditions\n",
               lines.error().message);
    return kExitUsage;
  }
  const auto loaded = load_or_complain(arguments.config);
  if (!loaded) return kExitConfig;
  StopSignals signals;
  using Place = kafka::ReadFrom::Place;
  auto reader =
      kafka::TopicReader::open(connection(loaded->config), {loaded->config.topics.*(stream->topic)},
                               {arguments.from_beginning ? Place::kBeginning : Place::kNow});
  if (!reader) return report(reader.error(), kExitUnavailable, kAskBroker);
  std::uint64_t printed = 0;
  const auto enough = [&] { return arguments.count > 0 && printed >= arguments.count; };
  while (!enough() && !(arguments.until_end && (*reader)->at_end())) {
    const auto status = (*reader)->poll(std::chrono::milliseconds(100),
                                        [&](const std::string& topic, const RawRecord& record) {
                                          if (!arguments.key.empty() && record.key != arguments.key)
                                            return true;
                                          if (const auto line = lines->line(topic, record)) {
                                            fmt::print("{}\n", *line);
                                            ++printed;
                                          }
                                          return !enough();
                                        });
    if (!status) return report(status.error(), kExitUnavailable, kAskBroker);
    if (std::fflush(stdout) != 0) return kExitOk;  // the reader of our output has gone
    if (signals.wait(std::chrono::milliseconds(0))) break;
  }
  return kExitOk;
}

}  // namespace weir
