#pragma once
// Cases as people write them (YAML), with the place of everything that can fail.
//
//   config: handbook.yaml              relative to this file; --config outweighs it
//   set: [decide.costs.review=5]       as --set
//   defaults: {currency: EUR}          fields of every payment that does not say otherwise
//   cases:
//     - name: a stolen card is stopped
//       now: 2018-06-11T10:00:00Z      where the case's clock starts
//       events:
//         - payment: {user: U1, amount: 12.50}
//           times: 10                  ten payments ...
//           every: 1d                  ... with the clock moved on by this after each
//         - advance: 2h
//         - label: {of: t3, fraud: true}
//         - record: {key: U1, value: "not a payment"}
//         - payment: {id: t99, user: U1, amount: 900}
//           expect: {action: decline, reasons: [amount_high], where: risk.fraud.p > 0.5}
//       state: {U1: history_rows == 11}
//
// Payment: user, merchant, id and at stand for user_id, merchant_id, transaction_id, event_time;
// ids are t1, t2, ... where not given; `at` moves the clock there, event_time does not. null leaves
// a field out. Each record is stamped with the case's clock.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "pipeline/config/diagnostic.h"
#include "pipeline/config/yaml_tree.h"

namespace weir::cases {

/// What is expected of one outcome: a field and how it is looked at.
struct Expectation {
  std::string field;
  config::YamlNode value;
  config::Place place;
};

struct Event {
  enum class Kind : std::uint8_t { kPayment, kLabel, kRecord, kAdvance };
  Kind kind = Kind::kPayment;
  nlohmann::ordered_json fields;  // of a payment or label, short names made long; nulls stay
  std::string key;                // kRecord
  std::string value;
  std::int64_t advance_ms = 0;  // kAdvance; else what `every` says
  std::uint64_t times = 1;
  std::vector<Expectation> expect;  // of the last of `times`; "where" and the like included
  bool expects = false;
  config::Place place;
};

struct StateExpectation {
  std::string user;
  std::string condition;
  config::Place place;
};

struct Case {
  std::string name;
  config::Place place;
  std::int64_t now_ms = 0;
  std::vector<Event> events;
  std::vector<StateExpectation> state;
};

struct CaseFile {
  std::string name;    // as given
  std::string config;  // path; empty: not said
  std::vector<std::string> set;
  std::vector<Case> cases;
};

/// Findings go to `diagnostics`; nullopt when there is an error among them.
std::optional<CaseFile> read_case_file(const std::string& file,
                                       std::vector<config::Diagnostic>& diagnostics);

}  // namespace weir::cases
