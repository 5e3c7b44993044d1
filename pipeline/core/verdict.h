#pragma once
// What leaves Weir for every payment: one action, why, and what it was made from.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/core/event_time.h"
#include "pipeline/core/transaction.h"

namespace weir {

/// Mildest first: ties in expected cost go to the milder one. challenge and block are part of the
/// contract from the first day; the cost rule of `decide` chooses among approve, review and
/// decline.
enum class Action : std::uint8_t { kApprove, kChallenge, kReview, kDecline, kBlock };
std::string_view to_string(Action action);

/// Why the verdict is not made from everything it should be made from. Bits, so that they combine.
enum class Degraded : std::uint8_t {
  kNone = 0,
  kNoModel = 1,       // no model configured: cost rule with the prior only
  kScoreInvalid = 2,  // the model gave NaN or failed: safe action
  kPoison = 4,        // the record crashed the process before: safe action, not scored
  kProfileStale = 8,  // a profile it should see was too old, or made from other declarations
  kProfileDown = 16,  // nothing was heard of the stage that makes them
};
/// Those that take only features away: the score, where there is one, still decides.
inline constexpr std::uint8_t kDegradedFeatures =
    static_cast<std::uint8_t>(Degraded::kProfileStale) |
    static_cast<std::uint8_t>(Degraded::kProfileDown);

/// Which state of an entity's past a payment saw (operators/features/profile.h).
struct SeenProfile {
  std::uint8_t kind = 0;       // state::EntityKind
  std::int64_t as_of_ms = 0;   // event time that its values are of
  std::uint64_t sequence = 0;  // offset in topic entities behind the last record it was made from
  friend bool operator==(const SeenProfile&, const SeenProfile&) = default;
};
inline constexpr std::size_t kSeenProfilesMax = 4;

/// A value of this payment that is unusual for this user. Codes are a fixed catalogue
/// (operators/explain.h).
struct Reason {
  std::uint8_t code = 0;
  double value = 0;        // in the code's unit
  double typical_low = 0;  // the user's usual range, same unit
  double typical_high = 0;
};

/// Which model and which decision settings made a verdict.
struct Lineage {
  std::string model_name;  // empty: no model
  std::string model_version;
  std::string model_digest;  // "sha256:<64 hex>" of the package manifest
  std::string rules_digest;  // "sha256:<64 hex>" of the decide section in canonical form
  friend bool operator==(const Lineage&, const Lineage&) = default;
};

struct ExpectedCosts {  // major units of the payment's currency
  double approve = 0;
  double review = 0;
  double decline = 0;
};

inline constexpr std::size_t kReasonsMax = 3;

/// The decision part of a verdict: what state remembers to answer a duplicate with the first
/// verdict's content.
struct Decision {
  Action action = Action::kReview;
  std::optional<double> p;  // calibrated probability of fraud; absent when degraded
  ExpectedCosts costs;
  std::array<Reason, kReasonsMax> reasons{};
  std::uint8_t reason_count = 0;
  std::uint8_t degraded = 0;  // Degraded bits
  std::array<SeenProfile, kSeenProfilesMax> profiles{};
  std::uint8_t profile_count = 0;
  bool late = false;
  bool out_of_order = false;
};

}  // namespace weir
