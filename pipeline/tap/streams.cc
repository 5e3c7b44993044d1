#include "pipeline/tap/streams.h"

#include <algorithm>

#include <fmt/core.h>

#include "pipeline/dead_letters/dead_letter_view.h"
#include "pipeline/tap/entity_json.h"
#include "pipeline/tap/record_fields.h"

namespace weir::tap {
namespace {

std::optional<nlohmann::ordered_json> dead_letter_json(const RawRecord& record) {
  return to_json(read_dead_letter(record));
}

}  // namespace

const std::vector<Stream>& streams() {
  using Topics = config::TopicsConfig;
  static const std::vector<Stream> all = {
      {"transactions", "payments as they came", &Topics::transactions},
      {"labels", "labels as they came", &Topics::labels},
      {"verdicts", "what was decided", &Topics::verdicts, nullptr, verdict_fields},
      {"features", "what the model was given and said", &Topics::features, nullptr,
       features_fields},
      {"dead-letters", "what was refused, with reason and origin", &Topics::dead_letters,
       dead_letter_json, dead_letter_fields},
      {"metrics", "figures of each instance and interval", &Topics::metrics},
      {"entities", "payments and labels as merchants, devices, ips and cards are told of them",
       &Topics::entities, entity_json, entity_fields},
      {"entity-profiles", "values over one of these; heartbeats", &Topics::entity_profiles,
       profile_json, profile_fields}};
  return all;
}

const std::vector<Step>& steps() {
  static const std::vector<Step> all = {
      {"decode",
       "refused by it: bytes that are no payment",
       "dead-letters",
       R"(reason in ("oversize", "pan", "schema", "decode"))",
       {}},
      {"validate",
       "refused by it: a field is missing or out of range",
       "dead-letters",
       R"(reason in ("missing_field", "key_mismatch", "range", "future"))",
       {}},
      {"dedupe", "taken for duplicates by it", "verdicts", "duplicate", {}},
      {"history",
       "how many past payments the model saw",
       "features",
       "",
       {"transaction_id", "user_id", "event_time", "payment", "rows", "history"}},
      {"windows",
       "the declared features",
       "features",
       "",
       {"transaction_id", "user_id", "event_time", "windows", "merchant", "profiles"}},
      {"score",
       "what the model said",
       "features",
       "",
       {"transaction_id", "verdict_id", "user_id", "event_time", "model", "current", "outputs"}},
      {"decide",
       "action, costs, runner-up",
       "verdicts",
       "",
       {"verdict_id", "transaction_id", "user_id", "event_time", "amount_minor", "currency",
        "action", "runner_up", "risk", "expected_cost", "rules", "degraded"}},
      {"explain",
       "the reasons",
       "verdicts",
       "",
       {"verdict_id", "transaction_id", "user_id", "event_time", "action", "reasons"}},
      {"emit", "whole verdicts", "verdicts", "", {}},
      {"link", "what the second stage is told", "entities", "", {}}};
  return all;
}

const Stream* find_stream(std::string_view name) {
  const auto found = std::ranges::find(streams(), name, &Stream::name);
  return found == streams().end() ? nullptr : &*found;
}

const Step* find_step(std::string_view name) {
  const auto found = std::ranges::find(steps(), name, &Step::name);
  return found == steps().end() ? nullptr : &*found;
}

std::string catalogue_text() {
  std::string text = "Topics:\n";
  for (const Stream& stream : streams()) {
    text += fmt::format("  {:<16} {}\n", stream.name, stream.about);
  }
  text += "\nSteps, by what leaves them and can be seen in a topic (remember only writes state):\n";
  for (const Step& step : steps()) {
    text += fmt::format("  {:<16} {} ({}{}{})\n", step.name, step.about, step.stream,
                        step.where.empty() ? "" : " where ", step.where);
  }
  return text;
}

}  // namespace weir::tap
