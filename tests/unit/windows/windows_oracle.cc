#include "tests/unit/windows/windows_oracle.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace weir::state {
namespace {

__extension__ using Wide = __int128;
constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::int64_t kBounded = 10'000'000'000'000;  // of values that are squared

std::int64_t field_of(const EventRow& row, Field field) {
  switch (field) {
    case Field::kAmount:
      return row.amount;
    case Field::kRatio:
      return row.ratio_milli;
    case Field::kFraud:
      return static_cast<std::int64_t>(row.label == Label::kFraud);
    case Field::kLabelled:
      return static_cast<std::int64_t>(row.label != Label::kUnknown);
    case Field::kUser:
      return static_cast<std::int64_t>(row.user);
    case Field::kMerchant:
      return static_cast<std::int64_t>(row.merchant);
    case Field::kDevice:
      return static_cast<std::int64_t>(row.device);
    case Field::kIp:
      return static_cast<std::int64_t>(row.ip);
    case Field::kCard:
      return static_cast<std::int64_t>(row.card);
    case Field::kMcc:
      return row.mcc;
    case Field::kCountry:
      return row.country;
    case Field::kMerchantCountry:
      return row.merchant_country;
    case Field::kChannel:
      return row.channel;
    case Field::kCurrency:
      return row.currency;
    case Field::kCardPresent:
      return row.card_present;
    case Field::kNone:
      break;
  }
  return 0;
}

bool absent(const EventRow& row, Field field) {
  const bool can_be = field != Field::kNone && field != Field::kAmount && field != Field::kFraud &&
                      field != Field::kLabelled;
  return can_be && field_of(row, field) == 0;
}

bool term_holds(const EventRow& row, const Condition& term) {
  const std::int64_t value = field_of(row, term.field);
  if (term.comparison == Comparison::kNotEqual) {
    return absent(row, term.field) || value != term.value;
  }
  if (absent(row, term.field)) return false;
  if (term.comparison == Comparison::kEqual) return value == term.value;
  if (term.comparison == Comparison::kLess) return value < term.value;
  if (term.comparison == Comparison::kLessEqual) return value <= term.value;
  if (term.comparison == Comparison::kGreater) return value > term.value;
  return value >= term.value;
}

bool fulfils(const EventRow& row, const Filter& filter) {
  return std::all_of(filter.begin(), filter.end(),
                     [&](const Condition& term) { return term_holds(row, term); });
}

double scale_of_field(Field field) {
  if (field == Field::kAmount) return 10'000;
  return field == Field::kRatio ? 1'000 : 1;
}

std::vector<EventRow>::const_iterator first_later(const std::vector<EventRow>& rows,
                                                  std::int64_t time_ms) {
  return std::partition_point(rows.begin(), rows.end(),
                              [&](const EventRow& row) { return row.time_ms <= time_ms; });
}

bool is_windowed(Function function) {
  return function != Function::kMedian && function != Function::kLastLabel &&
         function != Function::kRunAge && function != Function::kRunCount;
}

double stddev(const std::vector<std::int64_t>& values, double scale) {
  if (values.size() < 2) return kMissing;
  Wide sum = 0;
  Wide squares = 0;
  for (const std::int64_t value : values) {
    const Wide bounded = std::min(value, kBounded);
    sum += bounded;
    squares += bounded * bounded;
  }
  const auto n = static_cast<long double>(values.size());
  const auto s = static_cast<long double>(sum);
  const long double radicand =
      (static_cast<long double>(squares) - s * s / n) / static_cast<long double>(values.size() - 1);
  if (radicand < 0) return 0;
  return static_cast<double>(sqrtl(radicand) / static_cast<long double>(scale));
}

}  // namespace

WindowsOracle::WindowsOracle(EntityKind kind, std::vector<FeatureDeclaration> declarations,
                             std::int64_t lateness_ms)
    : kind_(kind), declarations_(std::move(declarations)), lateness_ms_(lateness_ms) {
  for (const FeatureDeclaration& feature : declarations_) {
    const bool run = !is_windowed(feature.function) && feature.function != Function::kMedian;
    span_ms_ = std::max(span_ms_, run ? 90 * kDayMs : feature.delay_ms + feature.window_ms);
  }
  span_ms_ += lateness_ms;
}

std::uint32_t WindowsOracle::ratio_of(const Entity& entity, const EventRow& row) const {
  if (kind_ != EntityKind::kUser) return row.ratio_milli;
  const auto end = first_later(entity.rows, row.time_ms) - entity.rows.begin();
  const auto begin = std::max<std::ptrdiff_t>(0, end - 128);
  std::vector<std::int64_t> amounts;
  for (auto i = begin; i < end; ++i)
    amounts.push_back(field_of(entity.rows[static_cast<std::size_t>(i)], Field::kAmount));
  if (amounts.empty()) return 0;
  std::sort(amounts.begin(), amounts.end());
  const std::int64_t middle = amounts[(amounts.size() - 1) / 2];
  if (middle == 0) return 0;
  const Wide ratio = Wide{row.amount} * 1'000 / middle;
  return static_cast<std::uint32_t>(
      std::max<Wide>(1, std::min<Wide>(ratio, std::numeric_limits<std::uint32_t>::max())));
}

