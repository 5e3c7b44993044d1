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

MerchantRowValues merchant_row_values(const LabelledRow& row, const state::EventRow& payment) {
  const double age_ms = ms_since(row.time_ms, payment.time_ms);
  const double amount = static_cast<double>(row.amount) / state::kAmountScale;
  const double ratio = row.ratio_milli == 0 ? 1 : static_cast<double>(row.ratio_milli) / 1'000;
  const double known_ms = ms_since(row.label_time_ms, payment.time_ms);
  return {row.fraud ? 1.0F : 0.0F,
          static_cast<float>(natural_log(1 + amount)),
          static_cast<float>(natural_log(ratio)),
          row.user == payment.user ? 1.0F : 0.0F,
          static_cast<float>(log_minutes(age_ms)),
          static_cast<float>(age_ms / kMsPerDay / kDaysPerAge),
          static_cast<float>(log_minutes(known_ms)),
          is_night(row.time_ms) ? 1.0F : 0.0F,
          is_weekend(row.time_ms) ? 1.0F : 0.0F};
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
    const auto place = static_cast<std::size_t>(found - std::begin(kMerchantFeatures));
    if (std::ranges::find(features.places_, place) != features.places_.end()) {
      return fatal(fmt::format("the model asks for a feature of merchant rows twice: {}", name));
    }
    features.places_.push_back(place);
  }
  return features;
}

void MerchantFeatures::pick(const MerchantRowValues& values, float* out) const {
  for (const std::size_t place : places_) *out++ = values[place];
}

}  // namespace weir::operators
