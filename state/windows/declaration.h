#pragma once
// What a feature over the past is: which entity's events, which of them, which function of which
// field, over which time. Configuration is parsed into these; WindowPlan checks and compiles them.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/core/error.h"
#include "state/windows/event_row.h"

namespace weir::state {

/// Whose events. Each payment belongs to one of each kind that it names.
enum class EntityKind : std::uint8_t { kUser, kMerchant, kDevice, kIp, kCard };
inline constexpr std::string_view kEntityKindNames[] = {"user", "merchant", "device", "ip", "card"};
inline constexpr std::size_t kEntityKinds = std::size(kEntityKindNames);

enum class Field : std::uint8_t {
  kNone,
  kAmount,    // major units
  kRatio,     // amount over the user's median of the kRatioRows payments before; of an even number
              // the lower of the two in the middle. Absent without them, and where that is 0
  kFraud,     // 1 when known as fraud now, else 0
  kLabelled,  // 1 when any label is known now, else 0
  kUser,      // ids from here: only equality and distinct counts
  kMerchant,
  kDevice,
  kIp,
  kCard,
  kMcc,
  kCountry,
  kMerchantCountry,
  kChannel,
  kCurrency,
  kCardPresent,
};
inline constexpr std::string_view kFieldNames[] = {
    "",   "amount", "ratio", "fraud",   "labelled",         "user",    "merchant", "device",
    "ip", "card",   "mcc",   "country", "merchant_country", "channel", "currency", "card_present"};

enum class Function : std::uint8_t {
  kCount,
  kSum,
  kMean,
  kMin,
  kMax,
  kStddev,     // of the sample; missing below two events
  kDistinct,   // different present values
  kLast,       // value of the newest event before this one
  kTimeSince,  // seconds since the newest event before this one
  kMedian,     // amount, of the last `rows` events before this one; of an even number the mean of
               // the two in the middle
  // Of the newest labelled events, in event-time order. A run is the unbroken row of frauds at
  // their end.
  kLastLabel,  // 1 fraud, 0 genuine
  kRunAge,     // seconds since the first fraud of the run; missing without a run
  kRunCount,   // frauds in the run (that pass the filter)
};
inline constexpr std::string_view kFunctionNames[] = {
    "count", "sum",        "mean",   "min",        "max",     "stddev",   "distinct",
    "last",  "time_since", "median", "last_label", "run_age", "run_count"};

/// Over 32 the median itself is uncertain by a tenth, which blurs what is unusual.
inline constexpr std::size_t kRatioRows = 128;
inline constexpr std::size_t kMedianRowsMax = 128;
/// Labelled events an entity keeps for run functions and for models that attend to them.
inline constexpr std::size_t kLabelledRowsMax = 64;

enum class Comparison : std::uint8_t {
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual
};

/// One term of a filter. `value` is in the unit of value_of(): amounts in 1/kAmountScale, ratios in
/// 1/1000, ids and names as their hashes.
struct Condition {
  Field field = Field::kNone;
  Comparison comparison = Comparison::kEqual;
  std::int64_t value = 0;
  friend bool operator==(const Condition&, const Condition&) = default;
};
using Filter = std::vector<Condition>;  // all must hold; an absent value fulfils none but !=

struct FeatureDeclaration {
  std::string name;
  EntityKind entity = EntityKind::kUser;
  Function function = Function::kCount;
  Field field = Field::kNone;
  std::int64_t window_ms = 0;  // (t - delay - window, t - delay]; 0 where the function has none
  std::int64_t delay_ms = 0;
  Filter filter;
  std::size_t rows = 0;                 // kMedian only
  std::optional<double> default_value;  // instead of missing
};

/// The number a field stands for; 0 is "absent" for ids, names and ratio.
std::int64_t value_of(const EventRow& row, Field field);
/// Fields whose 0 means "absent": such events take no part in functions of that field.
bool may_be_absent(Field field);
/// Units of value_of() per unit of the feature's value.
std::int64_t scale_of(Field field);
bool passes(const EventRow& row, const Filter& filter);
/// True for filters whose outcome a label can change.
bool depends_on_label(const Filter& filter);

inline constexpr std::int64_t kWindowMinMs = 1'000;
inline constexpr std::int64_t kWindowMaxMs = 90LL * 86'400'000;

/// What is wrong with a declaration, in words a configuration's author understands; names no place.
Status validate(const FeatureDeclaration& declaration);

}  // namespace weir::state
