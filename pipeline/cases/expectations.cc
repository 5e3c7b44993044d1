#include "pipeline/cases/expectations.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "pipeline/query/query.h"
#include "pipeline/tap/record_fields.h"

namespace weir::cases {
namespace {

using config::YamlNode;
using Json = nlohmann::json;

constexpr double kTolerance = 1e-9;  // relative: a number written with fewer digits says so itself

Json scalar(const YamlNode& node) {
  if (node.kind == YamlNode::Kind::kNull) return nullptr;
  if (node.quoted) return node.text;
  Json parsed = Json::parse(node.text, nullptr, false);
  return parsed.is_discarded() ? Json(node.text) : parsed;
}

Json as_json(const YamlNode& node) {
  if (node.kind != YamlNode::Kind::kList) return scalar(node);
  Json list = Json::array();
  for (const YamlNode& item : node.items) list.push_back(as_json(item));
  return list;
}

bool same(const Json& expected, const Json& got) {
  if (!expected.is_number() || !got.is_number()) return expected == got;
  const auto a = expected.get<double>();
  const auto b = got.get<double>();
  return std::abs(a - b) <= kTolerance * std::max(1.0, std::abs(a));
}

Json at(const Json& record, std::string path) {
  std::ranges::replace(path, '.', '/');
  const Json::json_pointer pointer('/' + path);
  return record.contains(pointer) ? record.at(pointer) : Json();
}

class Checker {
 public:
  Checker(const Outcome& outcome, CaseResult& result) : outcome_(outcome), result_(result) {}

  void check(const Expectation& expected) {
    ++result_.checks;
    if (expected.field == "dead_letter") {
      equal(expected, outcome_.dead_letter.empty() ? Json() : Json(outcome_.dead_letter));
    } else if (expected.field == "detail") {
      equal(expected, outcome_.detail);
    } else if (!outcome_.verdict) {
      fail(expected, written(expected.value),
           outcome_.dead_letter.empty()
               ? "no verdict"
               : fmt::format("a dead letter: {} ({})", outcome_.dead_letter, outcome_.detail));
    } else if (expected.field == "reasons") {
      Json codes = Json::array();
      for (const Json& reason : outcome_.verdict->at("reasons")) codes.push_back(reason.at("code"));
      equal(expected, codes);
    } else if (expected.field == "p") {
      probability(expected);
    } else if (expected.field == "features") {
      features(expected);
    } else if (expected.field == "where") {
      where(expected);
    } else {
      equal(expected, at(*outcome_.verdict, expected.field));
    }
  }

 private:
  void fail(const Expectation& expected, std::string wanted, std::string got) {
    result_.failures.push_back({expected.place, expected.field, std::move(wanted), std::move(got)});
  }
  static std::string written(const YamlNode& node) {
    const Json json = as_json(node);
    return json.is_string() ? json.get<std::string>() : json.dump();
  }
  static std::string written(const Json& json) {
    return json.is_string() ? json.get<std::string>() : json.dump();
  }

  void equal(const Expectation& expected, const Json& got) {
    if (!same(as_json(expected.value), got)) fail(expected, written(expected.value), written(got));
  }

  void probability(const Expectation& expected) {
    const Json p = at(*outcome_.verdict, "risk.fraud.p");
    if (expected.value.kind != YamlNode::Kind::kMap) return equal(expected, p);
    for (const auto& entry : expected.value.entries) {
      const Json bound = scalar(entry.value);
      if ((entry.key != "from" && entry.key != "to") || !bound.is_number()) {
        fail(expected, "{from: NUMBER, to: NUMBER}", entry.key);
        continue;
      }
      const bool holds =
          p.is_number() && (entry.key == "from" ? p.get<double>() >= bound.get<double>()
                                                : p.get<double>() <= bound.get<double>());
      if (!holds) fail(expected, fmt::format("{} {}", entry.key, bound.dump()), p.dump());
    }
  }

  void features(const Expectation& expected) {
    const Json windows =
        outcome_.features ? outcome_.features->value("windows", Json::object()) : Json::object();
    for (const auto& entry : expected.value.entries) {
      if (!windows.contains(entry.key)) {
        fail(expected, fmt::format("a declared feature {}", entry.key), "none of that name");
      } else if (!same(scalar(entry.value), windows.at(entry.key))) {
        fail(expected, fmt::format("{}: {}", entry.key, written(entry.value)),
             windows.at(entry.key).dump());
      }
    }
  }

  void where(const Expectation& expected) {
    const auto condition = query::Query::parse(expected.value.text, tap::verdict_fields());
    if (!condition) {
      fail(expected, expected.value.text, condition.error().message);
    } else if (!condition->matches(*outcome_.verdict)) {
      fail(expected, expected.value.text, outcome_.verdict->dump());
    }
  }

  const Outcome& outcome_;
  CaseResult& result_;
};

}  // namespace

void check(const Outcome& outcome, const Event& event, CaseResult& result) {
  Checker checker(outcome, result);
  for (const Expectation& expected : event.expect) checker.check(expected);
}

void check_state(const Json& state, const StateExpectation& expected, CaseResult& result) {
  ++result.checks;
  const auto condition = query::Query::parse(expected.condition);
  const auto fail = [&](std::string got) {
    result.failures.push_back(
        {expected.place, "state of " + expected.user, expected.condition, std::move(got)});
  };
  if (!condition) return fail(condition.error().message);
  if (!condition->matches(state)) fail(state.dump());
}

}  // namespace weir::cases
