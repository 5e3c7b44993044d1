#include "operators/features/row_features.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "operators/features/calendar.h"
#include "operators/features/real_functions.h"

namespace weir::operators {
namespace {

// In the order of RowFeatures::Kind.
constexpr std::array<std::string_view, 18> kNames = {
    "log_amount",   "hour_sin",      "hour_cos",      "weekday_sin",  "weekday_cos",
    "weekend",      "night",         "same_merchant", "same_device",  "same_country",
    "same_card",    "same_currency", "card_present",  "cross_border", "mcc_slot",
    "channel_slot", "country_slot",  "merchant_slot"};

/// Sine and cosine of `steps` equal steps around the circle.
template <std::size_t steps>
struct Circle {
  std::array<float, steps> sine;
  std::array<float, steps> cosine;
  Circle() {
    for (std::size_t i = 0; i < steps; ++i) {
      const double angle = 2 * std::numbers::pi * static_cast<double>(i) / steps;
      sine[i] = static_cast<float>(std::sin(angle));
      cosine[i] = static_cast<float>(std::cos(angle));
    }
  }
};

const Circle<kMinutesPerDay>& day_circle() {
  static const Circle<kMinutesPerDay> circle;
  return circle;
}
const Circle<7>& week_circle() {
  static const Circle<7> circle;
  return circle;
}

std::size_t minute_of(const HistoryRow& row) {
  return static_cast<std::size_t>(minute_of_day(row.event_time_ms));
}
std::size_t weekday_of(const HistoryRow& row) {
  return static_cast<std::size_t>(weekday(row.event_time_ms));
}

float flag(bool value) {
  return value ? 1.0F : 0.0F;
}

template <class T>
float same(T row, T current) {
  return flag(row != 0 && row == current);
}

/// Places of the tables that a model learns a vector for each category in; 0 is "absent".
constexpr std::uint64_t kMccSlots = 256;
constexpr std::uint64_t kChannelSlots = 32;
constexpr std::uint64_t kCountrySlots = 256;
constexpr std::uint64_t kMerchantSlots = 1'024;

/// Small enough to be exact as a float.
float slot(std::uint64_t category, std::uint64_t slots) {
  return category == 0 ? 0.0F : static_cast<float>(1 + category % (slots - 1));
}

float log_amount(const HistoryRow& row) {
  constexpr double kPowersOfTen[] = {1, 10, 100, 1'000, 10'000};
  const double major = static_cast<double>(row.amount_minor) / kPowersOfTen[row.currency_exponent];
  return static_cast<float>(natural_log(1 + major));
}

}  // namespace

enum class RowFeatures::Kind : std::uint8_t {
  kLogAmount,
  kHourSin,
  kHourCos,
  kWeekdaySin,
  kWeekdayCos,
  kWeekend,
  kNight,
  kSameMerchant,
  kSameDevice,
  kSameCountry,
  kSameCard,
  kSameCurrency,
  kCardPresent,
  kCrossBorder,
  kMccSlot,
  kChannelSlot,
  kCountrySlot,
  kMerchantSlot,
};

std::span<const std::string_view> known_features() {
  return kNames;
}

float log_gap(const HistoryRow& row, const HistoryRow& current) {
  const std::int64_t gap_ms = std::max<std::int64_t>(0, current.event_time_ms - row.event_time_ms);
  return static_cast<float>(natural_log(1 + static_cast<double>(gap_ms) / kMsPerMinute));
}

Result<RowFeatures> RowFeatures::make(std::span<const std::string> names) {
  RowFeatures features;
  for (const std::string& name : names) {
    const auto found = std::find(kNames.begin(), kNames.end(), name);
    if (found == kNames.end()) {
      return fatal(
          fmt::format("the model asks for a feature this engine does not know: {} (known: {})",
                      name, fmt::join(kNames, ", ")));
    }
    const auto kind = static_cast<Kind>(found - kNames.begin());
    if (std::find(features.kinds_.begin(), features.kinds_.end(), kind) != features.kinds_.end()) {
      return fatal(fmt::format("the model asks for a feature twice: {}", name));
    }
    features.kinds_.push_back(kind);
  }
  return features;
}

float RowFeatures::value(Kind kind, const HistoryRow& row, const HistoryRow& current) {
  switch (kind) {
    case Kind::kLogAmount:
      return log_amount(row);
    case Kind::kHourSin:
      return day_circle().sine[minute_of(row)];
    case Kind::kHourCos:
      return day_circle().cosine[minute_of(row)];
    case Kind::kWeekdaySin:
      return week_circle().sine[weekday_of(row)];
    case Kind::kWeekdayCos:
      return week_circle().cosine[weekday_of(row)];
    case Kind::kWeekend:
      return flag(is_weekend(row.event_time_ms));
    case Kind::kNight:
      return flag(is_night(row.event_time_ms));
    case Kind::kSameMerchant:
      return same(row.merchant, current.merchant);
    case Kind::kSameDevice:
      return same(row.device, current.device);
    case Kind::kSameCountry:
      return same(row.country, current.country);
    case Kind::kSameCard:
      return same(row.card, current.card);
    case Kind::kSameCurrency:
      return flag(row.currency == current.currency);
    case Kind::kCardPresent:
      return row.card_present == 0 ? 0.0F : row.card_present == 1 ? -1.0F : 1.0F;
    case Kind::kCrossBorder:
      return flag(row.country != 0 && row.merchant_country != 0 &&
                  row.country != row.merchant_country);
    case Kind::kMccSlot:
      return slot(row.mcc, kMccSlots);
    case Kind::kChannelSlot:
      return slot(row.channel, kChannelSlots);
    case Kind::kCountrySlot:
      return slot(row.country, kCountrySlots);
    case Kind::kMerchantSlot:
      return slot(row.merchant, kMerchantSlots);
  }
  return 0;
}

void RowFeatures::fill(const HistoryRow& row, const HistoryRow& current, float* out) const {
  for (const Kind kind : kinds_) *out++ = value(kind, row, current);
}

}  // namespace weir::operators
