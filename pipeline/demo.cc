// weir demo: the bundled real payments through the real pipeline, watched from outside.
//
// Publishes as a client would, runs an ordinary instance, and reads the verdicts as any consumer
// would. The broker is librdkafka's mock cluster in this process unless --brokers names a real one.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <fstream>
#include <unordered_map>

#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "operators/decode_label.h"
#include "pipeline/core/event_time.h"
#include "pipeline/exit_code.h"
#include "pipeline/instance.h"
#include "pipeline/json_lines.h"
#include "pipeline/json_result.h"
#include "pipeline/kafka/embedded_broker.h"
#include "pipeline/kafka/topic_client.h"
#include "pipeline/runtime_settings.h"
#include "pipeline/stop_signals.h"
#include "pipeline/verdict_summary.h"

namespace weir {
namespace {

using Steady = std::chrono::steady_clock;
using std::chrono::milliseconds;
namespace fs = std::filesystem;

constexpr milliseconds kGiveUpAfter{60'000};  // without any progress
constexpr milliseconds kTableInterval{1'000};
constexpr std::string_view kNameBroker = "name a real one with --brokers HOST:PORT";
constexpr std::string_view kSeeLog = "the lines above say more";

/// The folder that holds configs/ and tests/data/: above the binary, or the working directory.
fs::path bundled(const fs::path& file) {
  std::error_code error;
  auto folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (; !folder.empty() && folder != folder.root_path(); folder = folder.parent_path()) {
    if (fs::exists(folder / file)) return folder / file;
  }
  return file;
}

std::string text_field(std::string_view json, std::string_view name) {
  const auto key = fmt::format("\"{}\":\"", name);
  const auto begin = json.find(key);
  if (begin == std::string_view::npos) return {};
  const auto end = json.find('"', begin + key.size());
  return std::string(json.substr(begin + key.size(), end - begin - key.size()));
}

struct Event {
  std::int64_t time_ms;
  bool is_payment;
  std::string key;
  std::string line;
};

/// Payments and labels in the order in which they become known.
Result<std::vector<Event>> read_events(const std::string& transactions, const std::string& labels) {
  std::vector<Event> events;
  const auto read = [&](const std::string& file, std::string_view time_field, bool is_payment) {
    return read_lines(file, [&](std::string_view line, std::size_t) -> Status {
      const auto time = parse_event_time(text_field(line, time_field));
      events.push_back(
          {time ? time->ms : 0, is_payment, text_field(line, "user_id"), std::string(line)});
      return ok();
    });
  };
  WEIR_RETURN_IF_ERROR(
      read(labels, "label_time", false));  // first: a label due at a payment's time comes before it
  WEIR_RETURN_IF_ERROR(read(transactions, "event_time", true));
  std::ranges::stable_sort(events, {}, &Event::time_ms);
  return events;
}

/// What the watcher sees: verdicts with the time from publishing to reading.
class Watcher {
 public:
  void published(std::string transaction_id) {
    sent_.emplace(std::move(transaction_id), Steady::now());
  }

  void verdict(std::string_view json) {
    summary_.add_verdict(json);
    const auto sent = sent_.find(text_field(json, "transaction_id"));
    if (sent == sent_.end()) return;
    delays_ms_.push_back(
        std::chrono::duration<double, std::milli>(Steady::now() - sent->second).count());
    sent_.erase(sent);
  }
  /// Of the verdicts since the last call.
  std::pair<double, double> delay_p50_p99() {
    if (delays_ms_.empty()) return {0, 0};
    std::ranges::sort(delays_ms_);
    const auto at = [&](double q) {
      return delays_ms_[static_cast<std::size_t>(q * static_cast<double>(delays_ms_.size() - 1))];
    };
    const std::pair result{at(0.5), at(0.99)};
    delays_ms_.clear();
    return result;
  }
  VerdictSummary& summary() { return summary_; }

 private:
  VerdictSummary summary_;
  std::unordered_map<std::string, Steady::time_point> sent_;
  std::vector<double> delays_ms_;
};

struct DemoPlan {
  config::Config config;
  std::vector<Event> events;
  fs::path folder;
  std::uint64_t rate;
  std::FILE* talk;  // the table: stderr where the summary is JSON
};

class Demo {
 public:
  Demo(DemoPlan plan, Instance& instance)
      : plan_(std::move(plan)), instance_(instance), verdicts_(plan_.folder / "verdicts.jsonl") {}

  Status run(StopSignals& signals) {
    auto producer = kafka::TopicProducer::open(connection(plan_.config));
    if (!producer) return producer.error();
    auto reader = kafka::TopicReader::open(
        connection(plan_.config), {plan_.config.topics.verdicts, plan_.config.topics.dead_letters},
        {kafka::ReadFrom::Place::kBeginning});
    if (!reader) return reader.error();
    while (!instance_.ready() && !instance_.ended()) {
      if (signals.wait(milliseconds(20))) return ok();
    }
    started_ = table_at_ = progress_at_ = Steady::now();
    fmt::print(plan_.talk, "{:>9} {:>10} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}\n", "payments",
               "verdicts", "events/s", "p50 ms", "p99 ms", "approve", "review", "decline");
    while (!done() && !instance_.ended()) {
      WEIR_RETURN_IF_ERROR(publish(**producer));
      WEIR_RETURN_IF_ERROR(
          (*reader)->poll(milliseconds(5), [&](const std::string& topic, const RawRecord& record) {
            take(topic, record);
            return true;
          }));
      if (Steady::now() - table_at_ >= kTableInterval) print_row();
      if (Steady::now() - progress_at_ > kGiveUpAfter)
        return retry("no verdict for a minute; see the log lines above");
      if (signals.wait(milliseconds(0))) break;
    }
    print_row();
    return (*producer)->flush(milliseconds(5'000));
  }

  /// Every payment has its verdict: nobody broke it off.
  [[nodiscard]] bool finished() { return done(); }

  void print_summary_json() {
    verdicts_.flush();
    nlohmann::ordered_json json = {{"payments", payments_}};
    json.update(to_json(watcher_.summary()));
    json["dead_letters"] = dead_letters_;
    json["riskiest"] = watcher_.summary().riskiest();
    json["verdicts_file"] = (plan_.folder / "verdicts.jsonl").string();
    print_json(json);
  }

  void print_summary() {
    const auto& counts = watcher_.summary().counts();
    fmt::print(
        "\npayments     {}\nverdicts     {}  (approve {}, review {}, decline {})\ndead letters "
        "{}\nduplicates   {}\n",
        payments_, counts.verdicts, counts.approve, counts.review, counts.decline, dead_letters_,
        counts.duplicates);
    if (const auto quality = watcher_.summary().quality()) {
      fmt::print("average precision {:.3f} against {} labelled frauds among {} payments\n",
                 quality->average_precision, quality->frauds, quality->labelled);
    }
    verdicts_.flush();
    const auto& riskiest = watcher_.summary().riskiest();
    fmt::print(
        "\nLook at the riskiest one:\n  grep '\"transaction_id\":\"{}\"' {} | python3 -m "
        "json.tool\n",
        riskiest, (plan_.folder / "verdicts.jsonl").string());
  }

 private:
  [[nodiscard]] bool done() {
    return next_ == plan_.events.size() &&
           watcher_.summary().counts().verdicts + dead_letters_ >= payments_;
  }

  Status publish(kafka::TopicProducer& producer) {
    const double elapsed = std::chrono::duration<double>(Steady::now() - started_).count();
    const auto due =
        plan_.rate == 0 ? payments_ + 1'000
                        : static_cast<std::uint64_t>(elapsed * static_cast<double>(plan_.rate)) + 1;
    while (next_ < plan_.events.size()) {
      const auto& event = plan_.events[next_];
      if (event.is_payment && payments_ >= due) break;
      const auto& topics = plan_.config.topics;
      WEIR_RETURN_IF_ERROR(producer.send(event.is_payment ? topics.transactions : topics.labels,
                                         event.key, event.line));
      if (event.is_payment) {
        ++payments_;
        watcher_.published(text_field(event.line, "transaction_id"));
      } else if (auto label = labels_.parse(event.line)) {
        watcher_.summary().add_label(label->transaction_id, label->is_fraud);
      }
      ++next_;
    }
    return ok();
  }

  void take(const std::string& topic, const RawRecord& record) {
    progress_at_ = Steady::now();
    if (topic == plan_.config.topics.dead_letters) {
      ++dead_letters_;
      return;
    }
    watcher_.verdict(record.value);
    verdicts_ << record.value << '\n';
  }

  void print_row() {
    const auto& counts = watcher_.summary().counts();
    const auto now = Steady::now();
    const double seconds = std::max(std::chrono::duration<double>(now - table_at_).count(), 1e-3);
    const auto [p50, p99] = watcher_.delay_p50_p99();
    const bool terminal = isatty(fileno(plan_.talk)) != 0;
    fmt::print(plan_.talk, "{}{:>9} {:>10} {:>9.0f} {:>9.1f} {:>9.1f} {:>9} {:>9} {:>9}{}",
               terminal ? "\r" : "", payments_, counts.verdicts,
               static_cast<double>(counts.verdicts - last_verdicts_) / seconds, p50, p99,
               counts.approve, counts.review, counts.decline, terminal && !done() ? "" : "\n");
    std::fflush(plan_.talk);
    last_verdicts_ = counts.verdicts;
    table_at_ = now;
  }

  DemoPlan plan_;
  Instance& instance_;
  operators::DecodeLabels labels_{plan_.config.operators.input};
  Watcher watcher_;
  std::ofstream verdicts_;
  std::size_t next_ = 0;
  std::uint64_t payments_ = 0;
  std::uint64_t dead_letters_ = 0;
  std::uint64_t last_verdicts_ = 0;
  Steady::time_point started_, table_at_, progress_at_;
};

Status create_embedded_topics(kafka::EmbeddedBroker& broker, const config::Config& config) {
  const auto& t = config.topics;
  for (const auto& name : {t.transactions, t.labels, t.verdicts, t.features, t.dead_letters,
                           t.state, t.audit, t.entities, t.entity_profiles, t.entity_state}) {
    WEIR_RETURN_IF_ERROR(broker.create_topic(name, static_cast<int>(t.partitions)));
  }
  return broker.create_topic(t.metrics, 1);
}

/// What the demo changes of the configuration: where it runs, and names of its own on a real
/// broker.
std::vector<std::string> demo_settings(const DemoArguments& arguments, const std::string& brokers,
                                       const fs::path& folder) {
  std::vector<std::string> set = arguments.config.set;
  const auto given = [&](std::string_view key) {
    return std::ranges::any_of(arguments.config.set, [&](const std::string& assignment) {
      return assignment.starts_with(key) && assignment.substr(key.size()).starts_with('=');
    });
  };
  if (!given("console.listen")) set.emplace_back("console.listen=127.0.0.1:0");
  if (!given("console.analyst") && !given("console.identity_header")) {
    set.emplace_back("console.analyst=demo");
  }
  set.insert(set.end(), {"kafka.brokers=" + brokers, "state.dir=" + (folder / "state").string(),
                         "admin.listen=127.0.0.1:0", "topics.create=true", "log.level=warn"});
  if (arguments.brokers.empty()) {
    set.emplace_back("delivery=at_least_once");
    // The stand-in answers an empty fetch only when its time is up, not when a record arrives.
    set.emplace_back("kafka.properties.fetch.wait.max.ms=5");
    return set;
  }
  const auto run = fmt::format("weir-demo-{}", getpid());
  set.push_back("kafka.group_id=" + run);
  for (const auto* name :
       {"transactions", "labels", "verdicts", "features", "dead_letters", "metrics", "state",
        "audit", "entities", "entity_profiles", "entity_state"}) {
    set.push_back(fmt::format("topics.{}={}-{}", name, run, name));
  }
  return set;
}

/// Until Ctrl-C: there is something to look at.
void stay(const Instance& instance, StopSignals& signals, std::FILE* talk) {
  fmt::print(
      talk,
      "\nAll payments have their verdicts. Look at them: open\n  http://127.0.0.1:{}/\nand press "
      "? there for the keys. Ctrl-C ends the demo.\n",
      instance.console_port());
  std::fflush(talk);
  while (!instance.ended() && !signals.wait(milliseconds(200))) {
  }
}

}  // namespace

int demo_command(const DemoArguments& arguments) {
  const auto folder = fs::temp_directory_path() / fmt::format("weir-demo-{}", getpid());
  fs::create_directories(folder);
  std::unique_ptr<kafka::EmbeddedBroker> broker;
  std::string brokers = arguments.brokers;
  if (brokers.empty()) {
    auto started = kafka::EmbeddedBroker::start();
    if (!started) return report(started.error(), kExitBug, kNameBroker);
    broker = *std::move(started);
    brokers = broker->bootstrap();
  }
  ConfigSource source = arguments.config;
  if (source.file.empty()) source.file = bundled("configs/handbook.yaml").string();
  source.set = demo_settings(arguments, brokers, folder);
  const auto loaded = load_or_complain(source);
  if (!loaded) return kExitConfig;
  if (broker) {
    if (auto made = create_embedded_topics(*broker, loaded->config); !made)
      return report(made.error(), kExitBug, kNameBroker);
  }
  const fs::path sample = "tests/data/sample";
  auto events = read_events(
      arguments.transactions.empty() ? bundled(sample / "transactions.jsonl.gz").string()
                                     : arguments.transactions,
      arguments.labels.empty() ? bundled(sample / "labels.jsonl.gz").string() : arguments.labels);
  if (!events) return report(events.error(), kExitData);

  StopSignals signals;
  const bool embedded = broker != nullptr;
  std::FILE* talk = arguments.json ? stderr : stdout;
  fmt::print(talk, "broker   {} ({})\ndelivery {}\nmodel    {}\n", brokers,
             embedded ? "embedded stand-in" : "real",
             embedded ? "at_least_once: the stand-in has no transactions; --brokers HOST:PORT "
                        "shows exactly_once"
                      : "as configured",
             loaded->config.model.package.parent_path().filename().string() + " " +
                 loaded->config.model.package.filename().string());
  auto instance = Instance::start(loaded->config, true);
  if (!instance) return report(instance.error(), kExitConfig, kAskBroker);
  if ((*instance)->console_port() != 0) {
    fmt::print(talk, "console  http://127.0.0.1:{}/\n", (*instance)->console_port());
  }
  fmt::print(talk, "metrics  http://127.0.0.1:{}/metrics\n\n", (*instance)->admin_port());
  std::fflush(talk);
  Demo demo({loaded->config, *std::move(events), folder, arguments.rate, talk}, **instance);
  const auto status = demo.run(signals);
  const bool is_watched = isatty(STDIN_FILENO) != 0 && isatty(STDOUT_FILENO) != 0;
  const bool stays = arguments.stay || (is_watched && !arguments.json);
  if (status && stays && demo.finished() && (*instance)->console_port() != 0)
    stay(**instance, signals, talk);
  (*instance)->stop();
  while (!(*instance)->ended()) signals.wait(milliseconds(20));
  if (const auto failure = (*instance)->failure()) return report(*failure, kExitBug, kSeeLog);
  if (!status) return report(status.error(), kExitUnavailable, kSeeLog);
  if (arguments.json) {
    demo.print_summary_json();
  } else {
    demo.print_summary();
  }
  return kExitOk;
}

}  // namespace weir
