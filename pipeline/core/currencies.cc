// The currency table. Generated once from the ISO 4217 list (Debian's iso-codes, exponents as in
// the JDK), then kept by hand.
#include <array>
#include <cstddef>

#include "pipeline/core/money.h"

namespace weir {
namespace {

// In: every active code with a minor unit, and the codes withdrawn since 2018 (BGN, CUC, HRK,
// SLL, ZWL; not ANG, whose number XCG inherited), since refunds and replayed history still carry
// them. Out: codes ISO gives no minor unit (metals, SDR, bond units); nobody pays by card in gold.
// clang-format off
constexpr Currency kCurrencies[] = {
    {784, 2, "AED"}, {971, 2, "AFN"}, {8, 2, "ALL"}, {51, 2, "AMD"},
    {973, 2, "AOA"}, {32, 2, "ARS"}, {36, 2, "AUD"}, {533, 2, "AWG"}, {944, 2, "AZN"},
    {977, 2, "BAM"}, {52, 2, "BBD"}, {50, 2, "BDT"}, {975, 2, "BGN"}, {48, 3, "BHD"},
    {108, 0, "BIF"}, {60, 2, "BMD"}, {96, 2, "BND"}, {68, 2, "BOB"}, {984, 2, "BOV"},
    {986, 2, "BRL"}, {44, 2, "BSD"}, {64, 2, "BTN"}, {72, 2, "BWP"}, {933, 2, "BYN"},
    {84, 2, "BZD"}, {124, 2, "CAD"}, {976, 2, "CDF"}, {947, 2, "CHE"}, {756, 2, "CHF"},
    {948, 2, "CHW"}, {990, 4, "CLF"}, {152, 0, "CLP"}, {156, 2, "CNY"}, {170, 2, "COP"},
    {970, 2, "COU"}, {188, 2, "CRC"}, {931, 2, "CUC"}, {192, 2, "CUP"}, {132, 2, "CVE"},
    {203, 2, "CZK"}, {262, 0, "DJF"}, {208, 2, "DKK"}, {214, 2, "DOP"}, {12, 2, "DZD"},
    {818, 2, "EGP"}, {232, 2, "ERN"}, {230, 2, "ETB"}, {978, 2, "EUR"}, {242, 2, "FJD"},
    {238, 2, "FKP"}, {826, 2, "GBP"}, {981, 2, "GEL"}, {936, 2, "GHS"}, {292, 2, "GIP"},
    {270, 2, "GMD"}, {324, 0, "GNF"}, {320, 2, "GTQ"}, {328, 2, "GYD"}, {344, 2, "HKD"},
    {340, 2, "HNL"}, {191, 2, "HRK"}, {332, 2, "HTG"}, {348, 2, "HUF"}, {360, 2, "IDR"},
    {376, 2, "ILS"}, {356, 2, "INR"}, {368, 3, "IQD"}, {364, 2, "IRR"}, {352, 0, "ISK"},
    {388, 2, "JMD"}, {400, 3, "JOD"}, {392, 0, "JPY"}, {404, 2, "KES"}, {417, 2, "KGS"},
    {116, 2, "KHR"}, {174, 0, "KMF"}, {408, 2, "KPW"}, {410, 0, "KRW"}, {414, 3, "KWD"},
    {136, 2, "KYD"}, {398, 2, "KZT"}, {418, 2, "LAK"}, {422, 2, "LBP"}, {144, 2, "LKR"},
    {430, 2, "LRD"}, {426, 2, "LSL"}, {434, 3, "LYD"}, {504, 2, "MAD"}, {498, 2, "MDL"},
    {969, 2, "MGA"}, {807, 2, "MKD"}, {104, 2, "MMK"}, {496, 2, "MNT"}, {446, 2, "MOP"},
    {929, 2, "MRU"}, {480, 2, "MUR"}, {462, 2, "MVR"}, {454, 2, "MWK"}, {484, 2, "MXN"},
    {979, 2, "MXV"}, {458, 2, "MYR"}, {943, 2, "MZN"}, {516, 2, "NAD"}, {566, 2, "NGN"},
    {558, 2, "NIO"}, {578, 2, "NOK"}, {524, 2, "NPR"}, {554, 2, "NZD"}, {512, 3, "OMR"},
    {590, 2, "PAB"}, {604, 2, "PEN"}, {598, 2, "PGK"}, {608, 2, "PHP"}, {586, 2, "PKR"},
    {985, 2, "PLN"}, {600, 0, "PYG"}, {634, 2, "QAR"}, {946, 2, "RON"}, {941, 2, "RSD"},
    {643, 2, "RUB"}, {646, 0, "RWF"}, {682, 2, "SAR"}, {90, 2, "SBD"}, {690, 2, "SCR"},
    {938, 2, "SDG"}, {752, 2, "SEK"}, {702, 2, "SGD"}, {654, 2, "SHP"}, {925, 2, "SLE"},
    {694, 2, "SLL"}, {706, 2, "SOS"}, {968, 2, "SRD"}, {728, 2, "SSP"}, {930, 2, "STN"},
    {222, 2, "SVC"}, {760, 2, "SYP"}, {748, 2, "SZL"}, {764, 2, "THB"}, {972, 2, "TJS"},
    {934, 2, "TMT"}, {788, 3, "TND"}, {776, 2, "TOP"}, {949, 2, "TRY"}, {780, 2, "TTD"},
    {901, 2, "TWD"}, {834, 2, "TZS"}, {980, 2, "UAH"}, {800, 0, "UGX"}, {840, 2, "USD"},
    {997, 2, "USN"}, {940, 0, "UYI"}, {858, 2, "UYU"}, {927, 4, "UYW"}, {860, 2, "UZS"},
    {926, 2, "VED"}, {928, 2, "VES"}, {704, 0, "VND"}, {548, 0, "VUV"}, {882, 2, "WST"},
    {396, 2, "XAD"}, {950, 0, "XAF"}, {951, 2, "XCD"}, {532, 2, "XCG"}, {952, 0, "XOF"},
    {953, 0, "XPF"}, {963, 2, "XTS"}, {999, 2, "XXX"}, {886, 2, "YER"}, {710, 2, "ZAR"},
    {967, 2, "ZMW"}, {924, 2, "ZWG"}, {932, 2, "ZWL"},
};
// clang-format on
constexpr std::size_t kCount = sizeof(kCurrencies) / sizeof(kCurrencies[0]);
constexpr std::uint8_t kNone = 255;
static_assert(kCount < kNone);

constexpr std::size_t alpha_index(const char* code) {
  return (static_cast<std::size_t>(code[0] - 'A') * 26 + static_cast<std::size_t>(code[1] - 'A')) *
             26 +
         static_cast<std::size_t>(code[2] - 'A');
}

constexpr auto make_alpha_table() {
  std::array<std::uint8_t, 26UL * 26 * 26> table{};
  for (auto& slot : table) slot = kNone;
  for (std::size_t i = 0; i < kCount; ++i) {
    table[alpha_index(kCurrencies[i].code)] = static_cast<std::uint8_t>(i);
  }
  return table;
}

constexpr auto make_numeric_table() {
  std::array<std::uint8_t, 1000> table{};
  for (auto& slot : table) slot = kNone;
  for (std::size_t i = 0; i < kCount; ++i)
    table[kCurrencies[i].numeric] = static_cast<std::uint8_t>(i);
  return table;
}

constexpr auto kByAlpha = make_alpha_table();
constexpr auto kByNumeric = make_numeric_table();

}  // namespace

const Currency* find_currency(std::string_view code) {
  if (code.size() != 3) return nullptr;
  for (const char c : code) {
    if (c < 'A' || c > 'Z') return nullptr;
  }
  const std::uint8_t i = kByAlpha[alpha_index(code.data())];
  return i == kNone ? nullptr : &kCurrencies[i];
}

const Currency* find_currency(std::uint16_t numeric) {
  if (numeric >= kByNumeric.size()) return nullptr;
  const std::uint8_t i = kByNumeric[numeric];
  return i == kNone ? nullptr : &kCurrencies[i];
}

}  // namespace weir
