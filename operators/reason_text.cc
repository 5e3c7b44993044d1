// The words of the reason catalogue.
#include <array>
#include <cmath>

#include "operators/explain.h"
#include "operators/json_text.h"

namespace weir::operators {
namespace {

constexpr std::array<std::string_view, kReasonCodes> kNames = {
    "ordinary",     "short_history", "amount_high",  "amount_low", "soon_after_last",
    "many_in_hour", "unusual_hour",  "new_merchant", "new_device", "new_country",
    "new_card",     "new_currency",  "cross_border"};

void append_count(std::string& out, double count, std::string_view one, std::string_view many) {
  append_fixed(out, count, 0);
  out += ' ';
  out += count == 1 ? one : many;
}

/// Digits only: the currency is said once, at the end.
void append_money(std::string& out, double amount, const Currency& currency) {
  append_fixed(out, amount, currency.exponent);
}

/// "40 s", "12 min", "5.5 h", "3.2 d": the largest unit of which there are at least two.
void append_duration(std::string& out, double minutes) {
  if (minutes < 2) {
    append_fixed(out, minutes * 60, 0);
    out += " s";
  } else if (minutes < 120) {
    append_fixed(out, minutes, 0);
    out += " min";
  } else if (minutes < 2 * 1440) {
    append_fixed(out, minutes / 60, 1);
    out += " h";
  } else {
    append_fixed(out, minutes / 1440, 1);
    out += " d";
  }
}

void append_hour(std::string& out, double hour) {
  if (hour < 10) out += '0';
  append_fixed(out, hour, 0);
}

void append_amount_text(std::string& out, const Reason& reason, const Currency& currency,
                        std::string_view direction) {
  append_money(out, reason.value, currency);
  out += direction;
  append_money(out, reason.typical_low, currency);
  out += " to ";
  append_money(out, reason.typical_high, currency);
  out += ' ';
  out += currency.name();
}

}  // namespace

std::string_view reason_name(std::uint8_t code) {
  return code < kNames.size() ? kNames[code] : "unknown";
}

bool has_typical_range(std::uint8_t code) {
  return code >= static_cast<std::uint8_t>(ReasonCode::kAmountHigh) &&
         code <= static_cast<std::uint8_t>(ReasonCode::kUnusualHour);
}

void append_reason_text(std::string& out, const Reason& reason, const Currency& currency) {
  switch (static_cast<ReasonCode>(reason.code)) {
    case ReasonCode::kOrdinary:
      out += "nothing unusual against the user's last ";
      append_count(out, reason.value, "payment", "payments");
      return;
    case ReasonCode::kShortHistory:
      out += "little is known of this user: ";
      append_count(out, reason.value, "earlier payment", "earlier payments");
      return;
    case ReasonCode::kAmountHigh:
      append_amount_text(out, reason, currency, " is above the user's usual ");
      return;
    case ReasonCode::kAmountLow:
      append_amount_text(out, reason, currency, " is below the user's usual ");
      return;
    case ReasonCode::kSoonAfterLast:
      append_duration(out, reason.value);
      out += " after the payment before, usually ";
      append_duration(out, reason.typical_low);
      out += " to ";
      append_duration(out, reason.typical_high);
      return;
    case ReasonCode::kManyInHour:
      append_count(out, reason.value, "payment", "payments");
      out += " within an hour, so far at most ";
      append_fixed(out, reason.typical_high, 0);
      return;
    case ReasonCode::kUnusualHour:
      out += "paid in hour ";
      append_hour(out, reason.value);
      out += " UTC, usually between ";
      append_hour(out, reason.typical_low);
      out += " and ";
      append_hour(out, reason.typical_high);
      return;
    case ReasonCode::kNewMerchant:
      out += "merchant not seen in the user's last ";
      break;
    case ReasonCode::kNewDevice:
      out += "device not seen in the user's last ";
      break;
    case ReasonCode::kNewCountry:
      out += "country not seen in the user's last ";
      break;
    case ReasonCode::kNewCard:
      out += "card not seen in the user's last ";
      break;
    case ReasonCode::kNewCurrency:
      out += "currency not seen in the user's last ";
      break;
    case ReasonCode::kCrossBorder:
      out += "across a border, unlike the user's last ";
      break;
    default:
      out += "a reason this version does not know";
      return;
  }
  append_count(out, reason.value, "payment", "payments");
}

}  // namespace weir::operators
