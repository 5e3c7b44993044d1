#pragma once
// A feature as configuration declares it: a value of the payment itself, or one of the past of an
// entity that the payment belongs to.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "state/windows/declaration.h"

namespace weir::operators {

enum class PaymentField : std::uint8_t {
  kAmount,   // major units
  kRatio,    // as state::Field::kRatio; missing where that is absent
  kHour,     // 0 to 23, UTC
  kWeekend,  // 1 on Saturday and Sunday, UTC, else 0
  kNight,    // 1 from 00:00 to 06:59 UTC, else 0
};
inline constexpr std::string_view kPaymentFieldNames[] = {"amount", "ratio", "hour", "weekend",
                                                          "night"};

struct PaymentFeature {
  PaymentField field = PaymentField::kAmount;
  std::optional<double> default_value;  // instead of missing
};

struct DeclaredFeature {
  std::string name;
  std::variant<PaymentFeature, state::FeatureDeclaration> source;
};

}  // namespace weir::operators
