// KafkaChangelogReader: reads what a restore asks for, up to the end asked before.

#include "pipeline/kafka/changelog_reader.h"

#include <librdkafka/rdkafka.h>

#include "tests/unit/kafka/kafka_fixture.h"

namespace weir::kafka {
namespace {

using namespace std::chrono_literals;
using Positions = std::vector<PartitionOffset>;
using Values = std::vector<std::string>;

class ChangelogReaderTest : public KafkaFixture {
 protected:
  void SetUp() override {
    KafkaFixture::SetUp();
    write(0, 5);
    reader_ = std::make_unique<KafkaChangelogReader>(connection(), "changelog");
  }
  /// Changelog records "first".."last-1" of partition 1.
  void write(int first, int last) {
    KafkaInput input(input_options());
    IdempotentOutput output(output_options(), input, clock_);
    ASSERT_TRUE(output.open());
    for (int i = first; i < last; ++i)
      output.send(record(Stream::kChangelog, std::to_string(i), 1));
    ASSERT_EQ(output.flush().outcome, TxnOutcome::kCommitted);
  }
  Values read_to(std::int64_t target) {
    Values values;
    until([&] {
      EXPECT_TRUE(reader_->read(50ms, [&](const ChangelogReader::Record& record) {
        EXPECT_EQ(record.partition, 1);
        EXPECT_EQ(record.key, "key");
        EXPECT_EQ(std::to_string(record.offset), record.value);
        values.emplace_back(record.value);
        return ok();
      }));
      return reader_->position(1) >= target;
    });
    return values;
  }

  std::unique_ptr<KafkaChangelogReader> reader_;
};

TEST_F(ChangelogReaderTest, KnowsTheBoundsOfAPartition) {
  EXPECT_EQ(*reader_->bounds(1), (std::pair<std::int64_t, std::int64_t>{0, 5}));
  EXPECT_EQ(*reader_->bounds(0), (std::pair<std::int64_t, std::int64_t>{0, 0}));
}

TEST_F(ChangelogReaderTest, ABoundThatWasNotToldIsAnErrorAndNoOffset) {
  // Either request may fail. How the answers meet differs from try to try.
  for (int i = 0; i < 20; ++i) {
    for (const auto& codes : {std::vector<int>{RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED},
                              {0, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED}}) {
      broker_->fail_requests(kListOffsets, codes);
      const auto bounds = reader_->bounds(1);
      ASSERT_FALSE(bounds) << bounds->first << " to " << bounds->second;
      EXPECT_EQ(bounds.error().kind, ErrorKind::kRetry);
    }
  }
  EXPECT_EQ(*reader_->bounds(1), (std::pair<std::int64_t, std::int64_t>{0, 5}));
}

TEST_F(ChangelogReaderTest, ReadsFromAPositionToTheTarget) {
  ASSERT_TRUE(reader_->start(Positions{{1, 2}}));
  EXPECT_EQ(reader_->position(1), 2);
  EXPECT_EQ(reader_->position(0), -1) << "not asked for";
  EXPECT_EQ(read_to(5), (Values{"2", "3", "4"}));
  EXPECT_EQ(reader_->position(1), 5);
}

TEST_F(ChangelogReaderTest, AnEmptyPartitionIsAtItsTargetAtOnce) {
  ASSERT_TRUE(reader_->start(Positions{{0, 0}}));
  until([&] {
    EXPECT_TRUE(
        reader_->read(50ms, [](const ChangelogReader::Record&) { return fatal("a record?"); }));
    return reader_->position(0) == 0;
  });
}

TEST_F(ChangelogReaderTest, ReadsOnAfterAStopAndAgain) {
  ASSERT_TRUE(reader_->start(Positions{{1, 0}}));
  EXPECT_EQ(read_to(5).size(), 5U);
  reader_->stop();
  EXPECT_EQ(reader_->position(1), -1);
  write(5, 7);
  EXPECT_EQ(reader_->bounds(1)->second, 7);
  ASSERT_TRUE(reader_->start(Positions{{1, 4}}));
  EXPECT_EQ(read_to(7), (Values{"4", "5", "6"}));
}

TEST_F(ChangelogReaderTest, AnErrorOfTheSinkComesBackAndTheRecordIsNotPassed) {
  ASSERT_TRUE(reader_->start(Positions{{1, 0}}));
  std::string message;
  until([&] {
    const auto read = reader_->read(50ms, [](const ChangelogReader::Record& record) -> Status {
      if (record.offset == 3) return fatal("damaged");
      return ok();
    });
    if (!read) message = read.error().message;
    return !read;
  });
  EXPECT_EQ(message, "damaged");
  EXPECT_EQ(reader_->position(1), 3);
}

TEST_F(ChangelogReaderTest, APositionThatIsGoneIsAnError) {
  ASSERT_TRUE(reader_->start(Positions{{1, 100}}));
  until([&] {
    const auto read = reader_->read(50ms, [](const ChangelogReader::Record&) { return ok(); });
    if (!read) {
      EXPECT_EQ(read.error().kind, ErrorKind::kFatal);
    }
    return !read;
  });
}

}  // namespace
}  // namespace weir::kafka
