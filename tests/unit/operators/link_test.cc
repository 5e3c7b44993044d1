// link: who is told of a payment or a label, and what.

#include "operators/link.h"

#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operators/features/entity_event.h"
#include "operators/features/event_row.h"
#include "tests/unit/operators/fake_profiles.h"

namespace weir::operators {
namespace {

using state::EntityKind;
using testing::ElementsAre;
using testing::IsEmpty;

class LinkTest : public testing::Test {
 protected:
  void declare(EntityKind entity) {
    state::FeatureDeclaration count;
    count.name = "f" + std::to_string(settings_.features.size());
    count.entity = entity;
    count.window_ms = 1'000;
    settings_.features.push_back({count.name, count, {}});
  }
  FeatureEngine* make_engine(const PageStores& stores = {}, bool profiles = true) {
    auto made = FeatureEngine::make(settings_, stores, profiles ? &profiles_ : nullptr);
    EXPECT_TRUE(made) << made.error().message;
    engine_ = *std::move(made);
    return engine_.get();
  }
  /// Names everything.
  DecidedTransaction payment() {
    DecidedTransaction out{};
    out.origin = {3, 77};
    out.transaction_id = "t";
    out.user_id = "u";
    out.merchant_id = "M1";
    out.device_id = "dev";
    out.ip = "::1";
    out.card_token = "tok";
    out.event_time = {1'528'718'400'000};
    past_.row = make_event_row(out);
    past_.row.ratio_milli = 1'500;
    out.past = &past_;
    return out;
  }
  static ValidLabel label() {
    ValidLabel out;
    out.origin = {3, 78};
    out.label_id = "L";
    out.transaction_id = "t";
    out.user_id = "u";
    out.merchant_id = "M1";
    out.is_fraud = true;
    out.event_time = {1'528'718'400'000};
    out.label_time = {1'528'804'800'000};
    out.revision = 2;
    return out;
  }
  static std::vector<OutputRecord> send(const Link& link, const DecidedTransaction& payment) {
    std::vector<OutputRecord> out;
    link.process({&payment, 1}, BatchTraces("transactions"), out);
    return out;
  }
  static std::vector<OutputRecord> send(const Link& link, const ValidLabel& label) {
    std::vector<OutputRecord> out;
    link.process(label, BatchTraces("labels"), out);
    return out;
  }
  static std::vector<std::string> keys(const std::vector<OutputRecord>& out) {
    std::vector<std::string> found;
    for (const auto& record : out) found.push_back(record.key);
    return found;
  }
  static bool same(const state::EventRow& a, const state::EventRow& b) {
    return std::memcmp(&a, &b, sizeof a) == 0;
  }

  Settings settings_;
  FakeProfiles profiles_;
  std::array<state::MemoryPageStore, state::kEntityKinds> pages_;
  std::unique_ptr<FeatureEngine> engine_;
  PaymentPast past_;
};

TEST_F(LinkTest, EveryEntityThatAPaymentNamesGetsARecordOfIt) {
  for (const auto kind :
       {EntityKind::kMerchant, EntityKind::kDevice, EntityKind::kIp, EntityKind::kCard}) {
    declare(kind);
  }
  const auto out = send(Link(make_engine()), payment());
  ASSERT_THAT(keys(out), ElementsAre("m:M1", "d:dev", "i:::1", "c:tok"));
  for (const auto& record : out) {
    EXPECT_EQ(record.stream, Stream::kEntities);
    EXPECT_EQ(record.partition, -1) << "that of the key";
    EXPECT_EQ(record.input_partition, 3);
    EXPECT_FALSE(record.tombstone);
    const auto decoded = decode_entity_record(record.value);
    ASSERT_TRUE(decoded) << decoded.error().message;
    EXPECT_TRUE(same(std::get<EntityEvent>(*decoded).row, past_.row));
  }
}

TEST_F(LinkTest, WhatAPaymentDoesNotNameAndWhatNoFeatureIsOverIsToldNothing) {
  declare(EntityKind::kUser);
  declare(EntityKind::kMerchant);
  declare(EntityKind::kDevice);
  const Link link(make_engine());
  EXPECT_THAT(keys(send(link, payment())), ElementsAre("m:M1", "d:dev"));
  auto deviceless = payment();
  deviceless.device_id = {};
  EXPECT_THAT(keys(send(link, deviceless)), ElementsAre("m:M1"));
}

TEST_F(LinkTest, ALatePaymentEntersNoWindows) {
  declare(EntityKind::kMerchant);
  const Link link(make_engine());
  std::vector<DecidedTransaction> batch(3, payment());
  batch[1].late = true;
  std::vector<OutputRecord> out;
  link.process(batch, BatchTraces("transactions"), out);
  EXPECT_EQ(out.size(), 2U);
}

TEST_F(LinkTest, WhereTheEngineKeepsEntitiesItselfNothingIsSent) {
  declare(EntityKind::kMerchant);
  const Link local(make_engine({nullptr, &pages_[1], &pages_[2], &pages_[3], &pages_[4]}));
  EXPECT_THAT(send(local, payment()), IsEmpty());
  EXPECT_THAT(send(local, label()), IsEmpty());
  const Link nowhere(make_engine({}, false));
  EXPECT_THAT(send(nowhere, payment()), IsEmpty());
  EXPECT_THAT(send(Link(nullptr), payment()), IsEmpty());
  EXPECT_THAT(send(Link(nullptr), label()), IsEmpty());
}

TEST_F(LinkTest, AKindWithAStoreOfItsOwnIsNotTold) {
  declare(EntityKind::kMerchant);
  declare(EntityKind::kDevice);
  const Link link(make_engine({nullptr, &pages_[1], nullptr, nullptr, nullptr}));
  EXPECT_THAT(keys(send(link, payment())), ElementsAre("d:dev"));
}

TEST_F(LinkTest, ALabelGoesOnlyToTheEntitiesThatItNames) {
  for (const auto kind : {EntityKind::kMerchant, EntityKind::kDevice, EntityKind::kCard}) {
    declare(kind);
  }
  const Link link(make_engine());
  EXPECT_THAT(keys(send(link, label())), ElementsAre("m:M1"));
  auto full = label();
  full.device_id = "dev";
  full.ip = "::1";
  full.card_token = "tok";
  const auto out = send(link, full);
  ASSERT_THAT(keys(out), ElementsAre("m:M1", "d:dev", "c:tok")) << "no feature is over addresses";
  for (const auto& record : out) {
    EXPECT_EQ(record.stream, Stream::kEntities);
    EXPECT_EQ(record.input_partition, 3);
    const auto decoded = decode_entity_record(record.value);
    ASSERT_TRUE(decoded) << decoded.error().message;
    const auto& said = std::get<EntityLabel>(*decoded).opinion;
    EXPECT_EQ(said.transaction, std::uint64_t{make_event_row(payment()).transaction});
    EXPECT_EQ(said.event_time_ms, 1'528'718'400'000);
    EXPECT_EQ(said.label_time_ms, 1'528'804'800'000);
    EXPECT_EQ(said.revision, 2U);
    EXPECT_TRUE(said.fraud);
  }
}

}  // namespace
}  // namespace weir::operators