WindowsOracle::Moment WindowsOracle::arrive(const std::string& name, EventRow row) {
  Entity& entity = entities_[name];
  row.sequence = entity.next_sequence++;
  row.ratio_milli = ratio_of(entity, row);
  row.label = Label::kUnknown;
  Moment moment{&entity, row.time_ms, row};
  const std::int64_t frontier_ms = std::max(row.time_ms, entity.frontier_ms.value_or(row.time_ms));
  entity.frontier_ms = frontier_ms;
  moment.exact = row.time_ms >= frontier_ms - lateness_ms_;
  moment.kept = row.time_ms > frontier_ms - span_ms_;
  const auto before = first_later(entity.rows, row.time_ms) - entity.rows.begin();
  const auto too_old = first_later(entity.rows, frontier_ms - span_ms_) - entity.rows.begin();
  moment.ratio_promised = kind_ != EntityKind::kUser || moment.exact || before - too_old >= 128;
  if (moment.kept) entity.rows.insert(first_later(entity.rows, row.time_ms), row);
  return moment;
}

void WindowsOracle::believe(Moment& moment, std::uint32_t ratio_milli) {
  moment.own->ratio_milli = ratio_milli;
  if (!moment.kept) return;
  auto& rows = moment.entity->rows;
  const auto later = first_later(rows, moment.time_ms) - rows.begin();
  rows[static_cast<std::size_t>(later - 1)].ratio_milli = ratio_milli;  // newest of its time
}

EventRow WindowsOracle::settle(const Moment& moment) {
  Entity& entity = *moment.entity;
  if (!moment.kept) return *moment.own;
  const auto found = first_later(entity.rows, moment.time_ms) - entity.rows.begin() - 1;
  EventRow& row = entity.rows[static_cast<std::size_t>(found)];  // newest arrival of its time
  if (const auto said = entity.waiting.find(std::uint64_t{row.transaction});
      said != entity.waiting.end()) {
    say(entity, row, said->second);
    entity.waiting.erase(said);
  }
  return row;
}

WindowsOracle::Moment WindowsOracle::look(const std::string& name, std::int64_t time_ms) {
  Entity& entity = entities_[name];
  Moment moment;
  moment.entity = &entity;
  moment.time_ms = std::max(time_ms, entity.frontier_ms.value_or(time_ms));
  if (entity.frontier_ms) entity.frontier_ms = moment.time_ms;
  return moment;
}

void WindowsOracle::say(Entity& entity, EventRow& row, const LabelOpinion& opinion) {
  row.label = opinion.fraud ? Label::kFraud : Label::kGenuine;
  row.label_time_ms = opinion.label_time_ms;
  row.label_id = opinion.label_id;
  row.label_revision = opinion.revision;
  entity.labelled.insert(Place(std::int64_t{row.time_ms}, std::uint32_t{row.sequence}));
}

LabelOutcome WindowsOracle::label(const std::string& name, const LabelOpinion& opinion) {
  Entity& entity = entities_[name];
  const auto judge = [&](std::uint64_t id, std::uint32_t revision, std::int64_t time_ms) {
    if (id == opinion.label_id) {
      return opinion.revision > revision ? LabelOutcome::kApplied : LabelOutcome::kRepeated;
    }
    const auto order = std::pair(opinion.label_time_ms, opinion.label_id);
    return order > std::pair(time_ms, id) ? LabelOutcome::kApplied : LabelOutcome::kOutdated;
  };
  if (entity.frontier_ms && opinion.event_time_ms <= *entity.frontier_ms - span_ms_) {
    return LabelOutcome::kExpired;
  }
  const auto end = first_later(entity.rows, opinion.event_time_ms) - entity.rows.begin();
  for (auto i = end; i-- > 0;) {
    EventRow& row = entity.rows[static_cast<std::size_t>(i)];
    if (row.time_ms != opinion.event_time_ms) break;
    if (row.transaction != opinion.transaction) continue;
    const auto outcome = row.label == Label::kUnknown
                             ? LabelOutcome::kApplied
                             : judge(row.label_id, row.label_revision, row.label_time_ms);
    if (outcome == LabelOutcome::kApplied) say(entity, row, opinion);
    return outcome;
  }
  const auto [waiting, first] = entity.waiting.try_emplace(opinion.transaction, opinion);
  if (first) return LabelOutcome::kWaiting;
  const LabelOpinion& counts = waiting->second;
  const auto outcome = judge(counts.label_id, counts.revision, counts.label_time_ms);
  if (outcome != LabelOutcome::kApplied) return outcome;
  waiting->second = opinion;
  return LabelOutcome::kWaiting;
}

