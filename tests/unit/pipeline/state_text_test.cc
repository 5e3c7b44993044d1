// A user's state as JSON: what `weir state get` prints and what a live run is compared with.

#include "pipeline/state_text.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "operators/history.h"

namespace weir {
namespace {

using nlohmann::json;

class StateTextTest : public testing::Test {
 protected:
  StateTextTest() {
    auto opened = state::UserStore::open(state::make_memory_store(), {});
    EXPECT_TRUE(opened);
    store_ = *std::move(opened);
    lineage_.model_name = "handbook";
    lineage_.model_version = "7";
    lineage_.model_digest = "sha256:abc";
  }
  void add(std::string_view user, std::string transaction_id, std::int64_t offset,
           std::optional<double> p) {
    state::Entry entry;
    entry.seen_ms = entry.row.event_time_ms = 1'528'675'487'000;  // 2018-06-11T00:04:47Z
    entry.row.amount_minor = 9'632;
    entry.row.currency = 978;
    entry.row.merchant = 0xabc;
    entry.row.country = 'D' << 8U | 'E';
    entry.row.mcc = 5411;
    entry.verdict.emplace();
    entry.verdict->transaction_id = std::move(transaction_id);
    entry.verdict->merchant_id = "M1";
    entry.verdict->origin = {2, offset};
    entry.verdict->decision.action = Action::kDecline;
    entry.verdict->decision.p = p;
    ASSERT_TRUE(store_->add(user, entry, lineage_, offset));
  }
  void commit() {
    store_->take_changes();
    store_->make_commit_record(100);
    store_->commit(10);
  }
  std::vector<json> dump() {
    std::vector<json> lines;
    EXPECT_TRUE(dump_store(2, *store_, [&](const std::string& line) {
      EXPECT_EQ(line.find('\n'), std::string::npos);
      lines.push_back(json::parse(line));
    }));
    return lines;
  }

  Lineage lineage_;
  std::unique_ptr<state::UserStore> store_;
};

TEST_F(StateTextTest, ShowsRowAndVerdictInWordsAPersonKnows) {
  add("anna", "t1", 41, 0.25);
  commit();
  const auto lines = dump();
  ASSERT_EQ(lines.size(), 1U);
  const json& user = lines[0];
  EXPECT_EQ(user["user_id"], "anna");
  EXPECT_EQ(user["partition"], 2);
  EXPECT_EQ(user["history_rows"], 1);
  ASSERT_EQ(user["entries"].size(), 1U);
  const json& entry = user["entries"][0];
  EXPECT_EQ(entry["in_history"], true);
  EXPECT_EQ(entry["seen"], "2018-06-11T00:04:47Z");
  EXPECT_EQ(entry["row"]["amount_minor"], 9'632);
  EXPECT_EQ(entry["row"]["currency"], "EUR");
  EXPECT_EQ(entry["row"]["country"], "DE");
  EXPECT_EQ(entry["row"]["merchant_country"], "");
  EXPECT_EQ(entry["row"]["merchant"], "0000000000000abc");
  EXPECT_EQ(entry["verdict"]["transaction_id"], "t1");
  EXPECT_EQ(entry["verdict"]["action"], "decline");
  EXPECT_EQ(entry["verdict"]["p"], 0.25);
  EXPECT_EQ(entry["verdict"]["input"], (json{{"partition", 2}, {"offset", 41}}));
  EXPECT_EQ(entry["verdict"]["model"]["version"], "7");
}

TEST_F(StateTextTest, AVerdictWithoutScoreOrModelShowsNull) {
  lineage_ = {};
  add("anna", "t1", 41, std::nullopt);
  commit();
  const json verdict = dump().at(0)["entries"][0]["verdict"];
  EXPECT_TRUE(verdict["p"].is_null());
  EXPECT_TRUE(verdict["model"].is_null());
}

TEST_F(StateTextTest, DumpsUsersInKeyOrderAndOnlyCommittedState) {
  add("carl", "t1", 1, 0.5);
  add("anna", "t2", 2, 0.5);
  commit();
  add("anna", "t3", 3, 0.5);
  add("bert", "t4", 4, 0.5);
  const auto lines = dump();
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0]["user_id"], "anna");
  EXPECT_EQ(lines[0]["entries"].size(), 1U);
  EXPECT_EQ(lines[1]["user_id"], "carl");
}

TEST_F(StateTextTest, IdsThatAreNotPlainTextStayOneLineOfJson) {
  add("a\"b\nc\xff", "t\t1", 1, 0.5);
  commit();
  EXPECT_EQ(dump().size(), 1U);
}

}  // namespace
}  // namespace weir
