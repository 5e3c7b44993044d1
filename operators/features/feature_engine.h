#pragma once
// All declared features of a payment, in one call; and where labels go. The one implementation
// behind `weir run`, `weir replay` and `weir features`.
//
//   user       windows include the payment itself
//   others     (merchant, device, ip, card) what was known just before the payment; then it is
//   added late       (see operators/history.h) sees the windows as they are now, and enters none
//   absent     a payment without a device has no value over devices: missing, not zero
//
// A label reaches the windows of every entity that it names itself: always its user and merchant,
// device, ip and card if they are in the label. What it does not name it does not reach, whether it
// comes before or after its payment.
//
// The windows of users lie in the store of the user's partition, with everything else that is known
// of the user; who calls brings them along. The windows of the other kinds have stores of their
// own, or none: what only they know is missing then.
//
// Entities are known to their stores by their ids as text. Threads: none; one worker uses it.

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "operators/features/declared_feature.h"
#include "operators/settings.h"
#include "pipeline/core/error.h"
#include "pipeline/core/label.h"
#include "pipeline/core/transaction.h"
#include "state/windows/entity_windows.h"
#include "state/windows/page_store.h"

namespace weir::operators {

/// Where the windows of merchants, devices, addresses and cards live, by EntityKind; null: nowhere.
/// That of users is not used. All must outlive the engine.
using PageStores = std::array<state::PageStore*, state::kEntityKinds>;

/// The features over users, compiled: what every UserStore must be opened with. Null when nothing
/// declared needs the windows of users.
Result<std::shared_ptr<const state::WindowPlan>> user_window_plan(const Settings& settings);

/// By EntityKind; nullopt: the label does not name one, or nothing is kept for this kind.
using LabelOutcomes = std::array<std::optional<state::LabelOutcome>, state::kEntityKinds>;

class FeatureEngine {
 public:
  /// Compiles the declared features. Error: which one is wrong, and why.
  static Result<std::unique_ptr<FeatureEngine>> make(const Settings& settings,
                                                     const PageStores& stores);
  ~FeatureEngine();

  [[nodiscard]] std::size_t size() const { return names_.size(); }
  /// In the order of the declarations, as all values are.
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }

  /// Writes size() values; NaN is "missing". An Error is one of the stores: the caller rolls back.
  /// `users` are the windows of the payment's partition (UserStore::windows()).
  Status process(const Transaction& payment, bool late, state::EntityWindows* users,
                 std::span<double> values);

  Result<LabelOutcomes> label(const FraudLabel& label, state::EntityWindows* users);

 private:
  struct Entity;
  struct PaymentValue;

  FeatureEngine();
  Status evaluate(const Transaction& payment, bool late, state::EntityWindows* users,
                  state::EventRow& row);
  [[nodiscard]] state::EntityWindows* windows_of(std::size_t kind,
                                                 state::EntityWindows* users) const;
  Status add_to_entities(const Transaction& payment, const state::EventRow& row);

  std::vector<std::string> names_;
  std::vector<PaymentValue> payment_values_;
  std::vector<std::unique_ptr<Entity>> entities_;  // by EntityKind; null: no feature reads it
};

}  // namespace weir::operators
