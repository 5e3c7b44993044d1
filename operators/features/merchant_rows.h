#pragma once
// The newest labelled payments of a merchant, one by one, as a model may read them: a feature over
// them says how many were fraud, a model that sees them in order also where a run of frauds began.
//
//   fraud        1 fraud, 0 genuine: the opinion that counts now
//   log_amount   ln(1 + amount in major units)
//   log_ratio    ln(amount over the median of its user's 128 payments before); 0: there is none
//   same_user    1 when the user is that of the payment which looks
//   log_age      ln(1 + minutes from the row to that payment), never negative
//   age          days from the row to that payment / 30, never negative
//   log_known    ln(1 + minutes from the opinion to that payment), never negative
//   night        1 from 00:00 to 06:59 UTC
//   weekend      1 on Saturday and Sunday, UTC
//
// All float32, computed in double and rounded once; the same bits on every machine.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/core/error.h"
#include "state/windows/event_row.h"

namespace weir::operators {

/// What such a row is made from: small, since profiles carry it to every instance.
struct LabelledRow {
  std::int64_t time_ms = 0;        // event time
  std::int64_t label_time_ms = 0;  // when the opinion was formed
  std::int64_t amount = 0;         // in 1/state::kAmountScale major units
  std::uint64_t transaction = 0;   // hashes
  std::uint64_t user = 0;
  std::uint32_t ratio_milli = 0;  // as in EventRow; 0 = none
  bool fraud = false;
  friend bool operator==(const LabelledRow&, const LabelledRow&) = default;
};

/// `row` has a label.
LabelledRow labelled_row(const state::EventRow& row);

/// Takes the payment itself out: run a second time, after a crash in at_least_once, it may be there
/// already, label and all.
void remove_payment(std::vector<LabelledRow>& rows, const state::EventRow& payment);

/// Every name the engine knows, in the order above: that of features records.
inline constexpr std::string_view kMerchantFeatures[] = {"fraud",     "log_amount", "log_ratio",
                                                         "same_user", "log_age",    "age",
                                                         "log_known", "night",      "weekend"};
inline constexpr std::size_t kMerchantFeatureCount = std::size(kMerchantFeatures);

/// All of them, in their order: what features records say, and models are given a choice of.
using MerchantRowValues = std::array<float, kMerchantFeatureCount>;
MerchantRowValues merchant_row_values(const LabelledRow& row, const state::EventRow& payment);

/// Those that one model reads, in its order.
class MerchantFeatures {
 public:
  /// kFatal when a name is unknown (the message lists the known ones) or given twice.
  static Result<MerchantFeatures> make(std::span<const std::string> names);

  [[nodiscard]] std::size_t size() const { return places_.size(); }
  /// Writes size() floats.
  void pick(const MerchantRowValues& values, float* out) const;

 private:
  std::vector<std::size_t> places_;
};

}  // namespace weir::operators
