// Features and the functions under them: equal to training's, and the same bits on every machine.
#include "operators/features/row_features.h"

#include <bit>
#include <cmath>
#include <fstream>
#include <numbers>
#include <random>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "operators/features/real_functions.h"
#include "operators/history.h"

namespace weir::operators {
namespace {

using nlohmann::json;

HistoryRow row_from(const json& fields) {
  Transaction payment;
  payment.event_time = {fields["event_time_ms"].get<std::int64_t>()};
  payment.amount_minor = fields["amount_minor"];
  payment.currency.numeric = fields["currency"];
  payment.currency.exponent = fields["currency_exponent"];
  const std::string merchant = fields["merchant"];
  const std::string device = fields["device"];
  const std::string card = fields["card"];
  payment.merchant_id = merchant;
  payment.device_id = device;
  payment.card_token = card;
  const auto take_country = [&](const char* name, char(&out)[2]) {
    const std::string text = fields[name];
    if (text.size() == 2) std::copy(text.begin(), text.end(), out);
  };
  take_country("country", payment.country);
  take_country("merchant_country", payment.merchant_country);
  payment.mcc = fields["mcc"];
  const std::string channel = fields["channel"];
  payment.channel = channel;
  payment.card_present = static_cast<Transaction::CardPresent>(fields["card_present"].get<int>());
  return make_row(payment, 0);
}

TEST(RowFeatures, EqualThoseOfTraining) {
  std::ifstream file(WEIR_SOURCE_DIR "/tests/data/row_features.json");
  ASSERT_TRUE(file.is_open());
  const json data = json::parse(file);
  const auto names = data["features"].get<std::vector<std::string>>();
  EXPECT_EQ(std::vector<std::string_view>(names.begin(), names.end()),
            std::vector<std::string_view>(known_features().begin(), known_features().end()));
  const auto features = RowFeatures::make(names);
  ASSERT_TRUE(features.has_value());
  ASSERT_GE(data["cases"].size(), 40U);
  for (const json& c : data["cases"]) {
    const HistoryRow row = row_from(c["row"]);
    const HistoryRow current = row_from(c["current"]);
    std::vector<float> values(features->size());
    features->fill(row, current, values.data());
    for (std::size_t i = 0; i < names.size(); ++i) {
      EXPECT_NEAR(values[i], c["values"][i].get<double>(), 1e-6) << names[i] << " of " << c["row"];
    }
    EXPECT_NEAR(log_gap(row, current), c["log_gap"].get<double>(), 1e-6);
  }
}

TEST(RowFeatures, RefuseANameTheyDoNotKnow) {
  const auto features = RowFeatures::make(std::vector<std::string>{"log_amount", "shoe_size"});
  ASSERT_FALSE(features.has_value());
  EXPECT_NE(features.error().message.find("shoe_size"), std::string::npos);
  EXPECT_NE(features.error().message.find("cross_border"),
            std::string::npos);  // names the known ones
  EXPECT_FALSE(RowFeatures::make(std::vector<std::string>{"night", "night"}).has_value());
}

TEST(RowFeatures, GiveEveryCategoryASlotAndAbsenceTheFirst) {
  const auto features = RowFeatures::make(
      std::vector<std::string>{"mcc_slot", "channel_slot", "country_slot", "merchant_slot"});
  ASSERT_TRUE(features.has_value());
  const auto slots = [&](const HistoryRow& row) {
    std::vector<float> values(4);
    features->fill(row, {}, values.data());
    return values;
  };
  HistoryRow row;
  EXPECT_EQ(slots(row), (std::vector<float>{0, 0, 0, 0}));
  row.mcc = row.channel = row.country = 1;
  row.merchant = 1;
  EXPECT_EQ(slots(row), (std::vector<float>{2, 2, 2, 2}));
  row.mcc = 254;
  row.channel = 30;
  row.country = 254;
  row.merchant = 1'022;
  EXPECT_EQ(slots(row), (std::vector<float>{255, 31, 255, 1'023})) << "the last slot";
  row.mcc = 255;
  row.channel = 31;
  row.country = 255;
  row.merchant = 1'023;
  EXPECT_EQ(slots(row), (std::vector<float>{1, 1, 1, 1})) << "the first again";
  row.merchant = 0xFFFF'FFFF'FFFF'FFFF;  // 2^64 is 16 more than a multiple of 1,023
  EXPECT_EQ(slots(row)[3], 16) << "hashes have no sign";
}

TEST(LogGap, IsNeverNegative) {
  HistoryRow row;
  HistoryRow current;
  row.event_time_ms = 60'000;
  EXPECT_EQ(log_gap(row, current), 0.0F);
  current.event_time_ms = 120'000;
  EXPECT_FLOAT_EQ(log_gap(row, current), std::numbers::ln2_v<float>);
}

TEST(NaturalLog, IsWithinRoundingOfTheLibrarys) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 100'000; ++i) {
    const double x = std::ldexp(1.0 + static_cast<double>(random() >> 12) * 0x1p-52,
                                static_cast<int>(random() % 120) - 60);
    ASSERT_NEAR(natural_log(x), std::log(x), 4e-16 * std::max(1.0, std::abs(std::log(x)))) << x;
  }
  EXPECT_EQ(natural_log(1), 0);
}

TEST(NaturalExp, IsWithinRoundingOfTheLibrarys) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 100'000; ++i) {
    const double x = (static_cast<double>(random() >> 11) * 0x1p-53 - 0.5) * 200;
    ASSERT_NEAR(natural_exp(x) / std::exp(x), 1, 1e-14) << x;
  }
  EXPECT_EQ(natural_exp(0), 1);
}

// The tables of sines come from the C library, whose last bits depend on the CPU. After rounding to
// float nothing of that is left, as long as no value lies within a few bits of the middle between
// two floats.
TEST(RowFeatures, HaveSinesThatRoundTheSameOnEveryMachine) {
  const auto far_from_a_tie = [](double value) {
    const auto nearest = static_cast<float>(value);
    for (const float other : {std::nextafter(nearest, 2.0F), std::nextafter(nearest, -2.0F)}) {
      const double middle = (static_cast<double>(nearest) + static_cast<double>(other)) / 2;
      if (std::abs(value - middle) < 1e-15 * std::abs(middle)) return false;
    }
    return true;
  };
  for (int i = 0; i < 1440; ++i) {
    const double angle = 2 * std::numbers::pi * i / 1440;
    if (std::abs(std::sin(angle)) > 1e-9) {
      EXPECT_TRUE(far_from_a_tie(std::sin(angle))) << i;
    }
    if (std::abs(std::cos(angle)) > 1e-9) {
      EXPECT_TRUE(far_from_a_tie(std::cos(angle))) << i;
    }
  }
}

}  // namespace
}  // namespace weir::operators
