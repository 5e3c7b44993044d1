#pragma once
// Settings of the operators, each beside a sentence on unit, effect and cost; the YAML loader fills
// them.

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "operators/features/declared_feature.h"
#include "operators/formats/record_format.h"
#include "pipeline/core/error.h"

namespace weir::operators {

/// Prices of being wrong, in major units of the payment's currency.
struct Costs {
  double fraud_loss_share = 1.0;  // share of the amount lost when a fraud is approved; 0..1
  double false_decline = 15.0;    // cost of declining a genuine payment; >= 0
  double review = 3.0;            // cost of one manual review; >= 0
};

struct DecideSettings {
  Costs costs;
  std::map<std::string, Costs>
      by_currency;  // ISO code -> prices in that currency; others use `costs`
  /// What is done when no score can be had (NaN, failed model, poison): review, unless configured
  /// otherwise.
  std::string safe_action = "review";  // approve | review | decline
  /// Assumed probability of fraud when no model is configured.
  double prior = 0.01;
};

struct InputSettings {
  std::size_t record_bytes_max = 65'536;  // larger ones become dead letters (oversize)
  std::chrono::milliseconds lateness{
      300'000};  // out of order up to here is put in its place; beyond is `late`
  std::chrono::milliseconds future_max{
      60'000};                // ahead of the record's own timestamp by more: `future`
  bool clamp_future = false;  // true: event time becomes the record's timestamp instead
};

struct DedupeSettings {
  std::chrono::milliseconds horizon{
      86'400'000};                    // event time over which a transaction id is remembered
  std::size_t ids_per_user_max = 64;  // bound of memory per user; about 150 bytes each
};

struct HistorySettings {
  std::size_t rows = 16;  // W: at least what the model reads; 52 bytes each
  /// K: labelled payments of each merchant that models see one by one, 0 to 64; at least what the
  /// model reads. Above 0 merchants' payments of the last 90 days are kept, 104 bytes each, and
  /// profiles of merchants grow by 45 bytes a row.
  std::size_t merchant_rows = 0;
};

struct Settings {
  InputSettings input;
  DedupeSettings dedupe;
  HistorySettings history;
  DecideSettings decide;
  std::vector<DeclaredFeature> features;  // names are unique
  /// Share of the payments without a trace of their own that begin one; 0 to 1.
  double trace_ratio = 0;
  RecordFormat transactions;  // how payments and labels are written
  RecordFormat labels;
  VerdictFormat verdicts = VerdictFormat::kJson;
  std::uint32_t verdict_schema_id = 0;       // what the registry calls our schema; not for JSON
  std::string input_topic = "transactions";  // named in verdicts
  std::string label_topic = "labels";        // named in dead letters
  /// Whether payments have a past beside their user's history: declared features, merchant rows.
  [[nodiscard]] bool has_features() const { return !features.empty() || history.merchant_rows > 0; }
  /// Names the key and the bad value.
  [[nodiscard]] Status validate() const;
};

}  // namespace weir::operators
