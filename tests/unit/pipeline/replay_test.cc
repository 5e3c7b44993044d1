// Replay: the same files give the same bytes, in event-time order, with a place for every line.

#include "pipeline/replay/replay.h"

#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "operators/dedupe.h"
#include "tests/unit/operators/path_fixture.h"
#include "tests/unit/pipeline/temporary_directory.h"

namespace weir::replay {
namespace {

using nlohmann::json;

struct Outcome {
  ReplayResult result;
  std::string error;
  std::ostringstream verdicts, features, dead_letters, state;

  std::vector<json> verdict_lines() const { return lines(verdicts); }
  std::vector<json> dead_letter_lines() const { return lines(dead_letters); }

 private:
  static std::vector<json> lines(const std::ostringstream& out) {
    std::vector<json> parsed;
    std::istringstream in(out.str());
    for (std::string line; std::getline(in, line);) parsed.push_back(json::parse(line));
    return parsed;
  }
};

class ReplayTest : public testing::Test {
 protected:
  ReplayTest() {
    options_.partitions = 3;
    options_.retention = operators::retention(options_.operators);
  }
  void pay(const std::string& id, const std::string& user, std::int64_t minutes,
           const std::string& amount = "10.00") {
    transactions_ += payment(id, user, kNoon + minutes * kMinute, amount).dump() + "\n";
  }
  std::unique_ptr<Outcome> run() {
    options_.transactions = directory_.write("transactions.jsonl", transactions_);
    auto outcome = std::make_unique<Outcome>();
    const auto status = run_replay(
        options_, &model_,
        {&outcome->verdicts, &outcome->features, &outcome->dead_letters, &outcome->state},
        outcome->result);
    if (!status) outcome->error = status.error().message;
    return outcome;
  }
  static std::vector<std::string> ids(const std::vector<json>& verdicts) {
    std::vector<std::string> out;
    for (const auto& verdict : verdicts) out.push_back(verdict["transaction_id"]);
    return out;
  }
  using Ids = std::vector<std::string>;

