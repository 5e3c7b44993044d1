#include "tests/simulation/payments.h"

#include <fmt/core.h>

namespace weir::simulation {
namespace {

constexpr std::int64_t kStart = 1'528'718'400'000;  // 2018-06-11T12:00:00Z
constexpr std::int64_t kMinute = 60'000;
constexpr std::int64_t kHour = 60 * kMinute;

struct Paid {
  std::string user;
  std::size_t number;
  std::int64_t event_ms;
};

InputRecord label_for(const Paid& payment, std::int64_t now_ms, Random& random) {
  InputRecord label;
  label.lane = Lane::kLabels;
  label.key = payment.user;
  label.timestamp_ms = now_ms;
  label.value = fmt::format(
      R"({{"label_id":"l{}","transaction_id":"t{}","user_id":"{}","merchant_id":"M0",)"
      R"("is_fraud":{},"event_time":{},"label_time":{},"revision":{},"source":"issuer"}})",
      payment.number, payment.number, payment.user, random.one_in(2), payment.event_ms, now_ms,
      random.below(3));
  return label;
}

}  // namespace

std::vector<InputRecord> make_input(Random& random, std::size_t records) {
  const std::size_t users = 2 + random.below(10);
  std::vector<InputRecord> input;
  std::vector<InputRecord> good;
  std::vector<Paid> paid;
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
      paid.push_back({record.key, i, event_ms});
    }
    if (!paid.empty() && random.one_in(4)) {  // of this one, too: before its payment
      input.push_back(label_for(random.pick(paid), now_ms, random));
    }
    input.push_back(std::move(record));
  }
  return input;
}

}  // namespace weir::simulation
