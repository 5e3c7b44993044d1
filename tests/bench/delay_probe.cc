// The client of the delay figures: publishes payments at a steady rate and reads the committed
// verdicts, both with librdkafka and one clock, so that what the measuring costs stays small beside
// what is measured. Started by live_bench.py; prints one JSON object.
//
//     delay_probe BROKERS PAYMENTS VERDICTS PARTITIONS RATE WARM_UP_S SECONDS
//
// Delay of a payment: from the call that publishes it (acks=all, linger 0) to its verdict in the
// hands of a read_committed reader. Payments: seeded, 100,000 users, about 200 bytes of JSON.

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fmt/chrono.h>
#include <fmt/core.h>

#include "pipeline/kafka/handles.h"

namespace {

using namespace weir::kafka;
using SteadyClock = std::chrono::steady_clock;
using Nanoseconds = std::chrono::nanoseconds;
using std::chrono::milliseconds;

constexpr std::uint32_t kSeed = 20261122;
constexpr std::int64_t kStart = 1'700'000'000;
constexpr std::chrono::seconds kPatience{20};
constexpr std::string_view kIdKey = R"("transaction_id":"T)";
constexpr std::size_t kIdDigits = 10;

[[noreturn]] void give_up(std::string_view why) {
  fmt::print(stderr, "delay_probe: {}\n", why);
  std::exit(1);
}

Client make(rd_kafka_type_t type, const std::string& brokers, const Properties& properties) {
  auto conf = make_conf({.brokers = brokers, .properties = {}}, {}, properties);
  if (!conf) give_up(conf.error().message);
  auto client = make_client(type, *std::move(conf));
  if (!client) give_up(client.error().message);
  return *std::move(client);
}

struct Plan {
  std::string brokers;
  std::string payments;
  std::string verdicts;
  int partitions;
  std::int64_t rate;
  std::int64_t warm_up;  // payments sent before the first that counts
  std::int64_t total;
};

/// When each payment was published; written by the feeder, read by the reader.
using SendTimes = std::vector<std::atomic<std::int64_t>>;

std::int64_t now_ns() {
  return std::chrono::duration_cast<Nanoseconds>(SteadyClock::now().time_since_epoch()).count();
}

