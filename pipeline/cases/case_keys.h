#pragma once
// What can stand in a file of cases: the one list of its keys. The reader (case_file.h) takes these
// and no others, and the schema for editors (case_schema.h) is made from them.

#include <array>
#include <cstdint>
#include <string_view>

namespace weir::cases {

/// What stands behind a key.
enum class ValueForm : std::uint8_t {
  kText,
  kScalar,  // taken as it is written
  kTexts,
  kTime,      // 2018-06-11T10:00:00Z
  kDuration,  // 10m
  kTimes,     // 1 to kTimesMax
  kPayment,   // fields of a payment; kPaymentWords too
  kLabel,     // fields of a label; kLabelWords too
  kRecord,    // kRecordKeys
  kExpect,    // kExpectKeys, and fields of the verdict
  kCodes,     // of reasons, all of them in order
  kRejected,  // a reason of dead letters
  kFeatures,  // declared features by name
  kChance,    // a number from 0 to 1, or {from, to}
  kState,     // conditions by user
  kEvents,    // each of kEventKeys
  kCases,     // each of kCaseKeys
};

struct CaseKey {
  std::string_view name;
  ValueForm form;
  std::string_view about;
  bool required = false;
};

inline constexpr std::uint64_t kTimesMax = 10'000;

inline constexpr std::array<CaseKey, 4> kFileKeys = {{
    {"config", ValueForm::kText, "Configuration, relative to this file; --config outweighs it"},
    {"set", ValueForm::kTexts, "Keys to override, as --set: [decide.costs.review=5]"},
    {"defaults", ValueForm::kPayment, "Fields of every payment that does not say otherwise"},
    {"cases", ValueForm::kCases, "The cases; each runs alone, on an empty state", true},
}};

inline constexpr std::array<CaseKey, 4> kCaseKeys = {{
    {"name", ValueForm::kText, "What the case shows, as a sentence", true},
    {"now", ValueForm::kTime, "Where the case's clock starts; default 2024-01-01T00:00:00Z"},
    {"events", ValueForm::kEvents, "What happens, in this order", true},
    {"state", ValueForm::kState,
     "At the end, by user: a condition over what `weir state get` prints"},
}};

/// An event is one of the first kEventKinds.
inline constexpr std::size_t kEventKinds = 4;
inline constexpr std::array<CaseKey, 7> kEventKeys = {{
    {"payment", ValueForm::kPayment, "A payment comes; null leaves a field out"},
    {"label", ValueForm::kLabel, "A label comes; what it repeats of its payment is filled in"},
    {"record", ValueForm::kRecord, "A record of topic transactions, byte for byte"},
    {"advance", ValueForm::kDuration, "The clock moves on"},
    {"times", ValueForm::kTimes, "So many of it; default 1"},
    {"every", ValueForm::kDuration, "The clock moves on by this after each"},
    {"expect", ValueForm::kExpect, "What becomes of it, of the last of `times`"},
}};

inline constexpr std::array<CaseKey, 2> kRecordKeys = {{
    {"key", ValueForm::kScalar, "The record's key: a user id"},
    {"value", ValueForm::kScalar, "The record's value"},
}};

/// Beside these, any field of the verdict by its dotted path (tap/record_fields.h).
inline constexpr std::array<CaseKey, 6> kExpectKeys = {{
    {"dead_letter", ValueForm::kRejected, "It is refused for this reason; null: it is not"},
    {"detail", ValueForm::kText, "What the dead letter says about it"},
    {"reasons", ValueForm::kCodes, "Codes of the verdict's reasons, all of them in order"},
    {"features", ValueForm::kFeatures, "Declared features by name; null: missing"},
    {"p", ValueForm::kChance, "Probability of fraud, or bounds of it"},
    {"where", ValueForm::kText, "A condition over the verdict, as of `weir tap --where`"},
}};

/// A short word for a field; of `at` there is none, it moves the case's clock.
struct FieldWord {
  std::string_view name;
  std::string_view field;
};

inline constexpr std::array<FieldWord, 4> kPaymentWords = {
    {{"id", "transaction_id"}, {"user", "user_id"}, {"merchant", "merchant_id"}, {"at", ""}}};
inline constexpr std::array<FieldWord, 5> kLabelWords = {{{"of", "transaction_id"},
                                                          {"id", "transaction_id"},
                                                          {"user", "user_id"},
                                                          {"merchant", "merchant_id"},
                                                          {"fraud", "is_fraud"}}};

}  // namespace weir::cases
