#include "tests/simulation/payments.h"

#include <fmt/core.h>

namespace weir::simulation {
namespace {

constexpr std::int64_t kStart = 1'528'718'400'000;  // 2018-06-11T12:00:00Z
constexpr std::int64_t kMinute = 60'000;
constexpr std::int64_t kHour = 60 * kMinute;

}  // namespace

std::vector<InputRecord> make_input(Random& random, std::size_t records) {
  const std::size_t users = 2 + random.below(10);
  std::vector<InputRecord> input;
  std::vector<InputRecord> good;
  std::int64_t now_ms = kStart;
  for (std::size_t i = 0; i < records; ++i) {
    now_ms += static_cast<std::int64_t>(random.below(random.one_in(30) ? 9 * kHour : 5 * kMinute));
    if (!good.empty() && random.one_in(10)) {  // the client did not see an answer
      input.push_back(random.pick(good));
      continue;
    }
    InputRecord record;
    record.key = fmt::format("user-{}", random.below(users));
    record.timestamp_ms = now_ms;
    if (random.one_in(20)) {
      input.push_back(record);
      continue;
    }
    std::int64_t event_ms = now_ms;
    if (random.one_in(6)) event_ms -= static_cast<std::int64_t>(random.below(5 * kMinute));
    if (random.one_in(20)) event_ms -= kHour;
    record.value = fmt::format(
        R"({{"transaction_id":"t{}","user_id":"{}","event_time":{},"amount":"{}.50","currency":"EUR",)"
        R"("merchant_id":"M{}"}})",
        i, record.key, event_ms, 1 + random.below(900), random.below(5));
    if (random.one_in(20)) {
      record.value.resize(record.value.size() / 2);
    } else {
      good.push_back(record);
    }
    input.push_back(std::move(record));
  }
  return input;
}

}  // namespace weir::simulation
