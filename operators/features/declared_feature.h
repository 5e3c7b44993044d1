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
  /// The filter in one form of words (config/filter_text.h): conditions hold hashes of names.
  std::string filter;
};

/// What a feature means, in one line that does not depend on how it was written: packages carry it
/// for the features they read, and a configuration that declares something else under the name is
/// refused. So its form must not change:
///
///   payment value amount
///   user median amount rows=32
///   merchant mean fraud window=7d delay=7d default=0
///   device count window=1h filter=(amount >= 100 and channel = web)
///
/// Entity, function, field where there is one, then window, delay (left out where 0), rows, filter
/// and default, each where given; durations in the largest unit that divides them, numbers as the
/// shortest text that reads back to the same.
std::string definition_text(const DeclaredFeature& feature);

/// The entry of `features` that such a definition stands for:
/// {name: x, entity: merchant, function: mean, field: fraud, window: 7d, delay: 7d, default: 0}
std::string yaml_entry(std::string_view name, std::string_view definition);

}  // namespace weir::operators
