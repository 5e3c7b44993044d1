#include "operators/features/feature_engine.h"

#include <algorithm>
#include <limits>

#include "operators/features/calendar.h"
#include "operators/features/event_row.h"
#include "operators/history.h"
#include "pipeline/core/money.h"
#include "state/windows/window_plan.h"
#include "state/windows/window_values.h"

namespace weir::operators {
namespace {

using state::EntityKind;

constexpr std::size_t kUser = static_cast<std::size_t>(EntityKind::kUser);
constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

double value_of(PaymentField field, const Transaction& payment, const state::EventRow& row) {
  switch (field) {
    case PaymentField::kAmount:
      return major_units(payment.amount_minor, payment.currency);
    case PaymentField::kRatio:
      return row.ratio_milli == 0 ? kMissing : static_cast<double>(row.ratio_milli) / 1'000;
    case PaymentField::kHour:
      return static_cast<double>(hour_of_day(payment.event_time.ms));
    case PaymentField::kWeekend:
      return is_weekend(payment.event_time.ms) ? 1 : 0;
    case PaymentField::kNight:
      return is_night(payment.event_time.ms) ? 1 : 0;
  }
  return kMissing;
}

}  // namespace

struct FeatureEngine::PaymentValue {
  std::size_t place;  // among all features
  PaymentFeature feature;
};

/// One kind of entity: its compiled features, its windows, and where its values go.
struct FeatureEngine::Entity {
  Entity(std::shared_ptr<const state::WindowPlan> compiled, state::PageStore* pages)
      : plan(std::move(compiled)), values(plan->size()) {
    if (pages != nullptr) windows.emplace(*plan, *pages);
  }

  const std::shared_ptr<const state::WindowPlan> plan;
  std::optional<state::EntityWindows> windows;  // of users: in the store of the partition
  std::vector<std::size_t> places;              // of the plan's outputs among all features
  std::vector<double> values;                   // scratch

