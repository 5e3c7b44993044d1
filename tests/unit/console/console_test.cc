// What the console decides by itself: which verdicts are kept and shown, which case comes first,
// who may decide. The threads and Kafka are in tests/e2e/console_test.py.

#include <map>
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "pipeline/console/access.h"
#include "pipeline/console/case_page.h"
#include "pipeline/console/decision_desk.h"
#include "pipeline/console/feed_filter.h"
#include "pipeline/console/feeds.h"
#include "pipeline/console/kept_verdicts.h"
#include "pipeline/console/named_payments.h"
#include "pipeline/console/page_json.h"
#include "pipeline/console/queue.h"
#include "pipeline/console/topics_reader.h"

namespace weir::console {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

KeptVerdict verdict(const std::string& id, const std::string& action = "review", double cost = 3) {
  KeptVerdict v;
  v.verdict_id = id;
  v.transaction_id = "t-" + id;
  v.user_id = "user-1";
  v.merchant_id = "shop-1";
  v.event_time = "2018-06-11T00:24:47Z";
  v.amount_minor = 1'250;
  v.currency = "EUR";
  v.action = action;
  v.cost_approve = cost;
  v.cost_decline = 15;
  v.p = 0.2;
  v.input = {"transactions", 1, 7};
  return v;
}

std::vector<std::string> ids(const std::vector<Verdict>& verdicts) {
  std::vector<std::string> all;
  for (const auto& v : verdicts) all.push_back(v->verdict_id);
  return all;
}

TEST(KeptVerdicts, TheOldestGivesWayEverywhere) {
  KeptVerdicts kept(2);
  for (const auto* id : {"aaaa", "bbbb", "cccc"}) kept.add(verdict(id));
  EXPECT_EQ(kept.size(), 2U);
  EXPECT_EQ(kept.find("aaaa"), nullptr);
  EXPECT_THAT(ids(kept.of_user("user-1", 10)), ElementsAre("cccc", "bbbb"));
  EXPECT_THAT(kept.of_payment("t-aaaa", 10), IsEmpty());
  EXPECT_THAT(ids(kept.after(1, 10)), ElementsAre("bbbb", "cccc"));
}

// A busy user: what came after the case is never in the way of what came before.
TEST(CasePage, TheTimelineIsOfThePaymentsUpToTheCaseHoweverManyCameLater) {
  KeptVerdicts kept(1'000);
  for (int i = 0; i < 300; ++i) {
    KeptVerdict v = verdict(fmt::format("v{:03}", i));
    v.event_ms = 1'000 * i;
    v.json = R"({"reasons":[],"currency":"EUR"})";
    kept.add(v);
  }
  const auto page =
      nlohmann::json::parse(render_case(*kept.find("v003"), kept, NamedPayments(1), {}, {}));
  std::vector<std::string> shown;
  for (const auto& moment : page["timeline"]) shown.push_back(moment["verdict_id"]);
  EXPECT_THAT(shown, ElementsAre("v000", "v001", "v002", "v003"));
}

/// The verdict of the payment at this place, which named that device.
KeptVerdict paid(const std::string& id, const std::string& user, std::int64_t offset,
                 const std::string& device, KeptVerdicts& kept, NamedPayments& named) {
  KeptVerdict v = verdict(id);
  v.user_id = user;
  v.merchant_id = "shop-of-" + user;
  v.input.offset = offset;
  v.json = R"({"reasons":[],"currency":"EUR"})";
  kept.add(v);
  named.add(v.spot(), {device, "", ""});
  return v;
}

TEST(CasePage, ShowsWhoElsePaidWithTheSameDeviceAndCountsThem) {
  KeptVerdicts kept(10);
  NamedPayments named(10);
  paid("older", "ben", 1, "phone-1", kept, named);
  paid("other", "cem", 2, "phone-2", kept, named);
  paid("newer", "dan", 3, "phone-1", kept, named);
  const auto self = paid("self", "ada", 4, "phone-1", kept, named);
  named.add({1, 5}, {"phone-1", "", ""});  // not decided yet
  kept.add("ben", "t-older", {"l1", "chargeback", "2018-06-12T00:00:00Z", true, 1});
  CaseSources sources;
  sources.ids = *named.at(self.spot());
  const auto page = nlohmann::json::parse(render_case(self, kept, named, sources, {}));
  const auto& device = page["entities"].back();
  ASSERT_EQ(device["kind"], "device");
  std::vector<std::string> users;
  for (const auto& recent : device["recent"]) users.push_back(recent["user_id"]);
  EXPECT_THAT(users, ElementsAre("dan", "ben"));
  const auto& link = page["links"].back();
  EXPECT_EQ(link["id"], "phone-1");
  EXPECT_EQ(link["users"], 3);
  EXPECT_EQ(link["payments"], 3);
  EXPECT_EQ(link["frauds"], 1);
  EXPECT_EQ(page["kept"]["verdicts"], 4);
}

TEST(NamedPayments, TheOldestGivesWayEverywhere) {
  NamedPayments named(2);
  for (std::int64_t offset = 0; offset < 3; ++offset) named.add({0, offset}, {"d", "ip", "card"});
  for (std::size_t kind = 0; kind < kNamedKinds.size(); ++kind) {
    EXPECT_THAT(named.that_named(kind, std::string(named.at({0, 2})->all()[kind]), 9),
                ElementsAre(Spot{0, 2}, Spot{0, 1}));
  }
  EXPECT_FALSE(named.at({0, 0}));
}

TEST(NamedPayments, ThatNothingWasNamedIsKnownAndReadAgainChangesNothing) {
  NamedPayments named(2);
  named.add({0, 7}, {});
  named.add({0, 8}, {"d", "", ""});
  named.add({0, 8}, {"d", "", ""});
  EXPECT_TRUE(named.at({0, 7})->empty());
  EXPECT_FALSE(named.at({0, 6})) << "before what was read";
  EXPECT_FALSE(named.at({0, 9})) << "not read yet";
  EXPECT_FALSE(named.at({1, 7})) << "another partition";
  EXPECT_THAT(named.that_named(0, "d", 9), ElementsAre(Spot{0, 8}));
}

TEST(NamedIds, AreReadAsThePipelineReadsPayments) {
  operators::Settings settings;
  settings.transactions.mapping = {{"transaction_id", {"id"}}, {"device_id", {"terminal.phone"}}};
  NamedIdsReader reader(settings, nullptr);
  const auto ids = [&](const std::string& value) {
    RawRecord record;
    record.value = value;
    return reader.read(record);
  };
  EXPECT_EQ(ids(R"({"id":"1","terminal":{"phone":"p-1"}})").device_id, "p-1");
  EXPECT_TRUE(ids("{").empty());
  EXPECT_TRUE(ids(R"({"id":"1","terminal":{"phone":")" + std::string(129, 'x') + R"("}})").empty());
  EXPECT_TRUE(ids("").empty());
  EXPECT_TRUE(ids(R"({"id":"4111111111111111","terminal":{"phone":"p-1"}})").empty())
      << "the pipeline refuses it: a card number";
}

TEST(KeptVerdicts, ARepeatedVerdictIsKeptOnce) {
  KeptVerdicts kept(10);
  kept.add(verdict("aaaa"));
  kept.add(verdict("aaaa"));
  EXPECT_EQ(kept.size(), 1U);
}

TEST(KeptVerdicts, SearchTakesWholeIdsAndBeginningsOfFourCharacters) {
  KeptVerdicts kept(10);
  kept.add(verdict("abcdef"));
  EXPECT_THAT(ids(kept.search("abcd", 10)), ElementsAre("abcdef"));
  EXPECT_THAT(kept.search("abc", 10), IsEmpty());
  EXPECT_THAT(ids(kept.search("shop-1", 10)), ElementsAre("abcdef"));
}

TEST(KeptVerdicts, AnOpinionReadBackIsNotASecondOne) {
  KeptVerdicts kept(10);
  kept.add(verdict("aaaa"));
  const Wish wish{"aaaa", "fraud", "", {}};
  const auto said = make_disposition(wish, *kept.find("aaaa"), std::nullopt, "ada", 0);
  kept.add(said);
  kept.add(said);
  EXPECT_EQ(kept.said(*kept.find("aaaa")).dispositions.size(), 1U);
}

TEST(Queue, TheDearestMinuteComesFirstAndWhatIsDecidedGoes) {
  KeptVerdicts kept(10);
  kept.add(verdict("low", "review", 1));
  kept.add(verdict("high", "decline", 14));
  kept.add(verdict("approved", "approve", 9));
  auto queue = make_queue(kept, 10, 5);
  ASSERT_EQ(queue.cases.size(), 2U);
  EXPECT_EQ(queue.cases[0].verdict->verdict_id, "high");
  EXPECT_DOUBLE_EQ(queue.cases[0].money_per_minute, 14.0 / 5);
  EXPECT_DOUBLE_EQ(queue.money_waiting["EUR"], 25);
  kept.add(make_disposition({"high", "good", "", {}}, *kept.find("high"), std::nullopt, "ada", 0));
  EXPECT_EQ(make_queue(kept, 10, 5).waiting, 1U);
}

FeedFilter filter(const std::map<std::string, std::string>& query) {
  const auto parsed = parse_feed_filter([&](const char* name) -> const char* {
    const auto found = query.find(name);
    return found == query.end() ? nullptr : found->second.c_str();
  });
  EXPECT_TRUE(parsed);
  return parsed ? *parsed : FeedFilter{};
}

TEST(FeedFilter, EveryConditionMustHold) {
  const auto v = verdict("aaaa");
  EXPECT_TRUE(filter({}).matches(v));
  EXPECT_TRUE(filter({{"action", "decline,review"}, {"min_p", "0.2"}}).matches(v));
  EXPECT_FALSE(filter({{"min_p", "0.21"}}).matches(v));
  EXPECT_FALSE(filter({{"min_amount_minor", "1251"}}).matches(v));
  EXPECT_FALSE(filter({{"degraded", "1"}}).matches(v));
}

TEST(FeedFilter, ANumberThatIsNoneIsRefusedByName) {
  const auto parsed = parse_feed_filter(
      [](const char* name) { return std::string(name) == "min_p" ? "x" : nullptr; });
  ASSERT_FALSE(parsed);
  EXPECT_THAT(parsed.error().message, HasSubstr("min_p"));
}

TEST(Feed, AnEventIsOneLineOfDataWhateverTheIdsAre) {
  auto v = verdict("aaaa");
  v.user_id = "</script>\"\n\\";
  const auto event = sse_event("verdicts", 3, dump(to_json(v, std::nullopt)));
  EXPECT_THAT(event, testing::StartsWith("event: verdicts\nid: 3\ndata: {"));
  EXPECT_EQ(std::count(event.begin(), event.end(), '\n'), 4);
  EXPECT_EQ(Json::parse(dump(to_json(v, std::nullopt))).at("user_id"), v.user_id);
}

/// What a client has been sent.
class Sent final : public Outlet {
 public:
  bool push(std::string_view bytes) override {
    last.assign(bytes);
    return true;
  }
  void end() override {}
  [[nodiscard]] bool too_slow() const override { return false; }
  std::string last;
};

TEST(Feed, WhatOneTurnBringsNeverFillsTheBufferOfWhoReadsAll) {
  KeptVerdicts kept(1'000);
  Feeds feeds(kept, 1);
  const auto client = std::make_shared<Sent>();
  feeds.connect(client, filter({}), "");
  for (int i = 0; i < 200; ++i) {
    Disposition said;
    said.verdict_id = fmt::format("v{:03}", i);
    said.note = std::string(2'000, 'x');  // 500 characters of four bytes
    kept.add(said);
  }
  std::string all;
  for (int turn = 0; turn < 4; ++turn) {
    feeds.turn("", false);
    EXPECT_LT(client->last.size(), HttpServer::kFeedBytesMax / 2);
    all += client->last;
  }
  for (int i = 0; i < 200; ++i) EXPECT_THAT(all, HasSubstr(fmt::format("v{:03}", i)));
}

Caller caller() {
  Caller c;
  c.address = "127.0.0.1";
  c.host = "127.0.0.1:9470";
  c.content_type = "application/json";
  c.console_header = "1";
  return c;
}

TEST(Access, WithoutAnybodyWhoSaysWhoItIsNobodyDecides) {
  std::string why;
  EXPECT_FALSE(identify({}, caller(), why));
  EXPECT_THAT(why, HasSubstr("console.analyst"));
}

TEST(Access, TheHeaderIsBelievedFromLoopbackAndTrustedProxiesOnly) {
  AccessSettings settings;
  settings.identity_header = "X-Forwarded-User";
  settings.trusted_proxies = {"10.0.0.1"};
  std::string why;
  auto c = caller();
  c.identity = "ada";
  EXPECT_EQ(identify(settings, c, why), "ada");
  c.address = "10.0.0.1";
  EXPECT_EQ(identify(settings, c, why), "ada");
  c.address = "10.0.0.2";
  EXPECT_FALSE(identify(settings, c, why));
}

TEST(Access, OtherPagesMayNotDecide) {
  EXPECT_FALSE(refuse_change(caller()));
  auto c = caller();
  c.console_header.clear();
  EXPECT_EQ(refuse_change(c)->status, 403U);
  c = caller();
  c.origin = "http://evil.example";
  EXPECT_EQ(refuse_change(c)->status, 403U);
  c.origin = "http://127.0.0.1:9470";
  EXPECT_FALSE(refuse_change(c));
  c.content_type = "text/plain";
  EXPECT_EQ(refuse_change(c)->status, 415U);
}

TEST(Access, AForeignNameOfThisMachineIsRefusedOnLoopback) {
  auto c = caller();
  EXPECT_FALSE(refuse_host({}, c));
  c.host = "127.evil.example:9470";
  EXPECT_TRUE(refuse_host({}, c));
  c.host = "localhost:9470";
  EXPECT_FALSE(refuse_host({}, c));
}

TEST(Wish, ACardNumberInTheNoteIsRefusedAndNotRepeated) {
  const auto wish =
      parse_wish(R"({"verdict_id":"a","disposition":"fraud","note":"card 4111111111111111"})");
  ASSERT_FALSE(wish);
  EXPECT_THAT(wish.error().message, HasSubstr("card number"));
  EXPECT_THAT(wish.error().message, Not(HasSubstr("4111")));
}

TEST(Wish, TooLongNotesAndUnknownOpinionsAreRefused) {
  const auto body = [](const std::string& what, const std::string& note) {
    return fmt::format(R"({{"verdict_id":"a","disposition":"{}","note":"{}"}})", what, note);
  };
  EXPECT_TRUE(parse_wish(body("good", std::string(500, 'x'))));
  EXPECT_FALSE(parse_wish(body("good", std::string(501, 'x'))));
  EXPECT_FALSE(parse_wish(body("maybe", "")));
  EXPECT_FALSE(parse_wish("[]"));
  EXPECT_FALSE(parse_wish(R"({"verdict_id":1,"disposition":"good"})"));
}

TEST(Disposition, AChangeOfMindIsTheNextRevisionOfTheSameLabel) {
  const auto v = verdict("aaaa");
  const auto first = make_disposition({"aaaa", "fraud", "", {}}, v, std::nullopt, "ada", 1'000);
  const auto second = make_disposition({"aaaa", "good", "", {}}, v, first, "ada", 2'000);
  EXPECT_EQ(first.label_id, second.label_id);
  EXPECT_EQ(second.revision, first.revision + 1);
  const auto label = Json::parse(label_record(second, v, {"phone-1", "", ""}));
  EXPECT_EQ(label.at("type"), "analyst_good");
  EXPECT_EQ(label.at("device_id"), "phone-1");
  EXPECT_FALSE(label.contains("ip"));
  const auto read = parse_audit(audit_record(second, v, first, "weir-0", "127.0.0.1"));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->what, "good");
  EXPECT_EQ(read->revision, 2U);
}

}  // namespace
}  // namespace weir::console
