// Records of topic entities: read back as they were, and nothing else is read at all.

#include "operators/features/entity_event.h"

#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operators/features/event_row.h"
#include "pipeline/core/event_time.h"

namespace weir::operators {
namespace {

using state::EntityKind;
using state::EventRow;
using state::LabelOpinion;

EventRow full_row() {
  EventRow row;
  row.time_ms = 1'528'676'687'123;
  row.sequence = 77;
  row.transaction = 0xFEDCBA9876543210;
  row.amount = kEventAmountMax;
  row.user = 1;
  row.merchant = 2;
  row.device = 3;
  row.ip = 4;
  row.card = 5;
  row.ratio_milli = 2'500;
  row.currency = 978;
  row.mcc = 5'411;
  row.country = 0x4445;
  row.merchant_country = 0x4652;
  row.channel = 9;
  row.card_present = 2;
  row.label = state::Label::kFraud;
  row.label_time_ms = kEventTimeMax.ms;
  row.label_id = 6;
  row.label_revision = 7;
  return row;
}

LabelOpinion full_opinion() {
  return {0x0123456789ABCDEF, 1'528'676'687'123, true, 1'529'281'487'456, 42, 3};
}

/// Why it is refused; empty when it is not.
std::string refusal(std::string_view value) {
  const auto decoded = decode_entity_record(value);
  if (decoded) return {};
  EXPECT_EQ(decoded.error().kind, ErrorKind::kRejectEvent);
  return decoded.error().message;
}
std::string key_refusal(std::string_view key) {
  const auto parsed = parse_entity_key(key);
  if (parsed) return {};
  EXPECT_EQ(parsed.error().kind, ErrorKind::kRejectEvent);
  return parsed.error().message;
}

TEST(EntityKey, EveryKindButUsersHasALetterOfItsOwn) {
  EXPECT_EQ(entity_key(EntityKind::kMerchant, "T1"), "m:T1");
  EXPECT_EQ(entity_key(EntityKind::kDevice, "T1"), "d:T1");
  EXPECT_EQ(entity_key(EntityKind::kIp, "::1"), "i:::1");
  EXPECT_EQ(entity_key(EntityKind::kCard, "T1"), "c:T1");
  for (const auto kind :
       {EntityKind::kMerchant, EntityKind::kDevice, EntityKind::kIp, EntityKind::kCard}) {
    const std::string key = entity_key(kind, "::1");
    const auto parsed = parse_entity_key(key);
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(parsed->kind, kind);
    EXPECT_EQ(parsed->id, "::1");
  }
  EXPECT_EQ(key_refusal("u:T1"), "entity record: unknown kind of entity");
}

TEST(EntityKey, IdsOfOneTo128BytesPass) {
  EXPECT_EQ(key_refusal("m:"), "entity record: empty id");
  EXPECT_EQ(key_refusal("m:1"), "");
  EXPECT_EQ(key_refusal(entity_key(EntityKind::kCard, std::string(128, 'x'))), "");
  EXPECT_EQ(key_refusal("c:" + std::string(129, 'x')), "entity record: id above 128 bytes");
}

TEST(EntityKey, WhatIsNoKeyIsRefused) {
  EXPECT_EQ(key_refusal(""), "entity record: malformed key");
  EXPECT_EQ(key_refusal("m"), "entity record: malformed key");
  EXPECT_EQ(key_refusal("m-1"), "entity record: malformed key");
  EXPECT_EQ(key_refusal("x:1"), "entity record: unknown kind of entity");
  EXPECT_EQ(key_refusal(std::string_view("\0:1", 3)), "entity record: unknown kind of entity");
}

TEST(EntityKey, AnIdWithAZeroByteIsRefusedForInTheStateItWouldEndThere) {
  EXPECT_EQ(key_refusal(std::string_view("m:a\0b", 5)), "entity record: zero byte in id");
  EXPECT_EQ(key_refusal(std::string_view("m:\0", 3)), "entity record: zero byte in id");
}

TEST(EntityRecord, AnEventComesBackBitForBit) {
  for (const EventRow& row : {full_row(), EventRow{}}) {
    const std::string value = encode_entity_event(row);
    EXPECT_EQ(value.size(), 106U);
    const auto decoded = decode_entity_record(value);
    ASSERT_TRUE(decoded) << decoded.error().message;
    const auto& back = std::get<EntityEvent>(*decoded).row;
    EXPECT_EQ(std::memcmp(&back, &row, sizeof row), 0);
  }
}

TEST(EntityRecord, ALabelComesBackFieldByField) {
  const std::string value = encode_entity_label(full_opinion());
  EXPECT_EQ(value.size(), 39U);
  const auto decoded = decode_entity_record(value);
  ASSERT_TRUE(decoded) << decoded.error().message;
  const auto& back = std::get<EntityLabel>(*decoded).opinion;
  EXPECT_EQ(back.transaction, full_opinion().transaction);
  EXPECT_EQ(back.event_time_ms, full_opinion().event_time_ms);
  EXPECT_TRUE(back.fraud);
  EXPECT_EQ(back.label_time_ms, full_opinion().label_time_ms);
  EXPECT_EQ(back.label_id, 42U);
  EXPECT_EQ(back.revision, 3U);
  EXPECT_FALSE(std::get<EntityLabel>(*decode_entity_record(encode_entity_label({}))).opinion.fraud);
}

TEST(EntityRecord, TheBytesAreTheOnesInTheFormatsDescription) {
  LabelOpinion opinion;
  opinion.transaction = 0x0807060504030201;
  opinion.event_time_ms = 0x0A;
  opinion.label_time_ms = 0x0B;
  opinion.label_id = 0x0C;
  opinion.revision = 0x0D;
  opinion.fraud = true;
  const std::string zeros(7, '\0');
  EXPECT_EQ(encode_entity_label(opinion), "\x01l\x01\x02\x03\x04\x05\x06\x07\x08\x0A" + zeros +
                                              "\x0B" + zeros + "\x0C" + zeros + "\x0D" +
                                              std::string(3, '\0') + "\x01");
  EventRow row;
  row.time_ms = 0x0102;
  EXPECT_THAT(encode_entity_event(row), testing::StartsWith("\x01"
                                                            "e\x02\x01"));
}

TEST(EntityRecord, EveryOtherLengthIsRefused) {
  EXPECT_EQ(refusal(""), "entity record: cut short");
  EXPECT_EQ(refusal("\x01"), "entity record: cut short");
  for (const std::string& whole :
       {encode_entity_event(full_row()), encode_entity_label(full_opinion())}) {
    for (std::size_t bytes = 0; bytes < whole.size(); ++bytes)
      EXPECT_NE(refusal(whole.substr(0, bytes)), "") << bytes;
    EXPECT_THAT(refusal(whole + '\0'), testing::HasSubstr("of wrong length"));
  }
}

TEST(EntityRecord, UnknownVersionsAndTypesAreRefused) {
  std::string value = encode_entity_event(full_row());
  for (const char version : {'\x00', '\x02', '\xFF'}) {
    value[0] = version;
    EXPECT_EQ(refusal(value), "entity record: unknown format version");
  }
  value[0] = 1;
  value[1] = 'x';
  EXPECT_EQ(refusal(value), "entity record: unknown type");
  value[1] = 'l';
  EXPECT_EQ(refusal(value), "entity record: label of wrong length");
}

TEST(EntityRecord, WhatTheWindowsCannotHoldIsRefused) {
  const auto event_with = [](const auto& change) {
    EventRow row = full_row();
    change(row);
    return refusal(encode_entity_event(row));
  };
  EXPECT_EQ(event_with([](EventRow& row) { row.label = static_cast<state::Label>(3); }),
            "entity record: unknown label");
  EXPECT_EQ(event_with([](EventRow& row) { row.card_present = 3; }),
            "entity record: unknown card presence");
  EXPECT_EQ(event_with([](EventRow& row) { row.time_ms = -1; }),
            "entity record: time out of range");
  EXPECT_EQ(event_with([](EventRow& row) { row.time_ms = kEventTimeMax.ms; }), "");
  EXPECT_EQ(event_with([](EventRow& row) { row.time_ms = kEventTimeMax.ms + 1; }),
            "entity record: time out of range");
  EXPECT_EQ(event_with([](EventRow& row) { row.label_time_ms = kEventTimeMax.ms + 1; }),
            "entity record: time out of range");
  EXPECT_EQ(event_with([](EventRow& row) { row.amount = -1; }),
            "entity record: amount out of range");
  EXPECT_EQ(event_with([](EventRow& row) { row.amount = kEventAmountMax + 1; }),
            "entity record: amount out of range");

  std::string label = encode_entity_label(full_opinion());
  label.back() = 2;
  EXPECT_EQ(refusal(label), "entity record: unknown label");
  LabelOpinion opinion = full_opinion();
  opinion.event_time_ms = -1;
  EXPECT_EQ(refusal(encode_entity_label(opinion)), "entity record: time out of range");
  opinion = full_opinion();
  opinion.label_time_ms = kEventTimeMax.ms + 1;
  EXPECT_EQ(refusal(encode_entity_label(opinion)), "entity record: time out of range");
}

}  // namespace
}  // namespace weir::operators