  void set_missing() {
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = plan->outputs[i].missing;
  }
};

FeatureEngine::FeatureEngine() = default;
FeatureEngine::~FeatureEngine() = default;

namespace {

bool wants_ratio(const DeclaredFeature& declared) {
  if (const auto* own = std::get_if<PaymentFeature>(&declared.source)) {
    return own->field == PaymentField::kRatio;
  }
  const auto& declaration = std::get<state::FeatureDeclaration>(declared.source);
  return declaration.field == state::Field::kRatio ||
         std::ranges::any_of(declaration.filter,
                             [](const auto& term) { return term.field == state::Field::kRatio; });
}
bool wants_ratio(const Settings& settings) {
  return settings.history.merchant_rows > 0 ||
         std::ranges::any_of(settings.features,
                             [](const DeclaredFeature& declared) { return wants_ratio(declared); });
}

/// Null when nothing needs this kind.
Result<std::shared_ptr<const state::WindowPlan>> plan_of(const Settings& settings,
                                                         EntityKind kind) {
  std::vector<state::FeatureDeclaration> windowed;
  for (const DeclaredFeature& declared : settings.features) {
    if (const auto* over = std::get_if<state::FeatureDeclaration>(&declared.source)) {
      windowed.push_back(*over);
    }
  }
  const std::size_t labelled_rows =
      kind == EntityKind::kMerchant ? settings.history.merchant_rows : 0;
  auto plan =
      state::WindowPlan::compile(kind, windowed, settings.input.lateness.count(), labelled_rows);
  if (!plan) return plan.error();
  // The ratio of any row is computed by the user's windows.
  const bool needed = plan->size() > 0 || plan->labelled_rows > 0 ||
                      (kind == EntityKind::kUser && wants_ratio(settings));
  if (!needed) return std::shared_ptr<const state::WindowPlan>();
  return std::make_shared<const state::WindowPlan>(*std::move(plan));
}

}  // namespace

Status newest_labelled(state::EntityWindows& windows, const state::WindowPlan& plan,
                       std::string_view id, std::vector<LabelledRow>& rows) {
  rows.clear();
  std::array<state::EventRow, state::kLabelledRowsMax> found;
  const auto count = windows.labelled_rows(id, std::span(found).first(plan.labelled_rows));
  if (!count) return count.error();
  for (const auto& row : std::span(found).first(*count)) rows.push_back(labelled_row(row));
  return ok();
}

Result<std::shared_ptr<const state::WindowPlan>> user_window_plan(const Settings& settings) {
  return plan_of(settings, EntityKind::kUser);
}

Result<state::WindowPlans> entity_window_plans(const Settings& settings) {
  state::WindowPlans plans;
  for (std::size_t kind = kUser + 1; kind < state::kEntityKinds; ++kind) {
    auto plan = plan_of(settings, static_cast<EntityKind>(kind));
    if (!plan) return plan.error();
    plans.by_kind[kind] = *std::move(plan);
  }
  return plans;
}

Result<std::unique_ptr<FeatureEngine>> FeatureEngine::make(const Settings& settings,
                                                           const PageStores& stores,
                                                           const ProfileSource* profiles) {
  std::unique_ptr<FeatureEngine> engine(new FeatureEngine());
  engine->profiles_ = profiles;
  engine->merchant_rows_max_ = settings.history.merchant_rows;
  std::array<std::vector<std::size_t>, state::kEntityKinds> places;
  for (const DeclaredFeature& declared : settings.features) {
    const std::size_t place = engine->names_.size();
    engine->names_.push_back(declared.name);
    if (const auto* own = std::get_if<PaymentFeature>(&declared.source)) {
      engine->payment_values_.push_back({place, *own});
    } else {
      const auto& declaration = std::get<state::FeatureDeclaration>(declared.source);
      places[static_cast<std::size_t>(declaration.entity)].push_back(place);
    }
  }
  for (std::size_t kind = 0; kind < state::kEntityKinds; ++kind) {
    auto plan = plan_of(settings, static_cast<EntityKind>(kind));
    if (!plan) return plan.error();
    auto& entity = engine->entities_.emplace_back();
    if (*plan == nullptr) continue;
    entity = std::make_unique<Entity>(*std::move(plan), kind == kUser ? nullptr : stores[kind]);
    entity->places = std::move(places[kind]);
  }
  return engine;
}

Result<PaymentPast> FeatureEngine::process(const Transaction& payment, bool late,
                                           state::EntityWindows* users, std::span<double> values) {
  WEIR_CHECK(values.size() == size());
  PaymentPast past;
  past.row = make_event_row(payment);
  past.knows_merchants = merchant_rows_max_ > 0;
  WEIR_RETURN_IF_ERROR(evaluate(payment, late, users, past));
  remove_payment(past.merchant, past.row);
  past.merchant_values.reserve(past.merchant.size());
  for (const LabelledRow& row : past.merchant) {
    past.merchant_values.push_back(merchant_row_values(row, past.row));
  }
  for (const auto& entity : entities_) {
    if (!entity) continue;
    for (std::size_t i = 0; i < entity->places.size(); ++i) {
      values[entity->places[i]] = entity->values[i];
    }
  }
  for (const auto& [place, feature] : payment_values_) {
    const double value = value_of(feature.field, payment, past.row);
    values[place] = value == value ? value : feature.default_value.value_or(kMissing);
  }
  if (!late) WEIR_RETURN_IF_ERROR(add_to_entities(payment, past.row));
  return past;
}

/// Fills the values of every entity; adds the payment to its user, whose windows complete the row.
Status FeatureEngine::evaluate(const Transaction& payment, bool late, state::EntityWindows* users,
                               PaymentPast& past) {
  const auto ids = entity_ids(payment);
  for (std::size_t kind = 0; kind < entities_.size(); ++kind) {
    if (!entities_[kind]) continue;
    Entity& entity = *entities_[kind];
    state::EntityWindows* windows = windows_of(kind, users);
    if (ids[kind].empty()) {
      entity.set_missing();
    } else if (windows == nullptr) {
      look_up(kind, ids[kind], past);
    } else if (kind == kUser && !late) {
      auto kept = windows->add(ids[kind], past.row, entity.values);
      if (!kept) return kept.error();
      past.row.ratio_milli = kept->ratio_milli;  // and nothing else: the rest is the user's
    } else {
      const auto known = windows->evaluate(ids[kind], past.row.time_ms, entity.values);
      if (!known) return known.error();
    }
    if (windows != nullptr && entity.plan->labelled_rows > 0 && !ids[kind].empty()) {
      WEIR_RETURN_IF_ERROR(newest_labelled(*windows, *entity.plan, ids[kind], past.merchant));
    }
  }
  return ok();
}

/// What was last heard of an entity whose windows are kept elsewhere.
void FeatureEngine::look_up(std::size_t kind, std::string_view id, PaymentPast& past) {
  Entity& entity = *entities_[kind];
  entity.set_missing();
  if (!has_profiles(static_cast<EntityKind>(kind))) return;
  ProfileVersion version;
  switch (profiles_->find(static_cast<EntityKind>(kind), id, entity.plan->values_digest,
                          entity.values, version,
                          entity.plan->labelled_rows > 0 ? &past.merchant : nullptr)) {
    case ProfileState::kCurrent:
      past.profiles[past.profile_count++] = {static_cast<std::uint8_t>(kind), version.as_of_ms,
                                             version.sequence};
      return;
    case ProfileState::kNone:
      return state::write_empty_values(*entity.plan, entity.values);
    case ProfileState::kStale:
      past.degraded |= static_cast<std::uint8_t>(Degraded::kProfileStale);
      return;
    case ProfileState::kDown:
      past.degraded |= static_cast<std::uint8_t>(Degraded::kProfileDown);
      return;
  }
}

bool FeatureEngine::has_profiles(EntityKind kind) const {
  const auto& entity = entities_[static_cast<std::size_t>(kind)];
  return profiles_ != nullptr && kind != EntityKind::kUser && entity && !entity->windows;
}

Status FeatureEngine::add_to_entities(const Transaction& payment, const state::EventRow& row) {
  const auto ids = entity_ids(payment);
  for (std::size_t kind = kUser + 1; kind < entities_.size(); ++kind) {
    state::EntityWindows* windows = windows_of(kind, nullptr);
    if (windows == nullptr || ids[kind].empty()) continue;
    if (auto kept = windows->add(ids[kind], row, {}); !kept) return kept.error();
  }
  return ok();
}

/// Null: no feature reads this kind, or nobody keeps it here.
state::EntityWindows* FeatureEngine::windows_of(std::size_t kind,
                                                state::EntityWindows* users) const {
  const auto& entity = entities_[kind];
  if (!entity) return nullptr;
  if (kind == kUser) return users;
  return entity->windows ? &*entity->windows : nullptr;
}

state::LabelOpinion label_opinion(const FraudLabel& label) {
  return {.transaction = hash_id(label.transaction_id),
          .event_time_ms = label.event_time.ms,
          .fraud = label.is_fraud,
          .label_time_ms = label.label_time.ms,
          .label_id = hash_id(label.label_id),
          .revision = label.revision};
}

Result<LabelOutcomes> FeatureEngine::label(const FraudLabel& label, state::EntityWindows* users) {
  const state::LabelOpinion opinion = label_opinion(label);
  const auto ids = entity_ids(label);
  LabelOutcomes outcomes;
  for (std::size_t kind = 0; kind < entities_.size(); ++kind) {
    state::EntityWindows* windows = windows_of(kind, users);
    if (windows == nullptr || ids[kind].empty()) continue;
    const auto outcome = windows->label(ids[kind], opinion);
    if (!outcome) return outcome.error();
    outcomes[kind] = *outcome;
  }
  return outcomes;
}

}  // namespace weir::operators