  TemporaryDirectory directory_;
  FakeScorer model_;
  ReplayOptions options_;
  std::string transactions_;
};

TEST_F(ReplayTest, TwoRunsGiveTheSameBytes) {
  // More than one commit (4,096 records) and more than one batch of publications (1,024).
  for (int i = 0; i < 6'000; ++i) {
    pay("t" + std::to_string(i), "u" + std::to_string(i * 31 % 97), i,
        std::to_string(i % 200) + ".50");
  }
  const auto first = run();
  const auto second = run();
  ASSERT_EQ(first->error, "");
  EXPECT_EQ(first->result.transactions, 6'000U);
  EXPECT_EQ(first->result.summary.counts().verdicts, 6'000U);
  EXPECT_EQ(first->verdicts.str(), second->verdicts.str());
  EXPECT_EQ(first->features.str(), second->features.str());
  EXPECT_EQ(first->state.str(), second->state.str());
  EXPECT_FALSE(first->state.str().empty());
}

TEST_F(ReplayTest, LinesOutOfOrderAreSortedByEventTimeAndTiesKeepTheirOrder) {
  pay("late in time", "u", 30);
  pay("first", "u", 10);
  pay("tie a", "u", 20);
  pay("tie b", "u", 20);
  const auto replay = run();
  EXPECT_EQ(ids(replay->verdict_lines()), (Ids{"first", "tie a", "tie b", "late in time"}));
  EXPECT_EQ(replay->result.summary.counts().late, 0U);
}

TEST_F(ReplayTest, ALineThatCannotBeReadKeepsItsPlaceAndBecomesADeadLetter) {
  pay("a", "u", 10);
  transactions_ += "not a payment\n";
  pay("b", "u", 20);
  const auto replay = run();
  EXPECT_EQ(replay->result.transactions, 3U);
  EXPECT_EQ(replay->result.dead_letters, 1U);
  EXPECT_EQ(ids(replay->verdict_lines()), (Ids{"a", "b"}));
  const auto letters = replay->dead_letter_lines();
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_EQ(letters[0]["weir-reason"], "decode");
  EXPECT_EQ(letters[0]["value"], "not a payment");
}

TEST_F(ReplayTest, ABadLineStaysBehindItsNeighbourWhenTheFileIsSorted) {
  options_.partitions = 1;
  pay("b", "u", 20);
  transactions_ += "{}\n";
  pay("a", "u", 10);
  const auto replay = run();
  EXPECT_EQ(ids(replay->verdict_lines()), (Ids{"a", "b"}));
  EXPECT_EQ(replay->dead_letter_lines().at(0)["weir-offset"], "2") << "after b, which it followed";
}

TEST_F(ReplayTest, UsersAreShardedAsALiveTopicWouldBe) {
  pay("a", "21", 1);
  options_.partitions = 10;
  EXPECT_EQ(run()->verdict_lines().at(0)["input"]["partition"], 0);
}

TEST_F(ReplayTest, AResentPaymentGetsItsFirstVerdictAgain) {
  pay("a", "u", 10);
  pay("a", "u", 11);
  const auto verdicts = run()->verdict_lines();
  ASSERT_EQ(verdicts.size(), 2U);
  EXPECT_EQ(verdicts[1]["duplicate"], true);
  EXPECT_EQ(verdicts[1]["verdict_id"], verdicts[0]["verdict_id"]);
}

TEST_F(ReplayTest, LabelsAreCountedAndMeasured) {
  pay("genuine", "u1", 10, "1.00");
  pay("fraud", "u2", 20, "900.00");
  const auto label = [](const std::string& id, bool is_fraud, const std::string& time) {
    return json{{"label_id", "L" + id}, {"transaction_id", id}, {"user_id", "u"},
                {"merchant_id", "M1"},  {"event_time", kNoon},  {"is_fraud", is_fraud},
                {"label_time", time}}
               .dump() +
           "\n";
  };
  options_.labels =
      directory_.write("labels.jsonl", label("fraud", true, "2018-06-18T00:00:00Z") +
                                           label("genuine", false, "2018-06-01T00:00:00Z"));
  const auto replay = run();
  EXPECT_EQ(replay->result.labels, 2U) << "one before all payments, one after";
  EXPECT_EQ(replay->result.bad_label_count, 0U);
  ASSERT_TRUE(replay->result.summary.quality());
  EXPECT_EQ(replay->result.summary.quality()->frauds, 1U);
}

// Method: the same payments with a label that becomes known between, at, and after their times.
TEST_F(ReplayTest, ALabelIsKnownToPaymentsFromItsTimeOn) {
  state::FeatureDeclaration frauds;
  frauds.name = "frauds";
  frauds.entity = state::EntityKind::kMerchant;
  frauds.function = state::Function::kSum;
  frauds.field = state::Field::kFraud;
  frauds.window_ms = kDay;
  options_.operators.features.push_back({frauds.name, frauds, {}});
  pay("a", "u", 0);
  pay("b", "v", 10);
  pay("c", "w", 20);
  const auto known_at = [&](std::int64_t time_ms) {
    options_.labels = directory_.write("labels.jsonl", json{{"label_id", "L"},
                                                            {"transaction_id", "a"},
                                                            {"user_id", "u"},
                                                            {"merchant_id", "M1"},
                                                            {"event_time", kNoon},
                                                            {"is_fraud", true},
                                                            {"label_time", time_ms}}
                                                           .dump());
    const auto replay = run();
    EXPECT_EQ(replay->error, "");
    std::vector<double> values;
    std::istringstream in(replay->features.str());
    for (std::string line; std::getline(in, line);)
      values.push_back(json::parse(line)["windows"]["frauds"]);
    return values;
  };
  using Values = std::vector<double>;
  EXPECT_EQ(known_at(kNoon + 10 * kMinute - 1), (Values{0, 1, 1}));
  EXPECT_EQ(known_at(kNoon + 10 * kMinute), (Values{0, 1, 1})) << "due at a payment's own time";
  EXPECT_EQ(known_at(kNoon + 10 * kMinute + 1), (Values{0, 0, 1}));
  EXPECT_EQ(known_at(kNoon + kDay), (Values{0, 0, 0}));
  EXPECT_EQ(known_at(0), (Values{0, 1, 1})) << "it waits for its payment";
}

TEST_F(ReplayTest, BadLabelLinesAreReportedByNumberTheFirstTenInWords) {
  pay("a", "u", 10);
  std::string labels =
      R"({"label_id":"L","transaction_id":"a","user_id":"u","merchant_id":"M1","is_fraud":true,)"
      R"("event_time":"2018-06-11T12:00:00Z","label_time":"2018-06-18T00:00:00Z"})";
  labels += "\n\n";
  for (int i = 0; i < 12; ++i)
    labels += R"({"label_id":"L","transaction_id":"a","is_fraud":1})"
              "\n";
  options_.labels = directory_.write("labels.jsonl", labels);
  const auto replay = run();
  EXPECT_EQ(replay->error, "");
  EXPECT_EQ(replay->result.labels, 1U);
  EXPECT_EQ(replay->result.bad_label_count, 12U);
  ASSERT_EQ(replay->result.bad_labels.size(), 10U);
  EXPECT_EQ(replay->result.bad_labels[0], options_.labels + ":3: is_fraud: true or false expected");
}

TEST_F(ReplayTest, AMissingFileIsNamed) {
  options_.labels = directory_.file("no-labels.jsonl");
  pay("a", "u", 10);
  EXPECT_NE(run()->error.find("no-labels.jsonl"), std::string::npos);
}

TEST_F(ReplayTest, AnEmptyFileIsAnEmptyReplay) {
  const auto replay = run();
  EXPECT_EQ(replay->error, "");
  EXPECT_EQ(replay->verdicts.str(), "");
}

}  // namespace
}  // namespace weir::replay
