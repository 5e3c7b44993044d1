// Features over entities whose past comes as profiles: what each state of a profile gives, and what
// verdict and features record say of it. (Profiles themselves: profile_test.cc.)

#include <cmath>

#include <gmock/gmock.h>

#include "tests/unit/operators/fake_profiles.h"
#include "tests/unit/operators/path_fixture.h"

namespace weir {
namespace {

using operators::FakeProfiles;
using operators::FeatureEngine;
using operators::LabelledRow;
using operators::PaymentPast;
using operators::ProfileState;
using state::EntityKind;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::IsNan;

constexpr auto kStaleBit = static_cast<std::uint8_t>(Degraded::kProfileStale);
constexpr auto kDownBit = static_cast<std::uint8_t>(Degraded::kProfileDown);

class SeenProfilesTest : public PathFixture {
 protected:
  void declare(EntityKind entity, state::Function function,
               std::optional<double> fallback = std::nullopt) {
    state::FeatureDeclaration declaration;
    declaration.name = "f" + std::to_string(settings_.features.size());
    declaration.entity = entity;
    declaration.function = function;
    if (function == state::Function::kMean) declaration.field = state::Field::kAmount;
    declaration.window_ms = kDay;
    declaration.default_value = fallback;
    settings_.features.push_back({declaration.name, declaration, {}});
  }
  FeatureEngine& engine() {
    if (!owned_) {
      auto made = FeatureEngine::make(settings_, {}, &profiles_);
      EXPECT_TRUE(made) << made.error().message;
      owned_ = *std::move(made);
      engine_ = owned_.get();
    }
    return *owned_;
  }
  PaymentPast process(const Transaction& payment, bool late = false) {
    values_.assign(engine().size(), -1);
    auto past = engine().process(payment, late, nullptr, values_);
    EXPECT_TRUE(past) << past.error().message;
    return *past;
  }
  static Transaction transaction() {
    Transaction out;
    out.transaction_id = "t";
    out.user_id = "u";
    out.merchant_id = "M1";
    out.event_time = {kNoon};
    return out;
  }
  static std::vector<SeenProfile> seen(const PaymentPast& past) {
    return {past.profiles.begin(), past.profiles.begin() + past.profile_count};
  }
  void know(const std::string& key, std::vector<double> values, std::int64_t as_of_ms = kNoon - 1,
            std::uint64_t sequence = 7) {
    profiles_.answers[key] = {ProfileState::kCurrent, std::move(values), {as_of_ms, sequence}, {}};
  }

