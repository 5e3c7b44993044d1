#include "tests/unit/windows/windows_world.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <string>

#include "state/windows/page_store.h"
#include "state/windows/window_plan.h"
#include "tests/unit/windows/windows_oracle.h"

namespace weir::state {
namespace {

using Random = std::mt19937_64;

bool chance(Random& random, double share) {
  return std::generate_canonical<double, 53>(random) < share;
}
/// From `low` to `high`, both included.
std::int64_t between(Random& random, std::int64_t low, std::int64_t high) {
  return std::uniform_int_distribution<std::int64_t>(low, high)(random);
}
template <class T, std::size_t n>
T one_of(Random& random, const T (&list)[n]) {
  return list[static_cast<std::size_t>(between(random, 0, n - 1))];
}

constexpr std::int64_t kDelaysMs[] = {0, 0, 0, 500, kMinuteMs, kDayMs, 7 * kDayMs};

std::vector<Filter> filters() {
  return {
      {},
      {{Field::kFraud, Comparison::kEqual, 1}},
      {{Field::kLabelled, Comparison::kEqual, 1}},
      {{Field::kAmount, Comparison::kGreaterEqual, 200 * kAmountScale}},
      {{Field::kChannel, Comparison::kEqual, 2}, {Field::kFraud, Comparison::kEqual, 0}},
      {{Field::kRatio, Comparison::kGreater, 1'500}},
      {{Field::kMcc, Comparison::kLess, 20}},
      {{Field::kCardPresent, Comparison::kNotEqual, 2}},
      {{Field::kFraud, Comparison::kNotEqual, 1}},
      {{Field::kLabelled, Comparison::kEqual, 0},
       {Field::kAmount, Comparison::kLess, 400 * kAmountScale}},
      {{Field::kRatio, Comparison::kNotEqual, 1'000}},
      {{Field::kAmount, Comparison::kLessEqual, 0}},
  };
}

bool is_run(Function function) {
  return function == Function::kLastLabel || function == Function::kRunAge ||
         function == Function::kRunCount;
}

std::vector<Field> fields_for(Function function) {
  switch (function) {
    case Function::kSum:
    case Function::kMean:
    case Function::kStddev:
    case Function::kLast:
      return {Field::kAmount, Field::kRatio, Field::kFraud, Field::kLabelled};
    case Function::kMin:
    case Function::kMax:
      return {Field::kAmount, Field::kRatio};
    case Function::kDistinct:
      return {Field::kMerchant, Field::kDevice,   Field::kIp,         Field::kCard,
              Field::kUser,     Field::kMcc,      Field::kCountry,    Field::kMerchantCountry,
              Field::kChannel,  Field::kCurrency, Field::kCardPresent};
    case Function::kMedian:
      return {Field::kAmount};
    default:
      return {Field::kNone};
  }
}

FeatureDeclaration declare(Function function, Field field, std::int64_t window_ms,
                           std::int64_t delay_ms, Filter filter, std::size_t rows) {
  FeatureDeclaration feature;
  feature.function = function;
  feature.field = field;
  if (function == Function::kMedian) {
    feature.rows = rows;
  } else if (!is_run(function)) {
    feature.window_ms = window_ms;
    feature.delay_ms = delay_ms;
  }
  const bool filtered = function != Function::kMedian && function != Function::kLastLabel &&
                        function != Function::kRunAge;
  if (filtered) feature.filter = std::move(filter);
  return feature;
}

/// What a changelog would hold, compacted.
class Journal final : public WindowJournal {
 public:
  struct Entity {
    std::map<std::uint32_t, EventRow> rows;  // by arrival
    std::map<std::uint64_t, LabelOpinion> waiting;
  };
  std::map<std::string, Entity, std::less<>> entities;

  void row_put(std::string_view entity, const EventRow& row) override {
    of(entity).rows[row.sequence] = row;
  }
  void row_dropped(std::string_view entity, std::uint32_t sequence) override {
    of(entity).rows.erase(sequence);
  }
  void label_waits(std::string_view entity, const LabelOpinion& opinion) override {
    of(entity).waiting[opinion.transaction] = opinion;
  }
  void label_taken(std::string_view entity, std::uint64_t transaction) override {
    of(entity).waiting.erase(transaction);
  }

 private:
  Entity& of(std::string_view name) { return entities[std::string(name)]; }
};

/// Leads one world. Payments that are planned have their label said before they arrive.
class Life {
 public:
  Life(const World& world, std::uint64_t seed)
      : world_(world),
        random_(seed),
        seed_(seed),
        oracle_(world.kind, world.features, world.lateness_ms),
        plan_(compiled(world)),
        pages_(std::make_unique<MemoryPageStore>()),
        engine_(std::make_unique<EntityWindows>(plan_, *pages_, &journal_)),
        values_(plan_.size()) {}

  Tally lead() {
    for (std::size_t i = 0; i < world_.events && tally_.disagreement.empty(); ++i) {
      step();
      for (double labels = world_.labels; labels > 0; --labels) {
        if (chance(random_, labels)) label();
      }
      if (chance(random_, 0.01)) evaluate(pick_entity(), now_ms_ + between(random_, -1000, 1000));
      if (chance(random_, world_.rebuild)) rebuild(pick_entity());
      if (chance(random_, world_.restore)) restore();
      if (chance(random_, 0.02)) compare_labelled(pick_entity());
      if (i + 1 == world_.events / 2) plan_payments(20);
    }
    for (std::size_t i = 0; i < std::min<std::size_t>(world_.entities, 200); ++i) {
      if (!tally_.disagreement.empty()) break;
      thorough_ = true;
      evaluate(name_of(i), now_ms_);
    }
    return tally_;
  }

 private:
  struct Said {
    std::string entity;
    std::uint64_t transaction = 0;
    std::int64_t time_ms = 0;
  };
  struct Planned {
    std::string entity;
    EventRow row;
  };

  static WindowPlan compiled(const World& world) {
    auto plan = WindowPlan::compile(world.kind, world.features, world.lateness_ms);
    if (!plan) {
      std::fprintf(stderr, "%s\n", plan.error().message.c_str());
      std::abort();
    }
    return *plan;
  }

  static std::string name_of(std::size_t number) { return "entity-" + std::to_string(number); }

  std::string pick_entity() {
    if (chance(random_, world_.hot)) return name_of(0);
    // Few with many events, many with few.
    const double share = std::pow(std::generate_canonical<double, 53>(random_), 3);
    return name_of(static_cast<std::size_t>(share * static_cast<double>(world_.entities)));
  }

  std::uint64_t pick_id() {
    const std::int64_t number = between(random_, 0, static_cast<std::int64_t>(world_.id_values));
    return static_cast<std::uint64_t>(number) * 0x9E3779B97F4A7C15ULL;  // 0 stays absent
  }

  EventRow make_row(std::int64_t time_ms) {
    EventRow row;
    row.time_ms = time_ms;
    row.transaction = ++transactions_ * 0xD6E8FEB86659FD93ULL;
    row.amount = between(random_, 1, 500 * 100) * (kAmountScale / 100);
    if (chance(random_, 0.02)) row.amount = 0;
    if (chance(random_, 0.001)) row.amount = between(random_, 1, 1'000'000'000'000'000);
    row.user = pick_id();
    row.merchant = pick_id();
    row.device = pick_id();
    row.ip = pick_id();
    row.card = pick_id();
    row.currency = one_of(random_, {std::uint16_t{978}, std::uint16_t{840}, std::uint16_t{999}});
    row.mcc = static_cast<std::uint16_t>(between(random_, 0, 40));
    row.country = static_cast<std::uint16_t>(between(random_, 0, 5));
    row.merchant_country = static_cast<std::uint16_t>(between(random_, 0, 5));
    row.channel = static_cast<std::uint16_t>(between(random_, 0, 4));
    row.card_present = static_cast<std::uint8_t>(between(random_, 0, 2));
    if (world_.kind != EntityKind::kUser && chance(random_, 0.9)) {
      row.ratio_milli = static_cast<std::uint32_t>(between(random_, 1, 5'000));
    }
    return row;
  }

  void step() {
    if (!planned_.empty() && chance(random_, 0.05)) {
      const auto at = static_cast<std::size_t>(
          between(random_, 0, static_cast<std::int64_t>(planned_.size()) - 1));
      Planned planned = planned_[at];
      planned_.erase(planned_.begin() + static_cast<std::ptrdiff_t>(at));
      return add(planned.entity, planned.row);
    }
    if (!chance(random_, world_.same_time)) {
      now_ms_ += static_cast<std::int64_t>(
          std::exponential_distribution<double>(1 / world_.mean_step_ms)(random_));
    }
    if (chance(random_, world_.jump)) now_ms_ += between(random_, kHourMs, 200 * kDayMs);

    const std::string name = pick_entity();
    if (chance(random_, world_.repeats)) repeat_ = repeat_of(name);
    EventRow row = repeat_ ? *repeat_ : make_row(now_ms_);
    if (!repeat_) {
      if (chance(random_, world_.edge)) row.time_ms = edge_of(name);
      if (chance(random_, world_.out_of_order))
        row.time_ms -= between(random_, 0, world_.lateness_ms);
      if (chance(random_, 0.001)) row.time_ms -= oracle_.span_ms() + between(random_, 0, kDayMs);
    }
    repeat_.reset();
    if (chance(random_, 0.001)) row.time_ms -= oracle_.span_ms() / 2;
    now_ms_ = std::max(now_ms_, row.time_ms);
    add(name, row);
  }

  /// The same payment with another id, as a careless producer resends it.
  std::optional<EventRow> repeat_of(const std::string& name) {
    const auto& rows = oracle_.entity(name).rows;
    if (rows.empty()) return std::nullopt;
    EventRow row =
        rows[rows.size() - 1 -
             static_cast<std::size_t>(
                 between(random_, 0,
                         std::min<std::int64_t>(3, static_cast<std::int64_t>(rows.size()) - 1)))];
    row.transaction = ++transactions_ * 0xD6E8FEB86659FD93ULL;
    row.label = Label::kUnknown;
    row.label_time_ms = 0;
    row.label_id = 0;
    row.label_revision = 0;
    return row;
  }

  /// A time at which some event of the entity enters or leaves some window.
  std::int64_t edge_of(const std::string& name) {
    const auto& rows = oracle_.entity(name).rows;
    if (rows.empty()) return now_ms_;
    for (int attempt = 0; attempt < 8; ++attempt) {
      const auto& row = rows[static_cast<std::size_t>(
          between(random_, 0, static_cast<std::int64_t>(rows.size()) - 1))];
      const auto& feature = world_.features[static_cast<std::size_t>(
          between(random_, 0, static_cast<std::int64_t>(world_.features.size()) - 1))];
      const std::int64_t length = chance(random_, 0.5) ? feature.window_ms : 0;
      const std::int64_t at = row.time_ms + feature.delay_ms + length + between(random_, -1, 1);
      if (at >= now_ms_ - world_.lateness_ms && at <= now_ms_ + world_.edge_reach_ms) return at;
    }
    return now_ms_;
  }

  void plan_payments(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      Planned planned{pick_entity(),
                      make_row(now_ms_ - between(random_, 0, world_.lateness_ms / 2))};
      say(planned.entity, planned.row.transaction, planned.row.time_ms);
      if (chance(random_, 0.3)) say(planned.entity, planned.row.transaction, planned.row.time_ms);
      planned_.push_back(std::move(planned));
    }
  }

  void add(const std::string& name, const EventRow& row) {
    const auto& known = oracle_.entity(name);
    const bool late = known.frontier_ms && row.time_ms < *known.frontier_ms;
    if (known.frontier_ms && row.time_ms == *known.frontier_ms) ++tally_.ties;
    ++tally_.events;
    auto moment = oracle_.arrive(name, row);
    std::fill(values_.begin(), values_.end(), -12345.0);
    const auto kept = engine_->add(name, row, values_);
    what_ = "payment at " + std::to_string(row.time_ms) + (late ? ", out of order" : "");
    if (!kept) return disagree(name, "error: " + kept.error().message);
    if (!moment.ratio_promised) WindowsOracle::believe(moment, kept->ratio_milli);
    if (!moment.kept || !moment.exact) {
      ++tally_.too_late;
    } else {
      tally_.out_of_order += late ? 1 : 0;
      compare(name, moment);
    }
    const EventRow expected = oracle_.settle(moment);
    if (expected.label != Label::kUnknown) ++tally_.waited;
    EventRow got = *kept;
    got.sequence = expected.sequence;  // their numbering is their own affair
    if (std::memcmp(&got, &expected, sizeof got) != 0) {
      disagree(name, "the row as kept: ratio " + std::to_string(got.ratio_milli) + " for " +
                         std::to_string(expected.ratio_milli) + ", label " +
                         std::to_string(static_cast<int>(got.label)) + " for " +
                         std::to_string(static_cast<int>(expected.label)));
    }
    if (said_.size() < 5'000) {
      said_.push_back({name, row.transaction, row.time_ms});
    } else {
      said_[tally_.events % said_.size()] = {name, row.transaction, row.time_ms};
    }
    if (chance(random_, 0.003)) plan_payments(1);
  }

  void label() {
    if (said_.empty()) return;
    if (chance(random_, 0.02))
      return say(pick_entity(), random_(), now_ms_ - between(random_, 0, kDayMs));
    const Said said = said_[static_cast<std::size_t>(
        between(random_, 0, static_cast<std::int64_t>(said_.size()) - 1))];
    say(said.entity, said.transaction, said.time_ms);
  }

  void say(const std::string& name, std::uint64_t transaction, std::int64_t event_time_ms) {
    LabelOpinion opinion;
    opinion.transaction = transaction;
    opinion.event_time_ms = event_time_ms;
    opinion.fraud = chance(random_, 0.4);
    opinion.label_time_ms = event_time_ms + between(random_, 0, 5) * kDayMs;
    opinion.label_id = static_cast<std::uint64_t>(between(random_, 1, 3));
    opinion.revision = static_cast<std::uint32_t>(between(random_, 0, 3));
    ++tally_.labels;
    if (oracle_.entity(name).waiting.size() > 200) return;  // what is bounded is tested elsewhere
    const auto expected = oracle_.label(name, opinion);
    const auto got = engine_->label(name, opinion);
    what_ = "label for the payment at " + std::to_string(event_time_ms);
    if (!got) return disagree(name, "error: " + got.error().message);
    if (*got != expected) {
      disagree(name, "outcome " + std::to_string(static_cast<int>(*got)) + " for " +
                         std::to_string(static_cast<int>(expected)));
    }
  }

  void evaluate(const std::string& name, std::int64_t time_ms) {
    ++tally_.evaluations;
    const auto moment = oracle_.look(name, time_ms);
    std::fill(values_.begin(), values_.end(), -12345.0);
    const auto known = engine_->evaluate(name, time_ms, values_);
    what_ = "evaluation at " + std::to_string(time_ms);
    if (!known) return disagree(name, "error: " + known.error().message);
    compare(name, moment);
  }

  void rebuild(const std::string& name) {
    ++tally_.rebuilds;
    what_ = "rebuild";
    if (const auto done = engine_->rebuild(name); !done) {
      return disagree(name, "error: " + done.error().message);
    }
    if (const auto frontier_ms = oracle_.entity(name).frontier_ms) evaluate(name, *frontier_ms);
  }

  /// The rows come back in any order, some of them twice.
  void restore() {
    ++tally_.restores;
    what_ = "restore";
    auto pages = std::make_unique<MemoryPageStore>();
    auto engine = std::make_unique<EntityWindows>(plan_, *pages, &journal_);
    for (const auto& [name, kept] : journal_.entities) {
      std::vector<EventRow> rows;
      for (const auto& [sequence, row] : kept.rows) {
        rows.push_back(row);
        if (chance(random_, 0.1)) rows.push_back(row);
      }
      if (chance(random_, 0.5)) std::shuffle(rows.begin(), rows.end(), random_);
      for (const EventRow& row : rows) {
        if (const auto put = engine->put(name, row); !put) {
          return disagree(name, "error: " + put.error().message);
        }
      }
      for (const auto& [transaction, opinion] : kept.waiting) {
        if (const auto put = engine->put_waiting(name, opinion); !put) {
          return disagree(name, "error: " + put.error().message);
        }
      }
    }
    engine_ = std::move(engine);
    pages_ = std::move(pages);
    const auto entities = journal_.entities;  // evaluation may drop rows
    for (const auto& [name, kept] : entities) {
      if (const auto frontier_ms = oracle_.entity(name).frontier_ms) evaluate(name, *frontier_ms);
    }
  }

  void compare_labelled(const std::string& name) {
    if (!plan_.needs_labelled) return;
    const auto expected = WindowsOracle::labelled_rows(oracle_.entity(name));
    EventRow got[kLabelledRowsMax];
    const auto count = engine_->labelled_rows(name, got);
    what_ = "newest labelled";
    if (!count) return disagree(name, "error: " + count.error().message);
    if (*count != expected.size()) {
      return disagree(name, std::to_string(*count) + " for " + std::to_string(expected.size()));
    }
    for (std::size_t i = 0; i < expected.size(); ++i) {
      got[i].sequence = expected[i].sequence;
      if (std::memcmp(&got[i], &expected[i], sizeof got[i]) != 0) {
        return disagree(name, "labelled row " + std::to_string(i));
      }
    }
  }

  void compare(const std::string& name, const WindowsOracle::Moment& moment) {
    for (std::size_t i = 0; i < values_.size(); ++i) {
      const std::size_t cost = oracle_.cost(moment, i);
      const double share = thorough_ ? 1 : world_.check_budget / static_cast<double>(cost + 1);
      if (share < 1 && !chance(random_, share)) continue;
      const double expected = oracle_.value(moment, i);
      ++tally_.values;
      tally_.missing += std::isnan(expected) ? 1 : 0;
      tally_.longest_window = std::max(tally_.longest_window, cost);
      if (same_bits(expected, values_[i])) continue;
      char numbers[128];
      std::snprintf(numbers, sizeof numbers, "%.17g for %.17g", values_[i], expected);
      return disagree(name, "feature " + std::to_string(i) + ", " + describe(world_.features[i]) +
                                ": " + numbers);
    }
  }

  void disagree(const std::string& name, const std::string& text) {
    if (!tally_.disagreement.empty()) return;
    tally_.disagreement = "world " + world_.name + ", seed " + std::to_string(seed_) + ", event " +
                          std::to_string(tally_.events) + ", " + name + ", " + what_ + ": " + text;
  }

  const World& world_;
  Random random_;
  std::uint64_t seed_;
  WindowsOracle oracle_;
  WindowPlan plan_;
  Journal journal_;
  std::unique_ptr<MemoryPageStore> pages_;
  std::unique_ptr<EntityWindows> engine_;
  std::vector<double> values_;
  std::vector<Said> said_;
  std::vector<Planned> planned_;
  std::optional<EventRow> repeat_;
  std::int64_t now_ms_ = kStartMs;
  std::uint64_t transactions_ = 0;
  bool thorough_ = false;
  std::string what_;
  Tally tally_;
};

}  // namespace

Tally& Tally::operator+=(const Tally& other) {
  events += other.events;
  out_of_order += other.out_of_order;
  ties += other.ties;
  too_late += other.too_late;
  labels += other.labels;
  waited += other.waited;
  evaluations += other.evaluations;
  rebuilds += other.rebuilds;
  restores += other.restores;
  values += other.values;
  missing += other.missing;
  longest_window = std::max(longest_window, other.longest_window);
  if (disagreement.empty()) disagreement = other.disagreement;
  return *this;
}

Tally live(const World& world, std::uint64_t seed) {
  return Life(world, seed).lead();
}

std::vector<FeatureDeclaration> all_functions() {
  const auto all_filters = filters();
  std::vector<FeatureDeclaration> features;
  std::size_t turn = 0;
  for (std::size_t f = 0; f < std::size(kFunctionNames); ++f) {
    const auto function = static_cast<Function>(f);
    const auto fields = fields_for(function);
    for (std::size_t w = 0; w < std::size(kWindowLengthsMs); ++w) {
      for (const std::size_t variant : {0, 1}) {
        const std::size_t rows[] = {1, 2, 5, 32, kMedianRowsMax};
        features.push_back(
            declare(function, fields[(w + variant) % fields.size()], kWindowLengthsMs[w],
                    variant == 0 ? 0 : kDelaysMs[turn % std::size(kDelaysMs)],
                    variant == 0 ? Filter{} : all_filters[turn % all_filters.size()], rows[w]));
        if (turn % 4 == 3) features.back().default_value = -1;
        features.back().name = "f" + std::to_string(features.size());
        ++turn;
      }
    }
  }
  return features;
}

std::vector<FeatureDeclaration> random_features(std::mt19937_64& random, std::size_t count) {
  const auto all_filters = filters();
  std::vector<FeatureDeclaration> features;
  while (features.size() < count) {
    const auto function = static_cast<Function>(between(random, 0, std::ssize(kFunctionNames) - 1));
    const auto fields = fields_for(function);
    const auto pick = [&](const auto& list) {
      return list[static_cast<std::size_t>(between(random, 0, std::ssize(list) - 1))];
    };
    std::int64_t window_ms = one_of(random, kWindowLengthsMs);
    if (chance(random, 0.3)) window_ms = between(random, kWindowMinMs, kDayMs);
    const std::size_t rows = static_cast<std::size_t>(between(random, 1, kMedianRowsMax));
    features.push_back(declare(function, pick(fields), window_ms, one_of(random, kDelaysMs),
                               chance(random, 0.4) ? Filter{} : pick(all_filters), rows));
    if (chance(random, 0.2)) features.back().default_value = 0;
    features.back().name = "f" + std::to_string(features.size());
  }
  return features;
}

std::string describe(const FeatureDeclaration& feature) {
  std::string text(kFunctionNames[static_cast<std::size_t>(feature.function)]);
  if (feature.field != Field::kNone) {
    text += " of " + std::string(kFieldNames[static_cast<std::size_t>(feature.field)]);
  }
  if (feature.window_ms != 0) text += " over " + std::to_string(feature.window_ms) + " ms";
  if (feature.delay_ms != 0) text += " delayed " + std::to_string(feature.delay_ms) + " ms";
  if (feature.rows != 0) text += " of " + std::to_string(feature.rows) + " rows";
  constexpr const char* kSigns[] = {"=", "!=", "<", "<=", ">", ">="};
  for (const Condition& term : feature.filter) {
    text += " where " + std::string(kFieldNames[static_cast<std::size_t>(term.field)]) +
            kSigns[static_cast<std::size_t>(term.comparison)] + std::to_string(term.value);
  }
  return text;
}

bool same_bits(double a, double b) {
  return (std::isnan(a) && std::isnan(b)) || std::memcmp(&a, &b, sizeof a) == 0;
}

std::uint64_t test_seed() {
  if (const char* given = std::getenv("WEIR_TEST_SEED"); given != nullptr) {
    return std::strtoull(given, nullptr, 10);
  }
  return std::random_device{}();
}

}  // namespace weir::state
