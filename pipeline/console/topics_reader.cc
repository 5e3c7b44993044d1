#include "pipeline/console/topics_reader.h"

#include <condition_variable>
#include <mutex>

#include <nlohmann/json.hpp>

#include "pipeline/kafka/topic_client.h"
#include "pipeline/telemetry/log.h"

namespace weir::console {
namespace {

using Json = nlohmann::json;

constexpr std::chrono::milliseconds kTurn{50};
constexpr std::chrono::milliseconds kPause{2'000};

/// Written by us in a fixed order: cheaper than reading all of a features record.
std::string verdict_id_in(std::string_view features) {
  constexpr std::string_view kKey = R"("verdict_id":")";
  const auto begin = features.find(kKey);
  if (begin == std::string_view::npos) return {};
  const auto end = features.find('"', begin + kKey.size());
  if (end == std::string_view::npos) return {};
  return std::string(features.substr(begin + kKey.size(), end - begin - kKey.size()));
}

void take_label(std::string_view text, KeptVerdicts& kept) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return;
  try {
    kept.add(json.at("user_id"), json.at("transaction_id"),
             {json.at("label_id"), json.value("type", ""), json.at("label_time"),
              json.at("is_fraud"), json.value("revision", 0U)});
  } catch (const Json::exception&) {
    // Not a label: the worker has made a dead letter of it.
  }
}

}  // namespace

std::optional<Disposition> parse_audit(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  try {
    if (json.at("what") != "disposition") return std::nullopt;
    Disposition said;
    said.verdict_id = json.at("verdict_id");
    said.transaction_id = json.at("transaction_id");
    said.user_id = json.at("user_id");
    said.what = json.at("after").at("disposition");
    said.revision = json.at("after").at("revision");
    said.analyst = json.at("analyst");
    said.note = json.at("note");
    said.at = json.at("at");
    if (json.at("label_id").is_string()) said.label_id = json.at("label_id");
    return said;
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

TopicsReader::TopicsReader(const config::Config& config, KeptVerdicts& kept, NamedPayments& named,
                           SchemaSource* schemas, const Clock& clock)
    : config_(config),
      kept_(kept),
      named_(named),
      ids_(config.operators, schemas),
      clock_(clock),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

void TopicsReader::run(const std::stop_token& stop) {
  name_log_thread("console-reader");
  while (!stop.stop_requested()) {
    read_until_stopped(stop);
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, stop, kPause, [] { return false; });
  }
}

void TopicsReader::read_until_stopped(const std::stop_token& stop) {
  const auto& topics = config_.topics;
  const kafka::ReadFrom newest{kafka::ReadFrom::Place::kLast,
                               static_cast<std::int64_t>(config_.console.verdicts_max)};
  auto opened = kafka::TopicReader::open(
      {config_.kafka.brokers, config_.kafka.properties, config_.kafka.group_id},
      {topics.verdicts, topics.features, topics.transactions, topics.labels, topics.audit}, newest);
  if (!opened) {
    log_warn("console: {}; trying again", opened.error().message);
    return;
  }
  const std::shared_ptr<kafka::TopicReader> reader = *std::move(opened);
  publish(reader);
  const auto take = [&](const std::string& topic, const RawRecord& record) {
    if (topic == topics.verdicts) {
      if (auto verdict = parse_verdict(record.value, clock_.wall_ms())) {
        kept_.add(*std::move(verdict));
      }
    } else if (topic == topics.features) {
      kept_.add_features(verdict_id_in(record.value), {topic, record.partition, record.offset});
    } else if (topic == topics.transactions) {
      named_.add({record.partition, record.offset}, ids_.read(record));
    } else if (topic == topics.audit) {
      if (auto said = parse_audit(record.value)) kept_.add(*std::move(said));
    } else {
      take_label(record.value, kept_);
    }
    return !stop.stop_requested();
  };
  while (!stop.stop_requested()) {
    if (auto polled = reader->poll(kTurn, take); !polled) break;
    answer_who_waits(*reader);
    if (!caught_up() && reader->at_end()) {
      caught_up_.store(true, std::memory_order_relaxed);
      log_info("console: {} verdicts read", kept_.size());
    }
  }
  publish(nullptr);
}

void TopicsReader::publish(std::shared_ptr<kafka::TopicReader> reader) {
  const std::scoped_lock lock(mutex_);
  reader_ = std::move(reader);
  progress_.notify_all();
}

void TopicsReader::answer_who_waits(const kafka::TopicReader& reader) {
  const std::scoped_lock lock(mutex_);
  if (!awaited_ || !reader.has_read(config_.topics.audit, *awaited_)) return;
  awaited_.reset();
  progress_.notify_all();
}

bool TopicsReader::read_all_dispositions(std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::shared_ptr<kafka::TopicReader> reader;
  {
    std::unique_lock lock(mutex_);
    if (!progress_.wait_until(lock, deadline, [this] { return reader_ != nullptr; })) return false;
    reader = reader_;
  }
  auto ends = reader->ends_of(config_.topics.audit, patience);
  if (!ends) return false;
  std::unique_lock lock(mutex_);
  awaited_ = *std::move(ends);
  if (progress_.wait_until(lock, deadline, [this] { return !awaited_; })) return true;
  awaited_.reset();
  return false;
}

}  // namespace weir::console
