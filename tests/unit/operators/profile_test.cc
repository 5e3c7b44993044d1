// Records of topic entity-profiles: values to the bit, and nothing else is read at all.

#include "operators/features/profile.h"

#include <bit>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/core/event_time.h"

namespace weir::operators {
namespace {

/// Why it is refused; empty when it is not.
template <class T>
std::string refusal(const Result<T>& decoded) {
  if (decoded) return {};
  EXPECT_EQ(decoded.error().kind, ErrorKind::kRejectEvent);
  return decoded.error().message;
}

TEST(ProfileRecord, ComesBackBitForBitWithEveryKindOfNumber) {
  const Profile profile{
      {1'528'676'687'123, 42},
      3,
      0xFEDCBA9876543210,
      {1.5, -0.0, std::numeric_limits<double>::quiet_NaN(),
       std::bit_cast<double>(0xFFF8'0000'DEAD'BEEFULL), std::numeric_limits<double>::infinity(),
       std::numeric_limits<double>::denorm_min()},
      {{1'528'676'000'000, 1'529'000'000'000, 123'400, 5, 0xFEDCBA9876543210, 1'500, true},
       {0, 0, 0, 1, 2, 0, false}}};
  const std::string value = encode_profile(profile);
  EXPECT_EQ(value.size(), 32U + 6 * 8 + 2 * 45);
  const auto back = decode_profile(value);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->version, profile.version);
  EXPECT_EQ(back->partition, 3);
  EXPECT_EQ(back->plan_digest, profile.plan_digest);
  EXPECT_EQ(back->rows, profile.rows);
  ASSERT_EQ(back->values.size(), profile.values.size());
  for (std::size_t i = 0; i < profile.values.size(); ++i) {
    EXPECT_EQ(std::bit_cast<std::uint64_t>(back->values[i]),
              std::bit_cast<std::uint64_t>(profile.values[i]))
        << i;
  }
}

TEST(ProfileRecord, FromNoValueToTheMostThereMayBe) {
  for (const std::size_t count : {std::size_t{0}, std::size_t{1}, kProfileValuesMax}) {
    const auto back =
        decode_profile(encode_profile({{1, 1}, 0, 1, std::vector<double>(count, 0.25), {}}));
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(back->values, std::vector<double>(count, 0.25));
  }
  std::string value = encode_profile({{1, 1}, 0, 1, std::vector<double>(kProfileValuesMax), {}});
  value[29] = 1;  // one more than 4,096, little-endian
  value.append(8, '\0');
  EXPECT_EQ(refusal(parse_profile(value)), "entity profile: profile of too many values");
}

TEST(ProfileRecord, FromNoRowToTheMostThereMayBe) {
  for (const std::size_t count : {std::size_t{0}, std::size_t{1}, state::kLabelledRowsMax}) {
    const std::vector<LabelledRow> rows(count, LabelledRow{1, 2, 3, 4, 5, 6, true});
    const auto back = decode_profile(encode_profile({{1, 1}, 0, 1, {0.5}, rows}));
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(back->rows, rows);
  }
  std::string value =
      encode_profile({{1, 1}, 0, 1, {}, std::vector<LabelledRow>(state::kLabelledRowsMax)});
  ++value[31];
  value.append(kLabelledRowBytes, '\0');
  EXPECT_EQ(refusal(parse_profile(value)), "entity profile: profile of too many rows");
}

TEST(ProfileRecord, ARowThatNoPaymentCanBeIsRefused) {
  const auto with = [](LabelledRow row) {
    return refusal(parse_profile(encode_profile({{1, 1}, 0, 1, {}, {row}})));
  };
  constexpr auto kWrong = "entity profile: labelled row out of range";
  EXPECT_EQ(with({.time_ms = kEventTimeMax.ms, .label_time_ms = kEventTimeMax.ms}), "");
  EXPECT_EQ(with({.time_ms = -1}), kWrong);
  EXPECT_EQ(with({.time_ms = kEventTimeMax.ms + 1}), kWrong);
  EXPECT_EQ(with({.label_time_ms = -1}), kWrong);
  EXPECT_EQ(with({.amount = -1}), kWrong);
  std::string value = encode_profile({{1, 1}, 0, 1, {}, {{}}});
  value.back() = 2;
  EXPECT_EQ(refusal(parse_profile(value)), kWrong);
}

TEST(ProfileRecord, OneOfTheVersionBeforeHasNoRowsAndCounts) {
  const std::string now = encode_profile({{7, 8}, 3, 9, {1.5, 2.5}, {}});
  const std::string before = "\x01" + now.substr(1, 30) + now.substr(32);
  const auto back = decode_profile(before);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->version, (ProfileVersion{7, 8}));
  EXPECT_EQ(back->values, (std::vector<double>{1.5, 2.5}));
  EXPECT_TRUE(back->rows.empty());
  EXPECT_EQ(refusal(parse_profile(before + "\1")), "entity profile: profile of wrong length");
}

TEST(ProfileRecord, TheBytesAreTheOnesInTheFormatsDescription) {
  const std::string zeros(7, '\0');
  EXPECT_EQ(encode_profile({{0x0A, 0x0B}, 0x0C, 0x0D, {2.0}, {{1, 2, 3, 4, 5, 6, true}}}),
            "\x02\x0A" + zeros + "\x0B" + zeros + "\x0C" + std::string(3, '\0') + "\x0D" + zeros +
                "\x01" + std::string(1, '\0') + "\x01" + zeros + "\x40" +  //
                "\x01" + zeros + "\x02" + zeros + "\x03" + zeros + "\x04" + zeros + "\x05" + zeros +
                "\x06" + std::string(3, '\0') + "\x01");
  EXPECT_EQ(encode_heartbeat({0x0A, 0x0B, 0x0C}),
            "\x02\x0A" + std::string(3, '\0') + "\x0B" + zeros + "\x0C" + zeros);
}

TEST(ProfileRecord, EveryOtherLengthAndVersionIsRefused) {
  const std::string whole = encode_profile({{1, 1}, 0, 1, {1, 2, 3}, {{}, {}}});
  EXPECT_EQ(refusal(parse_profile("")), "entity profile: record without a value");
  for (std::size_t bytes = 1; bytes < whole.size(); ++bytes) {
    EXPECT_EQ(refusal(parse_profile(whole.substr(0, bytes))),
              "entity profile: profile of wrong length")
        << bytes;
  }
  for (const std::size_t more : {1, 8, 45}) {
    EXPECT_EQ(refusal(parse_profile(whole + std::string(more, '\0'))),
              "entity profile: profile of wrong length");
  }
  EXPECT_EQ(refusal(decode_profile("\x03" + whole.substr(1))),
            "entity profile: unknown format version");
}

TEST(ProfileHeartbeatRecord, ComesBackUnderAKeyThatIsNoEntity) {
  const ProfileHeartbeat heartbeat{12, 1'528'676'687'123, 1'528'676'000'000};
  EXPECT_EQ(heartbeat_key(12), "~12");
  EXPECT_TRUE(is_heartbeat_key("~12"));
  EXPECT_FALSE(is_heartbeat_key("m:~12"));
  EXPECT_FALSE(is_heartbeat_key(""));
  const auto back = decode_heartbeat("~12", encode_heartbeat(heartbeat));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, heartbeat);
}

