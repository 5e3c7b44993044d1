// weir dead-letters replay: refused records back to where they came from, after their cause was
// mended (a new limit, a new version, a producer's timestamp).
//
// Each goes to its own partition with its own key, headers and bytes, and with a header of ours
// that names the dead letter. What carries that header is found by reading the target topic from
// the time of the oldest chosen letter on, and is not sent again: so a replay that was killed can
// be run again. Two at the same time do not see each other.

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "pipeline/dead_letters/dead_letter_filter.h"
#include "pipeline/exit_code.h"
#include "pipeline/kafka/topic_client.h"
#include "pipeline/runtime_settings.h"
#include "pipeline/terminal/progress.h"

namespace weir {
namespace {

constexpr std::string_view kReplayedFrom = "weir-replayed-from";
constexpr std::size_t kLettersMax = 100'000;
constexpr std::uint64_t kBytesMax = 512ULL << 20U;
constexpr std::int64_t kClocksApartMs = 600'000;  // of whoever stamped letter and replayed record
constexpr std::chrono::seconds kFlushTimeout{60};

struct Plan {
  std::vector<DeadLetterView> letters;
  std::uint64_t bytes = 0;
  std::map<std::string, std::uint64_t> left_out;  // why -> how many
  bool is_full = false;
};

std::string name_of(const config::Config& config, const DeadLetterView& letter) {
  return fmt::format("{}/{}/{}", config.topics.dead_letters, letter.partition, letter.offset);
}

/// Why a letter is not for replay; empty: it is.
std::string_view refusal(const config::Config& config, const DeadLetterFilter& filter,
                         const DeadLetterView& letter) {
  if (const auto lost = lost_bytes(letter); !lost.empty()) return lost;
  const auto& topics = config.topics;
  if (letter.topic != topics.transactions && letter.topic != topics.labels &&
      letter.topic != topics.entities) {
    return "of another topic";
  }
  // It has a verdict, and stopped a worker twice: only for who asks for it by name.
  if (letter.reason == "poison" &&
      std::ranges::find(filter.reasons, "poison") == filter.reasons.end())
    return "poison";
  return {};
}

/// Where the chosen letters came from, and when the oldest of them was written.
struct Extent {
  std::set<std::string> topics;
  std::int64_t oldest_ms = INT64_MAX;
};

Result<Extent> extent_of(const config::Config& config, const DeadLetterFilter& filter) {
  Extent extent;
  WEIR_RETURN_IF_ERROR(read_dead_letters(config, filter, [&](const DeadLetterView& letter) {
    if (!refusal(config, filter, letter).empty()) return true;
    extent.topics.insert(letter.topic);
    extent.oldest_ms = std::min(extent.oldest_ms, letter.time_ms);
    return true;
  }));
  return extent;
}

/// Dead letters that a record of the target topics says it was made from.
Result<std::set<std::string>> replayed_before(const config::Config& config, const Extent& extent) {
  std::set<std::string> names;
  if (extent.topics.empty()) return names;
  auto reader =
      kafka::TopicReader::open(connection(config), {extent.topics.begin(), extent.topics.end()},
                               {kafka::ReadFrom::Place::kTime,
                                std::max<std::int64_t>(extent.oldest_ms - kClocksApartMs, 0)});
  if (!reader) return retry(reader.error().message);
  terminal::Progress progress("records looked through for what was replayed before");
  std::uint64_t read = 0;
  while (!(*reader)->at_end()) {
    WEIR_RETURN_IF_ERROR((*reader)->poll(std::chrono::milliseconds(100),
                                         [&](const std::string&, const RawRecord& record) {
                                           progress.at(++read);
                                           for (const auto& header : record.headers) {
                                             if (header.name == kReplayedFrom)
                                               names.emplace(header.value);
                                           }
                                           return true;
                                         }));
  }
  return names;
}

Result<Plan> collect(const config::Config& config, const DeadLettersReplayArguments& arguments) {
  const auto extent = extent_of(config, arguments.filter);
  if (!extent) return extent.error();
  const auto before = replayed_before(config, *extent);
  if (!before) return before.error();
  const std::size_t most =
      arguments.count == 0 ? kLettersMax : std::min<std::size_t>(arguments.count, kLettersMax);
  Plan plan;
  WEIR_RETURN_IF_ERROR(
      read_dead_letters(config, arguments.filter, [&](const DeadLetterView& letter) {
        std::string_view why = refusal(config, arguments.filter, letter);
        if (why.empty() && before->contains(name_of(config, letter))) why = "replayed before";
        if (!why.empty()) {
          ++plan.left_out[std::string(why)];
          return true;
        }
        plan.bytes += letter.value.size();
        plan.letters.push_back(letter);
        plan.is_full = plan.letters.size() >= most || plan.bytes >= kBytesMax;
        return !plan.is_full;
      }));
  return plan;
}

Status send(const config::Config& config, const Plan& plan) {
  auto producer = kafka::TopicProducer::open(connection(config));
  if (!producer) return producer.error();
  terminal::Progress progress("dead letters replayed");
  std::uint64_t sent = 0;
  for (const auto& letter : plan.letters) {
    auto headers = letter.headers;
    headers.emplace_back(kReplayedFrom, name_of(config, letter));
    WEIR_RETURN_IF_ERROR((*producer)->send_to(letter.topic, letter.origin_partition, letter.key,
                                              letter.value, headers));
    progress.at(++sent, plan.letters.size());
  }
  return (*producer)->flush(kFlushTimeout);
}

void tell(const Plan& plan, const DeadLettersReplayArguments& arguments) {
  if (arguments.json) {
    nlohmann::ordered_json line{{"replayed", arguments.yes ? plan.letters.size() : 0},
                                {"chosen", plan.letters.size()},
                                {"dry_run", !arguments.yes},
                                {"left_out", plan.left_out}};
    fmt::print("{}\n", line.dump());
    return;
  }
  std::map<std::string, std::uint64_t> by_topic;
  for (const auto& letter : plan.letters) ++by_topic[letter.topic];
  if (by_topic.empty()) fmt::print("nothing to replay\n");
  for (const auto& [topic, count] : by_topic) {
    fmt::print("{} {} to {}\n", arguments.yes ? "replayed" : "would replay", count, topic);
  }
  for (const auto& [why, count] : plan.left_out) fmt::print("left out {}: {}\n", count, why);
  if (!arguments.yes && !by_topic.empty()) fmt::print("nothing was sent; add --yes to send them\n");
  if (plan.is_full) fmt::print("there may be more: run it again for the rest\n");
}

}  // namespace

int dead_letters_replay_command(const DeadLettersReplayArguments& arguments) {
  const auto loaded = load_or_complain(arguments.config);
  if (!loaded) return kExitConfig;
  const auto plan = collect(loaded->config, arguments);
  if (!plan) return report(plan.error(), kExitUsage, kAskBroker);
  if (arguments.yes) {
    if (const auto status = send(loaded->config, *plan); !status) {
      return report(retry(status.error().message +
                          "; run the same command again: what was written is not sent twice"),
                    kExitUnavailable);
    }
  }
  tell(*plan, arguments);
  return kExitOk;
}

}  // namespace weir
