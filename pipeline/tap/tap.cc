// weir tap: look at what flows through a topic, or leaves a step.

#include <cstdio>
#include <optional>

#include <fmt/core.h>

#include "pipeline/config/suggest.h"
#include "pipeline/exit_code.h"
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
  /// Null step: whole records. Error: of the condition.
  static Result<Lines> make(const tap::Stream& stream, const tap::Step* step,
                            const std::string& where) {
    Lines lines(stream, step);
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
  [[nodiscard]] std::optional<std::string> line(const RawRecord& record) const {
    const bool has_fields = step_ != nullptr && !step_->fields.empty();
    if (stream_->decode == nullptr && conditions_.empty() && !has_fields)
      return std::string(record.value);
    const auto json = decode(record);
    if (!json) return std::nullopt;
    if (!conditions_.empty()) {
      const nlohmann::json plain = *json;
      for (const auto& condition : conditions_) {
        if (!condition.matches(plain)) return std::nullopt;
      }
    }
    if (has_fields) return projected(*json).dump();
    return stream_->decode == nullptr ? std::string(record.value) : json->dump();
  }

 private:
  using Json = nlohmann::ordered_json;

  Lines(const tap::Stream& stream, const tap::Step* step) : stream_(&stream), step_(step) {}

  [[nodiscard]] std::optional<Json> decode(const RawRecord& record) const {
    if (stream_->decode != nullptr) return stream_->decode(record);
    auto json = Json::parse(record.value, nullptr, false);
    return json.is_discarded() ? std::nullopt : std::optional(std::move(json));
  }

  [[nodiscard]] Json projected(const Json& whole) const {
    Json part = Json::object();
    for (const std::string_view field : step_->fields) {
      if (const auto found = whole.find(std::string(field)); found != whole.end())
        part[std::string(field)] = *found;
    }
    return part;
  }

  const tap::Stream* stream_;
  const tap::Step* step_;
  std::vector<query::Query> conditions_;
};

int no_such_stream(const std::string& name) {
  std::vector<std::string> known;
  for (const auto& stream : tap::streams()) known.emplace_back(stream.name);
  for (const auto& step : tap::steps()) known.emplace_back(step.name);
  const auto nearest = config::nearest(name, known);
  fmt::print(stderr, "weir: there is no stream or step '{}'{}; `weir tap --help` lists them\n",
             name, nearest ? fmt::format("; did you mean '{}'?", *nearest) : std::string());
  return kExitUsage;
}

}  // namespace

int tap_command(const TapArguments& arguments) {
  const tap::Step* step = tap::find_step(arguments.stream);
  const tap::Stream* stream =
      tap::find_stream(step != nullptr ? step->stream : std::string_view(arguments.stream));
  if (stream == nullptr) return no_such_stream(arguments.stream);
  const auto lines = Lines::make(*stream, step, arguments.where);
  if (!lines) {
    fmt::print(stderr, "weir: --where: {}\n", lines.error().message);
    return kExitUsage;
  }
  const auto loaded = load_or_complain(arguments.config);
  if (!loaded) return kExitConfig;
  StopSignals signals;
  using Place = kafka::ReadFrom::Place;
  auto reader =
      kafka::TopicReader::open(connection(loaded->config), {loaded->config.topics.*(stream->topic)},
                               {arguments.from_beginning ? Place::kBeginning : Place::kNow});
  if (!reader) return report(reader.error(), kExitUnavailable);
  std::uint64_t printed = 0;
  const auto enough = [&] { return arguments.count > 0 && printed >= arguments.count; };
  while (!enough() && !(arguments.until_end && (*reader)->at_end())) {
    const auto status = (*reader)->poll(std::chrono::milliseconds(100),
                                        [&](const std::string&, const RawRecord& record) {
                                          if (!arguments.key.empty() && record.key != arguments.key)
                                            return true;
                                          if (const auto line = lines->line(record)) {
                                            fmt::print("{}\n", *line);
                                            ++printed;
                                          }
                                          return !enough();
                                        });
    if (!status) return report(status.error(), kExitUnavailable);
    if (std::fflush(stdout) != 0) return kExitOk;  // the reader of our output has gone
    if (signals.wait(std::chrono::milliseconds(0))) break;
  }
  return kExitOk;
}

}  // namespace weir