double WindowsOracle::value(const Moment& moment, std::size_t feature) const {
  const FeatureDeclaration& declared = declarations_[feature];
  const double value = is_windowed(declared.function)           ? windowed(moment, declared)
                       : declared.function == Function::kMedian ? median(moment, declared)
                                                                : of_run(moment, declared);
  return std::isnan(value) && declared.default_value ? *declared.default_value : value;
}

std::size_t WindowsOracle::cost(const Moment& moment, std::size_t feature) const {
  const FeatureDeclaration& declared = declarations_[feature];
  if (!is_windowed(declared.function)) return 128;
  const auto& rows = moment.entity->rows;
  const std::int64_t head = moment.time_ms - declared.delay_ms;
  return static_cast<std::size_t>(first_later(rows, head) -
                                  first_later(rows, head - declared.window_ms));
}

double WindowsOracle::windowed(const Moment& moment, const FeatureDeclaration& feature) const {
  const std::int64_t head = moment.time_ms - feature.delay_ms;
  const std::int64_t tail = head - feature.window_ms;
  const auto& rows = moment.entity->rows;
  const bool others_only =
      feature.function == Function::kLast || feature.function == Function::kTimeSince;
  std::vector<std::int64_t> values;
  const EventRow* newest = nullptr;
  for (auto row = first_later(rows, tail); row != rows.end() && row->time_ms <= head; ++row) {
    if (!fulfils(*row, feature.filter) || absent(*row, feature.field)) continue;
    const bool own = moment.own && row->sequence == moment.own->sequence;
    if (own && others_only) continue;
    values.push_back(field_of(*row, feature.field));
    newest = &*row;
  }
  const double scale = scale_of_field(feature.field);
  const auto number = static_cast<double>(values.size());
  Wide sum = 0;
  for (const std::int64_t value : values) sum += value;
  switch (feature.function) {
    case Function::kCount:
      return number;
    case Function::kSum:
      return static_cast<double>(sum) / scale;
    case Function::kMean:
      return values.empty() ? kMissing : static_cast<double>(sum) / (number * scale);
    case Function::kMin:
      return values.empty()
                 ? kMissing
                 : static_cast<double>(*std::min_element(values.begin(), values.end())) / scale;
    case Function::kMax:
      return values.empty()
                 ? kMissing
                 : static_cast<double>(*std::max_element(values.begin(), values.end())) / scale;
    case Function::kStddev:
      return stddev(values, scale);
    case Function::kDistinct:
      std::sort(values.begin(), values.end());
      return static_cast<double>(std::unique(values.begin(), values.end()) - values.begin());
    case Function::kLast:
      return values.empty() ? kMissing : static_cast<double>(values.back()) / scale;
    case Function::kTimeSince:
      return newest == nullptr ? kMissing
                               : static_cast<double>(moment.time_ms - newest->time_ms) / 1000;
    default:
      return kMissing;
  }
}

double WindowsOracle::median(const Moment& moment, const FeatureDeclaration& feature) const {
  const auto& rows = moment.entity->rows;
  std::vector<std::int64_t> amounts;
  for (auto row = first_later(rows, moment.time_ms);
       row != rows.begin() && amounts.size() < feature.rows;) {
    --row;
    if (!moment.own || row->sequence != moment.own->sequence)
      amounts.push_back(field_of(*row, Field::kAmount));
  }
  if (amounts.empty()) return kMissing;
  std::sort(amounts.begin(), amounts.end());
  const std::size_t k = amounts.size();
  if (k % 2 == 1) return static_cast<double>(amounts[k / 2]) / 10'000;
  return static_cast<double>(amounts[k / 2 - 1] + amounts[k / 2]) / 2 / 10'000;
}

std::vector<EventRow> WindowsOracle::labelled_rows(const Entity& entity) {
  std::vector<EventRow> newest;
  for (auto place = entity.labelled.rbegin(); place != entity.labelled.rend() && newest.size() < 64;
       ++place) {
    const auto row = std::partition_point(
        entity.rows.begin(), entity.rows.end(), [&](const EventRow& candidate) {
          return Place(candidate.time_ms, candidate.sequence) < *place;
        });
    newest.push_back(*row);
  }
  return newest;
}

double WindowsOracle::of_run(const Moment& moment, const FeatureDeclaration& feature) const {
  bool any = false;
  std::optional<std::int64_t> since_ms;
  double count = 0;
  for (const EventRow& row : labelled_rows(*moment.entity)) {
    if (row.time_ms > moment.time_ms) continue;
    if (!any && feature.function == Function::kLastLabel) {
      return row.label == Label::kFraud ? 1 : 0;
    }
    any = true;
    if (row.label != Label::kFraud) break;
    since_ms = row.time_ms;
    if (fulfils(row, feature.filter)) ++count;
  }
  if (feature.function == Function::kRunCount) return count;
  if (feature.function == Function::kLastLabel || !since_ms) return kMissing;
  return static_cast<double>(moment.time_ms - *since_ms) / 1000;
}

}  // namespace weir::state