  FakeProfiles profiles_;
  std::unique_ptr<FeatureEngine> owned_;
  std::vector<double> values_;
};

TEST_F(SeenProfilesTest, ACurrentProfileGivesItsValuesAndIsNamed) {
  declare(EntityKind::kDevice, state::Function::kCount);
  declare(EntityKind::kMerchant, state::Function::kCount);
  declare(EntityKind::kMerchant, state::Function::kMean);
  know("m:M1", {3, 12.5}, kNoon - kHour, 42);
  know("d:dev", {9}, kNoon - 5, 43);
  auto payment = transaction();
  payment.device_id = "dev";
  const auto past = process(payment);
  EXPECT_THAT(values_, ElementsAre(9, 3, 12.5)) << "in the order of declaration";
  EXPECT_THAT(seen(past),
              ElementsAre(SeenProfile{1, kNoon - kHour, 42}, SeenProfile{2, kNoon - 5, 43}));
  EXPECT_EQ(past.degraded, 0);
  const auto plans = operators::entity_window_plans(settings_).value();
  EXPECT_EQ(profiles_.digests.at(EntityKind::kMerchant), plans.by_kind[1]->values_digest);
  EXPECT_EQ(profiles_.digests.at(EntityKind::kDevice), plans.by_kind[2]->values_digest);
}

TEST_F(SeenProfilesTest, AMerchantsRowsComeWithItsProfile) {
  settings_.history.merchant_rows = 8;
  const LabelledRow one{.time_ms = 1, .transaction = 1, .user = 2, .fraud = true};
  const LabelledRow two{.time_ms = 2, .transaction = 3, .user = 2};
  know("m:M1", {});
  profiles_.answers["m:M1"].rows = {one, two};
  const auto past = process(transaction());
  EXPECT_THAT(past.merchant, ElementsAre(one, two));
  EXPECT_THAT(seen(past), ElementsAre(SeenProfile{1, kNoon - 1, 7}));
  for (const ProfileState said : {ProfileState::kNone, ProfileState::kStale, ProfileState::kDown}) {
    profiles_.answers["m:M1"].state = said;
    EXPECT_TRUE(process(transaction()).merchant.empty());
  }
}

TEST_F(SeenProfilesTest, APaymentThatRunsAgainDoesNotSeeItselfInTheProfile) {
  settings_.history.merchant_rows = 8;
  const auto row = process(transaction()).row;
  know("m:M1", {});
  profiles_.answers["m:M1"].rows = {
      {.transaction = row.transaction, .user = row.user, .fraud = true}};
  EXPECT_TRUE(process(transaction()).merchant.empty());
}

TEST_F(SeenProfilesTest, OfWhomNothingIsSaidNothingHappened) {
  declare(EntityKind::kMerchant, state::Function::kCount);
  declare(EntityKind::kMerchant, state::Function::kMean);
  declare(EntityKind::kMerchant, state::Function::kMean, 5);
  const auto past = process(transaction());
  EXPECT_THAT(values_, ElementsAre(0, IsNan(), 5));
  EXPECT_EQ(past.profile_count, 0);
  EXPECT_EQ(past.degraded, 0);
}

TEST_F(SeenProfilesTest, WhatIsTooOldOrNeverHeardOfIsMissingAndSaid) {
  declare(EntityKind::kMerchant, state::Function::kCount);
  declare(EntityKind::kMerchant, state::Function::kCount, 5);
  for (const auto& [said, bit] :
       {std::pair(ProfileState::kStale, kStaleBit), std::pair(ProfileState::kDown, kDownBit)}) {
    know("m:M1", {3, 3});
    process(transaction());
    EXPECT_THAT(values_, ElementsAre(3, 3));
    profiles_.answers["m:M1"].state = said;
    const auto past = process(transaction());
    EXPECT_THAT(values_, ElementsAre(IsNan(), 5)) << "nothing of the payment before";
    EXPECT_EQ(past.profile_count, 0);
    EXPECT_EQ(past.degraded, bit);
  }
}

TEST_F(SeenProfilesTest, EachKindHasAStateOfItsOwn) {
  declare(EntityKind::kMerchant, state::Function::kCount);
  declare(EntityKind::kDevice, state::Function::kCount);
  declare(EntityKind::kCard, state::Function::kCount);
  profiles_.answers["m:M1"].state = ProfileState::kStale;
  profiles_.answers["c:tok"].state = ProfileState::kDown;
  know("d:dev", {4});
  auto payment = transaction();
  payment.device_id = "dev";
  payment.card_token = "tok";
  const auto past = process(payment);
  EXPECT_THAT(values_, ElementsAre(IsNan(), 4, IsNan()));
  EXPECT_EQ(past.degraded, kStaleBit | kDownBit);
  EXPECT_THAT(seen(past), ElementsAre(SeenProfile{2, kNoon - 1, 7}));
}

TEST_F(SeenProfilesTest, LatePaymentsLookUpAsWell) {
  declare(EntityKind::kMerchant, state::Function::kCount);
  know("m:M1", {3});
  EXPECT_EQ(process(transaction(), true).profile_count, 1);
  EXPECT_THAT(values_, ElementsAre(3));
}

TEST_F(SeenProfilesTest, NobodyIsAskedForWhatAPaymentDoesNotName) {
  declare(EntityKind::kDevice, state::Function::kCount);
  declare(EntityKind::kMerchant, state::Function::kCount);
  profiles_.otherwise = ProfileState::kDown;
  know("m:M1", {3});
  const auto past = process(transaction());
  EXPECT_THAT(profiles_.asked, ElementsAre("m:M1"));
  EXPECT_THAT(values_, ElementsAre(IsNan(), 3));
  EXPECT_EQ(past.degraded, 0) << "that there is no device is not a failure of the stage";
}

TEST_F(SeenProfilesTest, KindsWithoutFeaturesAreNotAskedFor) {
  declare(EntityKind::kMerchant, state::Function::kCount);
  auto payment = transaction();
  payment.device_id = "dev";
  payment.ip = "::1";
  process(payment);
  EXPECT_THAT(profiles_.asked, ElementsAre("m:M1"));
}

// -- through the event path

TEST_F(SeenProfilesTest, VerdictAndFeaturesRecordNameTheProfilesSeen) {
  declare(EntityKind::kMerchant, state::Function::kCount);
  declare(EntityKind::kDevice, state::Function::kCount);
  know("m:M1", {3}, kNoon - kHour, 42);
  know("d:dev", {4}, kNoon, 43);
  engine();
  json p = payment("a", "u", kNoon);
  p["device_id"] = "dev";
  const auto out = pay({p, payment("b", "u", kNoon)});
  const std::string both =
      R"("profiles":{"merchant":{"as_of":"2018-06-11T11:00:00Z","sequence":42},)"
      R"("device":{"as_of":"2018-06-11T12:00:00Z","sequence":43}},"input":)";
  int seen = 0;
  for (const auto& record : out) {
    if (record.stream == Stream::kEntities) continue;
    const json said = json::parse(record.value);
    if (said["transaction_id"] != "a") continue;
    ++seen;
    EXPECT_THAT(record.value, testing::HasSubstr(both));
  }
  EXPECT_EQ(seen, 2);
  EXPECT_EQ(verdicts(out).at(1)["profiles"].size(), 1U) << "b has no device";
  EXPECT_EQ(features(out).at(1)["profiles"]["merchant"]["sequence"], 42);
  EXPECT_EQ(features(out).at(0)["windows"]["f0"], 3);
  std::vector<std::string> told;
  for (const auto& record : out) {
    if (record.stream == Stream::kEntities) told.push_back(record.key);
  }
  EXPECT_THAT(told, testing::UnorderedElementsAre("m:M1", "d:dev", "m:M1"));
}

TEST_F(SeenProfilesTest, WithoutProfilesNeitherSpeaksOfThem) {
  declare(EntityKind::kMerchant, state::Function::kCount);
  engine();
  const auto out = pay({payment("a", "u", kNoon)});
  EXPECT_FALSE(verdicts(out).at(0).contains("profiles"));
  EXPECT_FALSE(features(out).at(0).contains("profiles"));
  EXPECT_THAT(verdicts(out).at(0)["degraded"], IsEmpty());
}

TEST_F(SeenProfilesTest, ADuplicateRepeatsWhatTheFirstSaw) {
  declare(EntityKind::kMerchant, state::Function::kCount);
  engine();
  know("m:M1", {3}, kNoon - kHour, 42);
  const auto first = verdicts(pay({payment("a", "u", kNoon), payment("a", "u", kNoon)}));
  commit();
  know("m:M1", {8}, kNoon, 99);
  const auto later = verdicts(pay({payment("a", "u", kNoon)}));
  ASSERT_EQ(first.size(), 2U);
  EXPECT_EQ(first[0]["profiles"]["merchant"]["sequence"], 42);
  for (const json& again : {first[1], later.at(0)}) {
    EXPECT_EQ(again["duplicate"], true);
    json as_first = again;
    as_first["duplicate"] = false;
    EXPECT_EQ(as_first, first[0]);
  }
}

TEST_F(SeenProfilesTest, AMissingProfileIsSaidAndTheScoreStillDecides) {
  declare(EntityKind::kMerchant, state::Function::kCount);
  engine();
  settings_.decide.safe_action = "decline";
  settings_.decide.costs = {0, 15, 3};  // a fraud costs nothing: the score approves
  profiles_.otherwise = ProfileState::kDown;
  auto said = verdicts(pay({payment("a", "u", kNoon)}));
  EXPECT_THAT(said.at(0)["degraded"], ElementsAre("profile_down"));
  EXPECT_EQ(said.at(0)["action"], "approve");
  EXPECT_FALSE(said.at(0)["risk"]["fraud"]["p"].is_null());
  profiles_.otherwise = ProfileState::kStale;
  said = verdicts(pay({payment("b", "u", kNoon)}));
  EXPECT_THAT(said.at(0)["degraded"], ElementsAre("profile_stale"));
  EXPECT_EQ(metrics().degraded[3].get(), 1);
  EXPECT_EQ(metrics().degraded[4].get(), 1);
}

TEST_F(SeenProfilesTest, WithoutAModelThePriorDecidesWithOrWithoutProfiles) {
  declare(EntityKind::kMerchant, state::Function::kCount);
  engine();
  scorer_ = nullptr;
  settings_.decide.safe_action = "decline";
  settings_.decide.costs = {0, 15, 3};
  profiles_.otherwise = ProfileState::kDown;
  const auto said = verdicts(pay({payment("a", "u", kNoon)}));
  EXPECT_THAT(said.at(0)["degraded"], ElementsAre("no_model", "profile_down"));
  EXPECT_EQ(said.at(0)["action"], "approve");
}

TEST_F(SeenProfilesTest, WithoutAUsableScoreTheSafeActionIsTakenWhateverTheProfiles) {
  declare(EntityKind::kMerchant, state::Function::kCount);
  engine();
  settings_.decide.safe_action = "decline";
  settings_.decide.costs = {0, 15, 3};
  model_.fails = true;
  profiles_.otherwise = ProfileState::kStale;
  const auto said = verdicts(pay({payment("a", "u", kNoon)}));
  EXPECT_THAT(said.at(0)["degraded"], ElementsAre("score_invalid", "profile_stale"));
  EXPECT_EQ(said.at(0)["action"], "decline");
}

}  // namespace
}  // namespace weir
