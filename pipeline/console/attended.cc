#include "pipeline/console/attended.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "operators/json_text.h"
#include "operators/score.h"

namespace weir::console {
namespace {

using Json = nlohmann::json;

std::optional<std::vector<HistoryRow>> decode_rows(std::string_view text) {
  const auto bytes = operators::decode_base64(text);
  if (!bytes || bytes->size() % sizeof(HistoryRow) != 0) return std::nullopt;
  std::vector<HistoryRow> rows(bytes->size() / sizeof(HistoryRow));
  std::memcpy(rows.data(), bytes->data(), bytes->size());
  return rows;
}

std::optional<FeaturesRecord> read_record(const Json& json) {
  FeaturesRecord record;
  record.verdict_id = json.at("verdict_id");
  if (json.at("model").is_object()) record.model_digest = json.at("model").at("digest");
  for (const auto& value : json.at("current")) {
    record.current.push_back(value.is_number() ? value.get<float>()
                                               : std::numeric_limits<float>::quiet_NaN());
  }
  const auto payment = decode_rows(json.at("payment").get<std::string>());
  auto history = decode_rows(json.at("history").get<std::string>());
  if (!payment || payment->size() != 1 || !history) return std::nullopt;
  record.payment = payment->front();
  record.history = *std::move(history);
  if (const auto& bits = json.at("outputs").at("logit_bits"); bits.is_string()) {
    record.logit_bits = bits;
  }
  if (const auto merchant = json.find("merchant"); merchant != json.end()) {
    for (const auto& row : *merchant) {
      record.merchant.push_back(row.get<operators::MerchantRowValues>());
    }
  }
  return record;
}

/// The text's own order, which is that of the declarations.
void read_windows(std::string_view text, FeaturesRecord& record) {
  const auto json = nlohmann::ordered_json::parse(text);
  const auto windows = json.find("windows");
  if (windows == json.end()) return;
  for (const auto& [name, value] : windows->items()) {
    record.windows.emplace_back(
        name, value.is_number() ? std::optional(value.get<double>()) : std::nullopt);
  }
}

}  // namespace

std::optional<FeaturesRecord> parse_features_record(std::string_view text) {
  try {
    auto record = read_record(Json::parse(text));
    if (record) read_windows(text, *record);
    return record;
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

Attended attend(Scorer* scorer, const FeaturesRecord& record) {
  if (record.logit_bits.empty()) return {{}, "the payment has no score"};
  if (scorer == nullptr) return {{}, "this instance has no model to score with"};
  if (scorer->info().digest != record.model_digest) {
    return {{}, "this instance has another model than the one that decided"};
  }
  if (record.history.empty()) return {{}, "the model read no past payments"};

  std::vector<std::string> names;
  std::vector<double> values;
  for (const auto& [name, value] : record.windows) {
    names.push_back(name);
    values.push_back(value.value_or(std::numeric_limits<double>::quiet_NaN()));
  }
  for (const DeclaredInput& input : scorer->info().declared) {
    if (std::ranges::find(names, input.name) == names.end()) {
      return {{}, "the features record lacks what the model reads: " + input.name};
    }
  }
  operators::PaymentPast past;
  past.merchant_values = record.merchant;
  operators::WindowedTransaction payment;
  payment.row = record.payment;
  payment.windows = values;
  payment.past = &past;

  // One list of rows for each score: as it was, then without each row.
  const std::size_t rows = record.history.size();
  std::vector<std::vector<HistoryRow>> kept(rows + 1, record.history);
  for (std::size_t i = 0; i < rows; ++i) {
    kept[i + 1].erase(kept[i + 1].begin() + static_cast<std::ptrdiff_t>(i));
  }
  std::vector<operators::WindowedTransaction> batch(rows + 1, payment);
  for (std::size_t i = 0; i <= rows; ++i) batch[i].history = kept[i];
  std::vector<operators::ScoredTransaction> scored;
  operators::Scoring(scorer, names).process(batch, scored);

  if (!scored.front().score) return {{}, "the model fails on this payment"};
  const float logit = scored.front().score->logit;
  if (fmt::format("{:08x}", std::bit_cast<std::uint32_t>(logit)) != record.logit_bits) {
    return {{}, "scored again it gives another score: the model of this instance is another"};
  }
  Attended attended;
  double sum = 0;
  for (std::size_t i = 0; i < rows; ++i) {
    const auto& without = scored[i + 1].score;
    const double change =
        without ? std::abs(static_cast<double>(without->logit) - static_cast<double>(logit)) : 0;
    attended.shares.push_back(change);
    sum += change;
  }
  if (sum == 0) return {{}, "no single past payment changes the score"};
  for (double& share : attended.shares) share /= sum;
  return attended;
}

}  // namespace weir::console
