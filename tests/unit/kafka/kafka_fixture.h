#pragma once
// An embedded broker with Weir's topics, and what the tests of pipeline/kafka share. Waiting is
// polling with a deadline.

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "pipeline/kafka/embedded_broker.h"
#include "pipeline/kafka/kafka_input.h"
#include "pipeline/kafka/kafka_output.h"
#include "pipeline/kafka/log_sink.h"
#include "pipeline/kafka/topic_client.h"
#include "pipeline/system_clock.h"

namespace weir::kafka {

inline constexpr std::chrono::seconds kPatience{30};
inline constexpr int kFetch = 1;  // request numbers of the protocol
inline constexpr int kListOffsets = 2;

/// Lines of pipeline/kafka and librdkafka, from any thread.
class LogLines {
 public:
  LogLines() {
    instance_ = this;
    set_log_sink([](int, std::string_view line) { instance_->add(line); });
  }
  ~LogLines() {
    set_log_sink([](int, std::string_view) {});
  }

  [[nodiscard]] int count(std::string_view text) {
    const std::lock_guard lock(mutex_);
    int found = 0;
    for (const auto& line : lines_) found += line.find(text) != std::string::npos ? 1 : 0;
    return found;
  }
  /// Waits for a line with this text; false when none came.
  bool wait_for(std::string_view text) {
    std::unique_lock lock(mutex_);
    return arrived_.wait_for(lock, kPatience, [&] {
      for (const auto& line : lines_) {
        if (line.find(text) != std::string::npos) return true;
      }
      return false;
    });
  }

 private:
  void add(std::string_view line) {
    const std::lock_guard lock(mutex_);
    lines_.emplace_back(line);
    arrived_.notify_all();
  }
  inline static LogLines* instance_ = nullptr;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<std::string> lines_;
};

/// Writes down what the group tells.
class Assignments final : public AssignmentListener {
 public:
  void assigned(std::span<const PartitionOffset> partitions) override {
    ++times;
    owned.assign(partitions.begin(), partitions.end());
    told.emplace_back("assigned");
  }
  void revoked(std::span<const std::int32_t> partitions, bool lost) override {
    told.push_back((lost ? "lost " : "revoked ") + std::to_string(partitions.size()));
    owned.clear();
  }
  std::vector<PartitionOffset> owned;
  std::vector<std::string> told;
  int times = 0;
};

class KafkaFixture : public testing::Test {
 protected:
  void SetUp() override {
    auto started = EmbeddedBroker::start();
    ASSERT_TRUE(started) << started.error().message;
    broker_ = *std::move(started);
    for (const auto& topic : kTopics) ASSERT_TRUE(broker_->create_topic(topic, 2));
    ASSERT_TRUE(broker_->create_topic("input", 2));
  }

  [[nodiscard]] Connection connection() const { return {broker_->bootstrap(), {}}; }
  /// A dynamic member. The mock starts a round of joining only when the session time of a member
  /// less one second has passed, and a follower whose sync comes after the leader's is sent round
  /// again (librdkafka 2.0.2, rdkafka_mock_cgrp.c): a short session keeps the rounds short. It
  /// knows no static members, so that one who comes back waits for its former self to time out.
  [[nodiscard]] InputOptions input_options() const {
    return {{broker_->bootstrap(), {{"session.timeout.ms", "4000"}}}, "input", "", "group", ""};
  }
  [[nodiscard]] OutputOptions output_options() const {
    return {connection(), kTopics, "weir-test-0", 2, {2, 2, 2, 2, 2, 2, 2}};
  }
  static OutputRecord record(Stream stream, std::string value, std::int32_t partition = 0) {
    return {stream, partition, partition, "key", std::move(value), {{"name", "value"}}};
  }
  /// Everything in a topic, in the order of one partition.
  std::vector<std::string> read_topic(const std::string& topic) {
    std::vector<std::string> values;
    auto reader = TopicReader::open(connection(), {topic}, {ReadFrom::Place::kBeginning});
    EXPECT_TRUE(reader) << reader.error().message;
    until([&] {
      EXPECT_TRUE((*reader)->poll(std::chrono::milliseconds(50),
                                  [&](const std::string&, const RawRecord& seen) {
                                    values.emplace_back(seen.value);
                                    return true;
                                  }));
      return (*reader)->at_end();
    });
    return values;
  }
  /// Calls `done` until it holds; every call waits by itself.
  static void until(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < deadline) {
      if (done()) return;
    }
    ADD_FAILURE() << "waited in vain";
  }

  inline static const StreamTopics kTopics{"verdicts", "features", "dead-letters", "changelog",
                                           "metrics",  "entities", "profiles"};
  LogLines log_;
  SystemClock clock_;
  std::unique_ptr<EmbeddedBroker> broker_;
};

}  // namespace weir::kafka
