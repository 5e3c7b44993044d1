// Every row of the bad-input table (tests/data/bad_input): what comes out, with which reason, and
// that nothing is lost.
#include <fstream>

#include "tests/unit/operators/path_fixture.h"

namespace weir {
namespace {

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

OwnedRecord record_of(const json& c) {
  OwnedRecord record;
  record.offset = 7;
  record.key = c["key"];
  record.value = c.contains("value_hex") ? from_hex(c["value_hex"]) : c["value"].get<std::string>();
  record.timestamp_ms = c.value("timestamp_ms", std::int64_t{-1});
  if (c.contains("fill_to")) {
    constexpr std::string_view kPad = "{pad}";
    const std::size_t others = record.key.size() + record.value.size() - kPad.size();
    record.value.replace(record.value.find(kPad), kPad.size(),
                         c["fill_to"].get<std::size_t>() - others, 'x');
  }
  return record;
}

std::vector<json> read_cases() {
  std::ifstream file(WEIR_SOURCE_DIR "/tests/data/bad_input/cases.jsonl");
  std::vector<json> cases;
  for (std::string line; std::getline(file, line);) cases.push_back(json::parse(line));
  return cases;
}

class BadInputTest : public PathFixture {
 protected:
  /// A fresh path for a case. Nobody has registered any schema.
  void use_format_of(const json& c) {
    const bool is_auto = c.value("format", "json") == "auto";
    settings_.transactions.format =
        is_auto ? operators::InputFormat::kAuto : operators::InputFormat::kJson;
    bench_ = make_bench();
  }
};

TEST_F(BadInputTest, EndsAsTheTableSays) {
  const auto cases = read_cases();
  ASSERT_GT(cases.size(), 80U);
  for (const json& c : cases) {
    SCOPED_TRACE(c["name"].get<std::string>());
    use_format_of(c);
    const OwnedRecord record = record_of(c);
    const auto out = run(std::deque<OwnedRecord>{record});
    const auto letters = dead_letters(out);
    EXPECT_EQ(verdicts(out).size(), c["expect"] == "verdict" ? 1U : 0U);
    EXPECT_EQ(letters.size(), c["expect"] == "dead_letter" ? 1U : 0U);
    if (c["expect"] != "dead_letter" || letters.empty()) continue;
    const OutputRecord& letter = *letters[0];
    EXPECT_EQ(header(letter, "weir-reason"), c["reason"]);
    if (c["detail"].is_string()) {
      EXPECT_EQ(header(letter, "weir-detail"), c["detail"]);
    }
    if (c["reason"] != "oversize") {
      EXPECT_EQ(letter.value, c.value("masked", record.value));
    }
    EXPECT_EQ(header(letter, "weir-bytes"), std::to_string(record.value.size()));
    EXPECT_EQ(header(letter, "weir-offset"), "7");
  }
}

TEST_F(BadInputTest, CountsEveryReasonThereIs) {
  std::map<std::string, double> seen;
  for (const json& c : read_cases()) {
    use_format_of(c);
    run(std::deque<OwnedRecord>{record_of(c)});
    for (std::size_t i = 0; i < telemetry::kRejectReasonNames.size(); ++i) {
      seen[std::string(telemetry::kRejectReasonNames[i])] +=
          metrics()
              .dead_letters
              .of(telemetry::InputTopic::kTransactions, static_cast<telemetry::RejectReason>(i))
              .get();
    }
  }
  for (const auto& [reason, count] : seen) {
    if (reason == "poison") continue;  // it has no bytes of its own
    EXPECT_GT(count, 0) << reason;
  }
}

TEST_F(BadInputTest, ClampsTheFutureWhenToldTo) {
  settings_.input.clamp_future = true;
  OwnedRecord record{0, 1, kNoon, "u", payment("t", "u", kNoon + kDay).dump(), {}};
  EXPECT_EQ(verdicts(run(std::deque<OwnedRecord>{record}))[0]["event_time"],
            "2018-06-11T12:00:00Z");
}

TEST_F(BadInputTest, AFutureRecordDoesNotMakeLaterOnesLate) {
  run(std::deque<OwnedRecord>{{0, 1, kNoon, "u", payment("t1", "u", kNoon + kDay).dump(), {}}});
  const auto out =
      run(std::deque<OwnedRecord>{{0, 2, kNoon, "u", payment("t2", "u", kNoon).dump(), {}}});
  EXPECT_EQ(verdicts(out)[0]["late"], false);
}

// -- the dead letter itself

TEST_F(BadInputTest, CarriesOriginAndHeadersOn) {
  OwnedRecord record{
      1,    42,         1234,
      "u1", "not json", {{"trace", "abc"}, {"card", "4111111111111111"}, {"weir-reason", "old"}}};
  const auto out = run(std::deque<OwnedRecord>{record});
  const OutputRecord& letter = *dead_letters(out).at(0);
  EXPECT_EQ(letter.key, "u1");
  EXPECT_EQ(letter.input_partition, 1);
  EXPECT_EQ(header(letter, "weir-topic"), "transactions");
  EXPECT_EQ(header(letter, "weir-partition"), "1");
  EXPECT_EQ(header(letter, "weir-offset"), "42");
  EXPECT_EQ(header(letter, "weir-timestamp"), "1234");
  EXPECT_EQ(header(letter, "trace"), "abc");
  EXPECT_EQ(header(letter, "card"), "************1111");
  EXPECT_EQ(std::count_if(letter.headers.begin(), letter.headers.end(),
                          [](const auto& h) { return h.first == "weir-reason"; }),
            1);
}

TEST_F(BadInputTest, KeepsTheFirstKibibyteAndTheDigestOfAnOversizeRecord) {
  std::string value(70'000, 'x');
  value.replace(1015, 16, "4111111111111111");  // across the cut: must not leave in clear
  const auto out = run(std::deque<OwnedRecord>{{0, 1, -1, "u1", value, {}}});
  const OutputRecord& letter = *dead_letters(out).at(0);
  EXPECT_EQ(letter.value.size(), 1024U);
  EXPECT_EQ(letter.value.substr(0, 1015), std::string(1015, 'x'));
  EXPECT_EQ(header(letter, "weir-bytes"), "70000");
  EXPECT_EQ(header(letter, "weir-sha256").size(), 64U);

  value.replace(1014, 1, " ").replace(1031, 1, " ");  // now it stands alone
  const auto again = run(std::deque<OwnedRecord>{{0, 2, -1, "u1", value, {}}});
  EXPECT_EQ(dead_letters(again).at(0)->value.substr(1014), " *********");
}

TEST_F(BadInputTest, DigestIsThatOfTheWholeValue) {
  settings_.input.record_bytes_max = 256;
  const auto out = run(std::deque<OwnedRecord>{{0, 1, -1, "u", std::string(1'000'000, 'a'), {}}});
  EXPECT_EQ(
      header(*dead_letters(out).at(0), "weir-sha256"),
      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");  // FIPS 180 example
}

}  // namespace
}  // namespace weir
