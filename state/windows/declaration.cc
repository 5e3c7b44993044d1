#include "state/windows/declaration.h"

#include <algorithm>
#include <string>

namespace weir::state {
namespace {

bool is_number(Field field) {
  return field == Field::kAmount || field == Field::kRatio || field == Field::kFraud ||
         field == Field::kLabelled;
}
bool is_label(Field field) {
  return field == Field::kFraud || field == Field::kLabelled;
}
bool is_id(Field field) {
  return field >= Field::kUser;
}

bool holds(std::int64_t value, Comparison comparison, std::int64_t wanted) {
  switch (comparison) {
    case Comparison::kEqual:
      return value == wanted;
    case Comparison::kNotEqual:
      return value != wanted;
    case Comparison::kLess:
      return value < wanted;
    case Comparison::kLessEqual:
      return value <= wanted;
    case Comparison::kGreater:
      return value > wanted;
    case Comparison::kGreaterEqual:
      return value >= wanted;
  }
  return false;
}

std::string named(Function function) {
  return std::string(kFunctionNames[static_cast<std::size_t>(function)]);
}

}  // namespace

bool may_be_absent(Field field) {
  return field == Field::kRatio || is_id(field);
}

std::int64_t scale_of(Field field) {
  if (field == Field::kAmount) return kAmountScale;
  return field == Field::kRatio ? 1'000 : 1;
}

std::int64_t value_of(const EventRow& row, Field field) {
  switch (field) {
    case Field::kNone:
      return 0;
    case Field::kAmount:
      return row.amount;
    case Field::kRatio:
      return row.ratio_milli;
    case Field::kFraud:
      return row.label == Label::kFraud ? 1 : 0;
    case Field::kLabelled:
      return row.label != Label::kUnknown ? 1 : 0;
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
  }
  return 0;
}

bool passes(const EventRow& row, const Filter& filter) {
  return std::ranges::all_of(filter, [&](const Condition& condition) {
    const std::int64_t value = value_of(row, condition.field);
    if (value == 0 && may_be_absent(condition.field)) {
      return condition.comparison == Comparison::kNotEqual;
    }
    return holds(value, condition.comparison, condition.value);
  });
}

bool depends_on_label(const Filter& filter) {
  return std::ranges::any_of(filter, [](const Condition& c) { return is_label(c.field); });
}

Status validate(const FeatureDeclaration& declaration) {
  const auto wrong = [](std::string text) { return Status(fatal(std::move(text))); };
  const Function function = declaration.function;
  const Field field = declaration.field;
  const bool run_function = function >= Function::kLastLabel;

  const bool takes_number = function == Function::kSum || function == Function::kMean ||
                            function == Function::kMin || function == Function::kMax ||
                            function == Function::kStddev || function == Function::kLast ||
                            function == Function::kMedian;
  if (takes_number && !is_number(field)) {
    return wrong(named(function) +
                 " needs a field that is a number: amount, ratio, fraud or labelled");
  }
  if ((function == Function::kMin || function == Function::kMax) && is_label(field)) {
    return wrong(named(function) +
                 " of a label says no more than count: use count with a filter on fraud");
  }
  if (function == Function::kMedian && field != Field::kAmount) {
    return wrong("median is known for amount only");
  }
  if (function == Function::kDistinct && !is_id(field)) {
    return wrong(
        "distinct counts ids and names: user, merchant, device, ip, card, mcc, country, "
        "merchant_country, channel, currency or card_present");
  }
  if (!takes_number && function != Function::kDistinct && field != Field::kNone) {
    return wrong(named(function) + " takes no field");
  }

  if (function == Function::kMedian || run_function) {
    if (declaration.window_ms != 0) return wrong(named(function) + " takes no window");
    if (declaration.delay_ms != 0) return wrong(named(function) + " takes no delay");
  } else if (declaration.window_ms < kWindowMinMs || declaration.window_ms > kWindowMaxMs) {
    return wrong("window must be 1s to 90d");
  }
  if (declaration.delay_ms < 0 || declaration.delay_ms > kWindowMaxMs) {
    return wrong("delay must be 0s to 90d");
  }
  if (function == Function::kMedian) {
    if (declaration.rows < 1 || declaration.rows > kMedianRowsMax) {
      return wrong("median needs rows, 1 to 128: how many events it is taken over");
    }
    if (!declaration.filter.empty()) return wrong("median takes no filter");
  } else if (declaration.rows != 0) {
    return wrong("rows belongs to median");
  }
  if ((function == Function::kLastLabel || function == Function::kRunAge) &&
      !declaration.filter.empty()) {
    return wrong(named(function) + " takes no filter");
  }
  for (const Condition& condition : declaration.filter) {
    if (condition.field == Field::kNone) return wrong("a filter term needs a field");
    const bool order =
        condition.comparison != Comparison::kEqual && condition.comparison != Comparison::kNotEqual;
    if (order && !is_number(condition.field) && condition.field != Field::kMcc) {
      return wrong("only numbers can be compared with < and >; ids and names know = and !=");
    }
  }
  return ok();
}

}  // namespace weir::state