void feed(const Plan& plan, SendTimes& sent) {
  const auto client =
      make(RD_KAFKA_PRODUCER, plan.brokers,
           {{"acks", "all"}, {"linger.ms", "0"}, {"partitioner", "murmur2_random"}});
  const TopicHandle topic(rd_kafka_topic_new(client.get(), plan.payments.c_str(), nullptr));
  std::mt19937 random(kSeed);
  const auto pick = [&](std::uint32_t count) { return random() % count; };
  const auto begin = SteadyClock::now();
  for (std::int64_t i = 0; i < plan.total; ++i) {
    std::this_thread::sleep_until(begin + Nanoseconds(i * 1'000'000'000 / plan.rate));
    const auto user = fmt::format("U{:07}", pick(100'000));
    const auto cents = 100 + pick(90'000);
    const auto value = fmt::format(
        R"({{"transaction_id":"T{:010}","user_id":"{}","event_time":"{:%Y-%m-%dT%H:%M:%SZ}","amount":{}.{:02},)"
        R"("currency":"EUR","merchant_id":"M{:05}","country":"FR","merchant_country":"DE","channel":"web","mcc":"5411"}})",
        i, user, fmt::gmtime(static_cast<std::time_t>(kStart + i / 1000)), cents / 100, cents % 100,
        pick(10'000));
    sent[static_cast<std::size_t>(i)] = now_ns();
    while (rd_kafka_produce(topic.get(), RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
                            const_cast<char*>(value.data()), value.size(), user.data(), user.size(),
                            nullptr) != 0) {
      rd_kafka_poll(client.get(), 10);
    }
    rd_kafka_poll(client.get(), 0);
  }
  rd_kafka_flush(client.get(), 10'000);
}

std::int64_t payment_number(std::string_view verdict) {
  const auto at = verdict.find(kIdKey);
  std::int64_t number = -1;
  if (at != std::string_view::npos) {
    const char* first = verdict.data() + at + kIdKey.size();
    std::from_chars(first, first + kIdDigits, number);
  }
  return number;
}

/// Delay of each payment in nanoseconds, 0 where no verdict came.
std::vector<std::int64_t> read(const Plan& plan, const SendTimes& sent) {
  const auto client = make(RD_KAFKA_CONSUMER, plan.brokers,
                           {{"group.id", "delay-probe"},
                            {"isolation.level", "read_committed"},
                            {"enable.auto.commit", "false"},
                            {"fetch.wait.max.ms", "100"}});
  const PartitionList list(rd_kafka_topic_partition_list_new(plan.partitions));
  for (int p = 0; p < plan.partitions; ++p) {
    rd_kafka_topic_partition_list_add(list.get(), plan.verdicts.c_str(), p)->offset = 0;
  }
  rd_kafka_assign(client.get(), list.get());
  std::vector<std::int64_t> delays(static_cast<std::size_t>(plan.total), 0);
  std::int64_t seen = 0;
  auto last = SteadyClock::now();
  while (seen < plan.total && SteadyClock::now() - last < kPatience) {
    const Message message(rd_kafka_consumer_poll(client.get(), 100));
    if (!message || message->err) continue;
    last = SteadyClock::now();
    const auto number = payment_number({static_cast<const char*>(message->payload), message->len});
    if (number < 0 || number >= plan.total) give_up("a verdict for a payment that was not sent");
    auto& delay = delays[static_cast<std::size_t>(number)];
    if (delay != 0) give_up("two verdicts for one payment");
    delay = now_ns() - sent[static_cast<std::size_t>(number)];
    ++seen;
  }
  if (seen < plan.total) give_up(fmt::format("only {} of {} verdicts came", seen, plan.total));
  rd_kafka_consumer_close(client.get());
  return delays;
}

double quantile_ms(std::vector<std::int64_t>& delays, double q) {
  const auto at =
      delays.begin() + static_cast<std::ptrdiff_t>(q * static_cast<double>(delays.size() - 1));
  std::nth_element(delays.begin(), at, delays.end());
  return static_cast<double>(*at) / 1e6;
}

std::int64_t number_of(const char* text) {
  return std::strtoll(text, nullptr, 10);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 8) give_up("BROKERS PAYMENTS VERDICTS PARTITIONS RATE WARM_UP_S SECONDS");
  const auto rate = number_of(argv[5]);
  const Plan plan{argv[1],
                  argv[2],
                  argv[3],
                  static_cast<int>(number_of(argv[4])),
                  rate,
                  rate * number_of(argv[6]),
                  rate * (number_of(argv[6]) + number_of(argv[7]))};
  SendTimes sent(static_cast<std::size_t>(plan.total));
  std::thread feeder([&] { feed(plan, sent); });
  auto delays = read(plan, sent);
  feeder.join();

  // Medians of tenths show whether the figure is a steady state or a start that still fades.
  std::vector<std::int64_t> counted(delays.begin() + plan.warm_up, delays.end());
  std::string tenths;
  for (std::size_t i = 0; i < 10; ++i) {
    const auto step = static_cast<std::ptrdiff_t>(counted.size() / 10);
    std::vector<std::int64_t> part(counted.begin() + static_cast<std::ptrdiff_t>(i) * step,
                                   counted.begin() + static_cast<std::ptrdiff_t>(i + 1) * step);
    fmt::format_to(std::back_inserter(tenths), "{}{:.1f}", i == 0 ? "" : ",",
                   quantile_ms(part, 0.5));
  }
  fmt::print(
      R"({{"p50_ms":{:.2f},"p99_ms":{:.2f},"p999_ms":{:.2f},"samples":{},"tenths_p50_ms":[{}]}})"
      "\n",
      quantile_ms(counted, 0.5), quantile_ms(counted, 0.99), quantile_ms(counted, 0.999),
      counted.size(), tenths);
}