TEST(ProfileHeartbeatRecord, OfAnotherPartitionLengthOrVersionIsRefused) {
  const std::string whole = encode_heartbeat({12, 1, 2});
  EXPECT_EQ(refusal(decode_heartbeat("~1", whole)),
            "entity profile: heartbeat key and value name different partitions");
  EXPECT_EQ(refusal(decode_heartbeat("~012", whole)),
            "entity profile: heartbeat key and value name different partitions");
  EXPECT_EQ(refusal(decode_heartbeat("~12", "")), "entity profile: record without a value");
  for (std::size_t bytes = 1; bytes < whole.size(); ++bytes) {
    EXPECT_EQ(refusal(decode_heartbeat("~12", whole.substr(0, bytes))),
              "entity profile: heartbeat of wrong length");
  }
  EXPECT_EQ(refusal(decode_heartbeat("~12", whole + '\0')),
            "entity profile: heartbeat of wrong length");
  EXPECT_EQ(refusal(decode_heartbeat("~12", '\0' + whole.substr(1))),
            "entity profile: unknown format version");
}

TEST(ProfileHeartbeatRecord, OfATimeThatNoClockShowsIsRefused) {
  const auto at = [](std::int64_t wall_ms) {
    return refusal(decode_heartbeat("~0", encode_heartbeat({0, wall_ms, -1})));
  };
  EXPECT_EQ(at(0), "");
  EXPECT_EQ(at(kEventTimeMax.ms), "");
  EXPECT_EQ(at(-1), "entity profile: heartbeat time out of range");
  EXPECT_EQ(at(kEventTimeMax.ms + 1), "entity profile: heartbeat time out of range");
}

}  // namespace
}  // namespace weir::operators
