#pragma once
// All declared features of a payment, in one call; and where labels go. The one implementation
// behind `weir run`, `weir replay` and `weir features`.
//
//   user       windows include the payment itself
//   others     (merchant, device, ip, card) what was known just before the payment; then it is
//   added late       (see operators/history.h) sees the windows as they are now, and enters none
//   absent     a payment without a device has no value over devices: missing, not zero
//
// Beside the values it gives the merchant's newest labelled payments one by one
// (merchant_rows.h), of the same moment as the values over merchants.
//
// A label reaches the windows of every entity that it names itself: always its user and merchant,
// device, ip and card if they are in the label. What it does not name it does not reach, whether it
// comes before or after its payment.
//
// The windows of users lie in the store of the user's partition, with everything else that is known
// of the user; who calls brings them along. The past of the other kinds is
//
//   local      in stores of their own: replay and `weir features`, where one process sees
//   everything profiles   made by stage "entities" from what the caller sends it (entity_event.h):
//   `weir run`.
//              They trail by a commit or two and are as of the entity's last event, so the
//              payment's record names their version
//
// Entities are known to local stores by their ids as text. Threads: none; one worker uses it.

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "operators/features/declared_feature.h"
#include "operators/features/merchant_rows.h"
#include "operators/features/profile.h"
#include "operators/settings.h"
#include "pipeline/core/error.h"
#include "pipeline/core/label.h"
#include "pipeline/core/transaction.h"
#include "pipeline/core/verdict.h"
#include "state/user_store.h"
#include "state/windows/entity_windows.h"
#include "state/windows/page_store.h"

namespace weir::operators {

/// Where the windows of merchants, devices, addresses and cards live, by EntityKind; null: nowhere.
/// That of users is not used. All must outlive the engine.
using PageStores = std::array<state::PageStore*, state::kEntityKinds>;

/// The features over users, compiled: what every UserStore must be opened with. Null when nothing
/// declared needs the windows of users.
Result<std::shared_ptr<const state::WindowPlan>> user_window_plan(const Settings& settings);

/// The same over merchants, devices, addresses and cards, by EntityKind: what stage "entities"
/// keeps.
Result<state::WindowPlans> entity_window_plans(const Settings& settings);

/// The newest labelled payments of a merchant, newest first, as many as its plan keeps.
Status newest_labelled(state::EntityWindows& windows, const state::WindowPlan& plan,
                       std::string_view id, std::vector<LabelledRow>& rows);

/// What the features of a payment were made from, and what else is known of whom it involves.
struct PaymentPast {
  state::EventRow row;  // the payment as entities remember it, its user's part filled in
  std::array<SeenProfile, kSeenProfilesMax> profiles{};
  std::uint8_t profile_count = 0;
  std::uint8_t degraded = 0;  // Degraded bits
  /// The merchant's newest labelled payments as known just before this one, newest first; at most
  /// history.merchant_rows. Without a current profile: none.
  std::vector<LabelledRow> merchant;
  std::vector<MerchantRowValues> merchant_values;  // of these rows, as seen from this payment
  bool knows_merchants = false;                    // history.merchant_rows is above 0
};

/// A label as windows take it.
state::LabelOpinion label_opinion(const FraudLabel& label);

/// By EntityKind; nullopt: the label does not name one, or nothing is kept for this kind.
using LabelOutcomes = std::array<std::optional<state::LabelOutcome>, state::kEntityKinds>;

class FeatureEngine {
 public:
  /// Compiles the declared features. Error: which one is wrong, and why.
  /// `profiles` may be null, and is asked for the kinds that have no store; it must outlive this.
  static Result<std::unique_ptr<FeatureEngine>> make(const Settings& settings,
                                                     const PageStores& stores,
                                                     const ProfileSource* profiles = nullptr);
  ~FeatureEngine();

  [[nodiscard]] std::size_t size() const { return names_.size(); }
  /// In the order of the declarations, as all values are.
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }

  /// Writes size() values; NaN is "missing". An Error is one of the stores: the caller rolls back.
  /// `users` are the windows of the payment's partition (UserStore::windows()).
  Result<PaymentPast> process(const Transaction& payment, bool late, state::EntityWindows* users,
                              std::span<double> values);
  /// Whether the past of this kind comes as profiles: its events and labels must be sent on.
  [[nodiscard]] bool has_profiles(state::EntityKind kind) const;

  Result<LabelOutcomes> label(const FraudLabel& label, state::EntityWindows* users);

 private:
  struct Entity;
  struct PaymentValue;

  FeatureEngine();
  Status evaluate(const Transaction& payment, bool late, state::EntityWindows* users,
                  PaymentPast& past);
  void look_up(std::size_t kind, std::string_view id, PaymentPast& past);
  [[nodiscard]] state::EntityWindows* windows_of(std::size_t kind,
                                                 state::EntityWindows* users) const;
  Status add_to_entities(const Transaction& payment, const state::EventRow& row);

  std::vector<std::string> names_;
  std::size_t merchant_rows_max_ = 0;
  std::vector<PaymentValue> payment_values_;
  std::vector<std::unique_ptr<Entity>> entities_;  // by EntityKind; null: no feature reads it
  const ProfileSource* profiles_ = nullptr;
};

/// The ids of the entities a payment or label belongs to, by EntityKind; empty: it names none.
template <class Named>
std::array<std::string_view, state::kEntityKinds> entity_ids(const Named& named) {
  return {named.user_id, named.merchant_id, named.device_id, named.ip, named.card_token};
}

}  // namespace weir::operators
