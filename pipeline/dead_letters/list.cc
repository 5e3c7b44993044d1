// weir dead-letters list: what was refused, and why.

#include <algorithm>
#include <deque>
#include <map>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "pipeline/core/event_time.h"
#include "pipeline/dead_letters/dead_letter_filter.h"
#include "pipeline/exit_code.h"
#include "pipeline/terminal/style.h"

namespace weir {
namespace {

using terminal::Tone;

struct Count {
  std::uint64_t letters = 0;
  std::uint64_t bytes = 0;
  std::int64_t newest_ms = -1;
};

std::string time_text(std::int64_t ms) {
  return ms < 0 ? "-" : format_event_time({ms - ms % 1000});
}

void print_table(const std::deque<DeadLetterView>& letters) {
  const bool coloured = terminal::takes_colour(stdout);
  fmt::print("{}\n", terminal::toned(fmt::format("{:<20}  {:<13} {:>8}  {:<28} {}", "TIME",
                                                 "REASON", "BYTES", "ORIGIN", "DETAIL"),
                                     Tone::kBold, coloured));
  for (const auto& letter : letters) {
    const auto origin =
        fmt::format("{}/{}/{}", letter.topic, letter.origin_partition, letter.origin_offset);
    const auto reason = fmt::format("{:<13}", letter.reason);
    fmt::print("{:<20}  {} {:>8}  {:<28} {}\n", time_text(letter.time_ms),
               terminal::toned(reason, Tone::kWarning, coloured), letter.bytes, origin,
               letter.detail);
  }
}

void print_summary(const std::map<std::pair<std::string, std::string>, Count>& counts, bool json) {
  if (!json)
    fmt::print("{:<13} {:<24} {:>10} {:>12}  {}\n", "REASON", "TOPIC", "LETTERS", "BYTES",
               "NEWEST");
  for (const auto& [what, count] : counts) {
    if (!json) {
      fmt::print("{:<13} {:<24} {:>10} {:>12}  {}\n", what.first, what.second, count.letters,
                 count.bytes, time_text(count.newest_ms));
      continue;
    }
    nlohmann::ordered_json line{{"reason", what.first},
                                {"topic", what.second},
                                {"letters", count.letters},
                                {"bytes", count.bytes},
                                {"newest", time_text(count.newest_ms)}};
    fmt::print("{}\n", line.dump());
  }
}

}  // namespace

int dead_letters_list_command(const DeadLettersListArguments& arguments) {
  const auto loaded = load_or_complain(arguments.config);
  if (!loaded) return kExitConfig;
  std::map<std::pair<std::string, std::string>, Count> counts;
  std::deque<DeadLetterView> newest;
  const auto status =
      read_dead_letters(loaded->config, arguments.filter, [&](const DeadLetterView& letter) {
        Count& count = counts[{letter.reason, letter.topic}];
        ++count.letters;
        count.bytes += letter.bytes;
        count.newest_ms = std::max(count.newest_ms, letter.time_ms);
        if (arguments.summary) return true;
        newest.push_back(letter);
        if (newest.size() > arguments.count) newest.pop_front();
        return true;
      });
  if (!status) return report(status.error(), kExitUsage, kAskBroker);
  if (arguments.summary) {
    print_summary(counts, arguments.json);
    return kExitOk;
  }
  // Partitions were read side by side.
  std::ranges::stable_sort(newest, {}, &DeadLetterView::time_ms);
  if (!arguments.json) {
    print_table(newest);
    return kExitOk;
  }
  for (const auto& letter : newest) fmt::print("{}\n", to_json(letter).dump());
  return kExitOk;
}

}  // namespace weir
