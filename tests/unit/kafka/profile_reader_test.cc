// ProfileReader: everything that is in the topic and everything that comes, whatever the broker
// does.

#include "pipeline/kafka/profile_reader.h"

#include "operators/features/entity_event.h"
#include "operators/features/profile.h"
#include "pipeline/profiles/profile_table.h"
#include "tests/unit/kafka/kafka_fixture.h"
#include "tests/unit/telemetry/fake_clock.h"

namespace weir::kafka {
namespace {

using namespace std::chrono_literals;

constexpr const char* kTopic = "changelog";  // a topic the fixture can write to, with tombstones

class ProfileReaderTest : public KafkaFixture {
 protected:
  struct Written {
    std::string key;
    std::string value;  // empty: a record without a value
    std::int32_t partition = 0;
  };
  void write(const std::vector<Written>& records) {
    KafkaInput input(input_options());
    IdempotentOutput output(output_options(), input, clock_);
    ASSERT_TRUE(output.open());
    for (const auto& [key, value, partition] : records) {
      OutputRecord out = record(Stream::kChangelog, value, partition);
      out.key = key;
      out.headers.clear();
      out.tombstone = value.empty();
      output.send(std::move(out));
    }
    ASSERT_EQ(output.flush().outcome, TxnOutcome::kCommitted);
  }

  /// What the reader says, as "key=value" and "-key"; it refuses the key "bad".
  [[nodiscard]] ProfileSink sink() {
    return {[this](std::string_view key, std::string_view value) -> Status {
              if (key == "bad") return Error{ErrorKind::kRejectEvent, "no such thing"};
              say(std::string(key) + "=" + std::string(value));
              return ok();
            },
            [this](std::string_view key) {
              say("-" + std::string(key));
              return ok();
            },
            [this] { say("loaded"); }};
  }
  void start(const std::string& topic = kTopic) {
    reader_.emplace(connection(), topic, sink(), still_);
  }
  void say(std::string what) {
    const std::lock_guard lock(mutex_);
    said_.push_back(std::move(what));
    changed_.notify_all();
  }
  /// Waits for so many sayings and returns them all.
  std::vector<std::string> said(std::size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kPatience, [&] { return said_.size() >= count; }));
    return said_;
  }

  telemetry::StillClock still_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> said_;
  std::optional<ProfileReader> reader_;
};

TEST_F(ProfileReaderTest, ReadsWhatIsThereSaysSoOnceAndFollowsWhatComes) {
  write({{"a", "1"}, {"b", "2"}, {"a", "3"}});
  start();
  EXPECT_EQ(said(4), (std::vector<std::string>{"a=1", "b=2", "a=3", "loaded"}));
  write({{"b", "4"}, {"a", ""}});
  EXPECT_EQ(said(6), (std::vector<std::string>{"a=1", "b=2", "a=3", "loaded", "b=4", "-a"}));
  EXPECT_EQ(reader_->records(), 5U);
  EXPECT_EQ(reader_->bytes(), 9U);
  EXPECT_EQ(reader_->bad_records(), 0U);
}

