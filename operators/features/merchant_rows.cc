#include "operators/features/merchant_rows.h"

#include <algorithm>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "operators/features/calendar.h"
#include "operators/features/real_functions.h"

namespace weir::operators {
namespace {

constexpr double kDaysPerAge = 30;

/// From a moment of the past to now; a later one counts as now.
double ms_since(std::int64_t then_ms, std::int64_t now_ms) {
  return static_cast<double>(std::max<std::int64_t>(0, now_ms - then_ms));
}
double log_minutes(double ms) {
  return natural_log(1 + ms / kMsPerMinute);
}

}  // namespace

enum class MerchantFeatures::Kind : std::uint8_t {
  kFraud,
  kLogAmount,
  kLogRatio,
  kSameUser,
  kLogAge,
  kAge,
  kLogKnown,
  kNight,
  kWeekend,
};

LabelledRow labelled_row(const state::EventRow& row) {
  WEIR_CHECK(row.label != state::Label::kUnknown);
  return {.time_ms = row.time_ms,
          .label_time_ms = row.label_time_ms,
          .amount = row.amount,
          .transaction = row.transaction,
          .user = row.user,
          .ratio_milli = row.ratio_milli,
          .fraud = row.label == state::Label::kFraud};
}

void remove_payment(std::vector<LabelledRow>& rows, const state::EventRow& payment) {
  std::erase_if(rows, [&](const LabelledRow& row) {
    return row.transaction == payment.transaction && row.user == payment.user;
  });
}

Result<MerchantFeatures> MerchantFeatures::make(std::span<const std::string> names) {
  MerchantFeatures features;
  for (const std::string& name : names) {
    const auto* const found = std::ranges::find(kMerchantFeatures, name);
    if (found == std::end(kMerchantFeatures)) {
      return fatal(
          fmt::format("the model asks for a feature of merchant rows this engine does not know: {} "
                      "(known: {})",
                      name, fmt::join(kMerchantFeatures, ", ")));
    }
    const auto kind = static_cast<Kind>(found - std::begin(kMerchantFeatures));
    if (std::ranges::find(features.kinds_, kind) != features.kinds_.end()) {
      return fatal(fmt::format("the model asks for a feature of merchant rows twice: {}", name));
    }
    features.kinds_.push_back(kind);
  }
  return features;
}

MerchantFeatures MerchantFeatures::all() {
  MerchantFeatures features;
  for (std::size_t i = 0; i < kMerchantFeatureCount; ++i) {
    features.kinds_.push_back(static_cast<Kind>(i));
  }
  return features;
}

double MerchantFeatures::value(Kind kind, const LabelledRow& row, const state::EventRow& payment) {
  switch (kind) {
    case Kind::kFraud:
      return row.fraud ? 1 : 0;
    case Kind::kLogAmount:
      return natural_log(1 + static_cast<double>(row.amount) / state::kAmountScale);
    case Kind::kLogRatio:
      return row.ratio_milli == 0 ? 0 : natural_log(static_cast<double>(row.ratio_milli) / 1'000);
    case Kind::kSameUser:
      return row.user == payment.user ? 1 : 0;
    case Kind::kLogAge:
      return log_minutes(ms_since(row.time_ms, payment.time_ms));
    case Kind::kAge:
      return ms_since(row.time_ms, payment.time_ms) / kMsPerDay / kDaysPerAge;
    case Kind::kLogKnown:
      return log_minutes(ms_since(row.label_time_ms, payment.time_ms));
    case Kind::kNight:
      return is_night(row.time_ms) ? 1 : 0;
    case Kind::kWeekend:
      return is_weekend(row.time_ms) ? 1 : 0;
  }
  return 0;
}

void MerchantFeatures::fill(const LabelledRow& row, const state::EventRow& payment,
                            float* out) const {
  for (const Kind kind : kinds_) *out++ = static_cast<float>(value(kind, row, payment));
}

}  // namespace weir::operators
