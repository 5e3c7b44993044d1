#include "pipeline/dead_letters/dead_letter_filter.h"

#include <algorithm>
#include <optional>
#include <variant>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "pipeline/config/suggest.h"
#include "pipeline/config/units.h"
#include "pipeline/kafka/topic_client.h"
#include "pipeline/runtime_settings.h"
#include "pipeline/system_clock.h"
#include "pipeline/telemetry/worker_metrics.h"
#include "pipeline/terminal/progress.h"

namespace weir {
namespace {

/// "2h" ago, or a moment.
Result<std::int64_t> parse_since(const std::string& text) {
  const auto ago = config::read_duration(text, std::chrono::hours(1));
  if (const auto* duration = std::get_if<std::chrono::milliseconds>(&ago)) {
    return SystemClock().wall_ms() - duration->count();
  }
  const auto moment = parse_event_time(text);
  if (moment) return moment->ms;
  return fatal(fmt::format(
      "--since: '{}' is neither a time nor a duration; say 2h, 7d or 2026-01-31T08:00:00Z", text));
}

Status check_reasons(const std::vector<std::string>& reasons) {
  const std::vector<std::string> known(std::begin(telemetry::kRejectReasonNames),
                                       std::end(telemetry::kRejectReasonNames));
  for (const auto& reason : reasons) {
    if (std::ranges::find(known, reason) != known.end()) continue;
    const auto nearest = config::nearest(reason, known);
    return fatal(fmt::format("--reason: there is no reason '{}'; {}one of {}", reason,
                             nearest ? fmt::format("did you mean '{}'? ", *nearest) : "",
                             fmt::join(known, ", ")));
  }
  return ok();
}

}  // namespace

std::string topic_of_word(const config::Config& config, const std::string& word) {
  if (word == "transactions") return config.topics.transactions;
  if (word == "labels") return config.topics.labels;
  if (word == "entities") return config.topics.entities;
  return word;
}

Status read_dead_letters(const config::Config& config, const DeadLetterFilter& filter,
                         const std::function<bool(const DeadLetterView&)>& sink) {
  WEIR_RETURN_IF_ERROR(check_reasons(filter.reasons));
  kafka::ReadFrom from{kafka::ReadFrom::Place::kBeginning};
  if (!filter.since.empty()) {
    const auto since = parse_since(filter.since);
    if (!since) return since.error();
    from = {kafka::ReadFrom::Place::kTime, *since};
  }
  auto reader = kafka::TopicReader::open(connection(config), {config.topics.dead_letters}, from);
  if (!reader) return retry(reader.error().message);
  const std::string topic = topic_of_word(config, filter.topic);
  terminal::Progress progress("dead letters read");
  std::uint64_t read = 0;
  bool more = true;
  while (more && !(*reader)->at_end()) {
    WEIR_RETURN_IF_ERROR((*reader)->poll(
        std::chrono::milliseconds(100), [&](const std::string&, const RawRecord& record) {
          progress.at(++read);
          const auto letter = read_dead_letter(record);
          const bool wanted_reason =
              filter.reasons.empty() ||
              std::ranges::find(filter.reasons, letter.reason) != filter.reasons.end();
          if (wanted_reason && (topic.empty() || letter.topic == topic)) more = sink(letter);
          return more;
        }));
  }
  return ok();
}

}  // namespace weir
