// Conditions over records: what holds, what does not, and what a mistake looks like.

#include "pipeline/query/query.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace weir::query {
namespace {

const nlohmann::json kRecord = nlohmann::json::parse(R"({
  "action": "decline", "amount_minor": 9632, "duplicate": false, "late": true, "model": null,
  "risk": {"fraud": {"p": 0.75}}, "reasons": [{"code": "amount_high"}, {"code": "new_device"}],
  "degraded": ["profile_down"], "event_time": "2018-06-11T00:24:47Z", "odd name": 2, "in": 3})");

bool holds(std::string_view text) {
  const auto query = Query::parse(text);
  EXPECT_TRUE(query) << text << ": " << (query ? "" : query.error().message);
  return query && query->matches(kRecord);
}

std::string mistake(std::string_view text, const FieldCatalogue& fields = {}) {
  const auto query = Query::parse(text, fields);
  return query ? "none" : query.error().message;
}

TEST(Query, ComparesTextsNumbersAndTruth) {
  for (const auto* text : {"action == \"decline\"", "action != 'approve'", "risk.fraud.p > 0.5",
                           "risk.fraud.p <= 0.75", "amount_minor == 9632.0", "amount_minor == 9632",
                           "amount_minor >= -1", "late", "late == true", "not duplicate",
                           "event_time > \"2018-06-10\"", "reasons[0].code ~ \"amount\"",
                           "degraded ~ \"profile_down\"", "action in (\"review\", \"decline\")",
                           "action not in (\"review\")", "`odd name` == 2", "`in` == 3"})
    EXPECT_TRUE(holds(text)) << text;
  for (const auto* text :
       {"action == \"Decline\"", "risk.fraud.p > 0.75", "duplicate", "reasons[2].code == \"x\"",
        "degraded ~ \"profile\"", "action == 5", "amount_minor == \"9632\"", "action"})
    EXPECT_FALSE(holds(text)) << text;
}

TEST(Query, NotBindsTightestThenAndThenOr) {
  EXPECT_TRUE(holds("late or duplicate and duplicate"));
  EXPECT_FALSE(holds("(late or duplicate) and duplicate"));
  EXPECT_TRUE(holds("not duplicate and late"));
  EXPECT_FALSE(holds("not (duplicate or late)"));
  EXPECT_TRUE(holds("not not late"));
}

TEST(Query, WhatIsMissingIsNeitherEqualNorUnequalToAnythingButNull) {
  for (const auto* text : {"model == null", "nothing == null", "not exists(model)",
                           "exists(risk.fraud)", "action != null", "model in (null)"})
    EXPECT_TRUE(holds(text)) << text;
  for (const auto* text : {"nothing == 1", "nothing != 1", "nothing < 1", "nothing not in (1)",
                           "exists(risk.nothing)", "nothing ~ \"\"", "nothing"})
    EXPECT_FALSE(holds(text)) << text;
}

TEST(Query, AMistakeIsShownWithItsPlace) {
  EXPECT_EQ(mistake("action = \"x\""),
            "column 8: '=' compares nothing; say '=='\n  action = \"x\"\n         ^");
  EXPECT_EQ(mistake("late and"), "column 9: a field expected\n  late and\n          ^");
  EXPECT_EQ(mistake("action == decline"),
            "column 11: a value expected: text goes in quotes, \"decline\"\n"
            "  action == decline\n            ^~~~~~~");
  for (const auto& [text, said] : std::vector<std::pair<std::string, std::string>>{
           {"", "column 1: a field expected"},
           {"late late", "column 6: 'and' or 'or' expected"},
           {"(late", "column 6: ')' expected"},
           {"late)", "column 5: 'and' or 'or' expected"},
           {"a == \"x", "column 6: the text that begins here has no end"},
           {"a == 1x", "column 6: not a number"},
           {"a && b", "column 3: say 'and'"},
           {"a[1.5] == 1", "column 3: a place in the list expected"},
           {"a in 5", "column 6: '(' expected behind in"},
           {"a < null", "column 5: null goes with == and != only"},
           {"a < true", "column 5: true and false have no order"},
           {"5 == a", "column 1: a field stands on the left"},
           {"a. == 1", "column 4: a name expected behind the dot"},
           {"and == 1", "column 1: a field expected, not 'and'"}})
    EXPECT_TRUE(mistake(text).starts_with(said)) << text << " -> " << mistake(text);
}

TEST(Query, KnownFieldsAreCheckedByNameAndType) {
  const FieldCatalogue fields({{"action", FieldType::kText},
                               {"risk.fraud.p", FieldType::kNumber},
                               {"late", FieldType::kBool},
                               {"windows", FieldType::kAny, true},
                               {"reasons.code", FieldType::kText}});
  for (const auto& [text, said] : std::vector<std::pair<std::string, std::string>>{
           {"acton == \"x\"", "column 1: there is no field 'acton'; did you mean 'action'?"},
           {"p > 1", "column 1: there is no field 'p'; did you mean 'risk.fraud.p'?"},
           {"action > 0.5", "column 10: action is text, this is a number"},
           {"risk.fraud.p ~ \"x\"", "column 16: ~ looks for a text inside a text"},
           {"action", "column 7: action is text: a comparison expected"},
           {"late in (1)", "column 10: late is true or false, this is a number"}})
    EXPECT_TRUE(mistake(text, fields).starts_with(said)) << text << " -> " << mistake(text, fields);
  for (const auto* text :
       {"windows.anything > 1", "exists(risk)", "reasons[1].code == \"x\"", "late"})
    EXPECT_EQ(mistake(text, fields), "none");
}

TEST(Query, DepthPartsAndLengthAreBounded) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '(') + "late" + std::string(depth, ')');
  };
  EXPECT_EQ(mistake(nested(kDepthMax)), "none");
  EXPECT_TRUE(mistake(nested(kDepthMax + 1)).starts_with("column 33: more than 32 levels"));
  std::string nots;
  for (std::size_t i = 0; i <= kDepthMax; ++i) nots += "not ";
  EXPECT_TRUE(mistake(nots + "late").find("more than 32 levels") != std::string::npos);
  std::string many = "late";
  for (std::size_t i = 0; i < kNodesMax; ++i) many += " or late";
  EXPECT_TRUE(mistake(many).find("more than 256 parts") != std::string::npos);
  EXPECT_TRUE(mistake(std::string(kTextBytesMax + 1, ' ')).starts_with("the condition has 4097"));
}

}  // namespace
}  // namespace weir::query