TEST_F(ProfileReaderTest, IsLoadedAfterTheLastPartitionIsRead) {
  std::vector<Written> records;
  for (int i = 0; i < 2'000; ++i) records.push_back({"k", std::to_string(i), i % 2});
  write(records);
  start();
  const auto all = said(2'001);
  ASSERT_EQ(all.size(), 2'001U);
  EXPECT_EQ(all.back(), "loaded");
}

TEST_F(ProfileReaderTest, AnEmptyTopicIsLoadedAtOnce) {
  start();
  EXPECT_EQ(said(1), std::vector<std::string>{"loaded"});
}

TEST_F(ProfileReaderTest, BadRecordsAreCountedAndSaidAtMostOnceAMinute) {
  write({{"bad", "1"}, {"bad", "2"}, {"a", "3"}});
  start();
  EXPECT_EQ(said(2), (std::vector<std::string>{"a=3", "loaded"}));
  EXPECT_EQ(reader_->bad_records(), 2U);
  EXPECT_EQ(reader_->records(), 3U);
  EXPECT_EQ(log_.count("record refused: no such thing (partition 0, offset 0); 1 refused so far"),
            1);
  EXPECT_EQ(log_.count("record refused"), 1);

  still_.advance(59'999ms);
  write({{"bad", "4"}, {"a", "5"}});
  EXPECT_EQ(said(3).back(), "a=5");
  EXPECT_EQ(log_.count("record refused"), 1);
  still_.advance(1ms);
  write({{"bad", "6"}, {"a", "7"}});
  EXPECT_EQ(said(4).back(), "a=7");
  EXPECT_EQ(log_.count("offset 5); 4 refused so far"), 1);
}

TEST_F(ProfileReaderTest, AsksAgainWhenTheEndIsNotTold) {
  write({{"a", "1"}});
  broker_->fail_requests(kListOffsets, {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED});
  start();
  EXPECT_TRUE(log_.wait_for("profiles: cannot ask for the end of topic changelog partition 0"));
  EXPECT_EQ(said(2), (std::vector<std::string>{"a=1", "loaded"}));
}

TEST_F(ProfileReaderTest, WaitsForABrokerThatIsAwayAtTheStart) {
  write({{"a", "1"}});
  broker_->set_broker_up(1, false);
  start();
  EXPECT_TRUE(log_.wait_for("profiles: no answer about topic changelog"));
  broker_->set_broker_up(1, true);
  EXPECT_EQ(said(2), (std::vector<std::string>{"a=1", "loaded"}));
}

TEST_F(ProfileReaderTest, ReadsOnAfterABrokerWasAway) {
  write({{"a", "1"}});
  start();
  said(2);
  broker_->set_broker_up(1, false);
  EXPECT_TRUE(log_.wait_for("kafka client"));  // the library says what it misses
  broker_->set_broker_up(1, true);
  write({{"b", "2"}});
  EXPECT_EQ(said(3), (std::vector<std::string>{"a=1", "loaded", "b=2"}));
}

TEST_F(ProfileReaderTest, SaysAtMostOnceAMinuteThatItMayNotReadAndReadsOn) {
  start();
  said(1);
  broker_->fail_requests(kFetch, {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
                                  RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED});
  EXPECT_TRUE(log_.wait_for("profiles: cannot read topic changelog now"));
  write({{"b", "2"}});
  EXPECT_EQ(said(2), (std::vector<std::string>{"loaded", "b=2"}));
  EXPECT_EQ(log_.count("cannot read topic"), 1);
}

TEST_F(ProfileReaderTest, EndsWithinSecondsWithoutABroker) {
  broker_->set_broker_up(1, false);
  start();
  EXPECT_TRUE(log_.wait_for("trying again in 1000 ms"));
  const auto asked = std::chrono::steady_clock::now();
  reader_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - asked, 10s);
}

TEST_F(ProfileReaderTest, FillsATableThatWorkersLookUp) {
  const auto profile = [](double value) {
    return operators::encode_profile({{1'000, 1}, 0, 7, {value}, {}});
  };
  write({{"m:T1", profile(1)},
         {"m:T2", profile(2)},
         {"~0", operators::encode_heartbeat({0, clock_.wall_ms(), 1'000})},
         {"m:T2", ""},
         {"T3", profile(3)}});
  ProfileTable table(1, 1h, clock_);
  ProfileReader reader(
      connection(), kTopic,
      {[&](std::string_view key, std::string_view value) { return table.put(key, value); },
       [&](std::string_view key) { return table.remove(key); },
       [&] {
         table.set_loaded();
         say("loaded");
       }},
      still_);
  said(1);
  double value = 0;
  operators::ProfileVersion version;
  const auto find = [&](std::string_view id) {
    return table.find(state::EntityKind::kMerchant, id, 7, {&value, 1}, version, nullptr);
  };
  EXPECT_EQ(find("T1"), operators::ProfileState::kCurrent);
  EXPECT_EQ(value, 1);
  EXPECT_EQ(find("T2"), operators::ProfileState::kNone);
  EXPECT_EQ(reader.bad_records(), 1U) << "T3 has no kind";
}

}  // namespace
}  // namespace weir::kafka
