// weir reference: pages of deploy/reference/, made from the tables that the program itself works
// with, so they cannot be out of date. A test compares what is committed with what this prints.

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "operators/explain.h"
#include "pipeline/commands.h"
#include "pipeline/config/keys.h"
#include "pipeline/core/money.h"
#include "pipeline/system_clock.h"
#include "pipeline/telemetry/exposition.h"

namespace weir {
namespace {

constexpr std::string_view kMade =
    "<!-- Made by `weir reference {}`. Do not edit: change the code and run "
    "`deploy/reference/make`. -->\n\n";

/// Text in a cell of a table.
std::string cell(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '|') result += '\\';
    result += c == '\n' ? ' ' : c;
  }
  return result;
}

// --- keys ---------------------------------------------------------------------------------------

std::string section_of(std::string_view path) {
  const auto dot = path.find('.');
  return std::string(dot == path.npos || path.starts_with("instance.") ? "" : path.substr(0, dot));
}

std::string keys_page() {
  std::string text =
      "# Configuration keys\n\nEvery key that `weir` knows; any other is an error. Durations "
      "(`20ms`, `24h`) and sizes "
      "(`64KiB`) carry their unit. `*` stands for a name you choose, or for an entry of a list. A "
      "text key may be given as "
      "`<key>_file`, the file that holds the value. `configs/handbook.yaml` shows all of them in "
      "use.\n";
  config::Config defaults;
  std::vector<std::string> sections;
  std::map<std::string, std::string> rows;
  for (const config::Key& key : config::all_keys()) {
    const auto section = section_of(key.path);
    if (std::ranges::find(sections, section) == sections.end()) sections.push_back(section);
    std::string fallback = "required";
    if (key.path.find('*') != key.path.npos) {
      fallback = "";
    } else if (!key.required) {
      fallback = fmt::format("`{}`", config::value_of(key.slot, defaults, {}));
    }
    rows[section] += fmt::format("| `{}` | {} | {} | {} |\n", key.path,
                                 cell(config::type_of(key.slot)), cell(fallback), cell(key.effect));
  }
  for (const auto& section : sections) {
    text += fmt::format("\n## {}\n\n| key | value | default | effect |\n|---|---|---|---|\n{}",
                        section.empty() ? "the pipeline" : section, rows[section]);
  }
  return text;
}

// --- metrics ------------------------------------------------------------------------------------

struct Shown {
  std::string type, help;
  std::vector<std::string> label_order;
  std::map<std::string, std::vector<std::string>> labels;
};

void add_label(Shown& to, const std::string& name, const std::string& value) {
  if (to.labels.find(name) == to.labels.end()) to.label_order.push_back(name);
  auto& values = to.labels[name];
  if (std::ranges::find(values, value) == values.end()) values.push_back(value);
}

/// name="value",... up to the closing brace.
void add_labels(Shown& to, std::string_view text) {
  while (true) {
    const auto equals = text.find("=\"");
    if (equals == text.npos) return;
    const auto end = text.find('"', equals + 2);
    add_label(to, std::string(text.substr(0, equals)),
              std::string(text.substr(equals + 2, end - equals - 2)));
    if (end + 2 > text.size()) return;
    text.remove_prefix(end + 2);
  }
}

/// What the endpoint of a new instance says, by family, in its order.
std::vector<std::pair<std::string, Shown>> families_of(std::string_view exposition) {
  std::vector<std::pair<std::string, Shown>> families;
  while (!exposition.empty()) {
    const auto line = exposition.substr(0, exposition.find('\n'));
    exposition.remove_prefix(std::min(line.size() + 1, exposition.size()));
    const auto word = line.substr(7, line.find(' ', 7) - 7);
    if (line.starts_with("# HELP ")) {
      families.push_back(
          {std::string(word), {"", std::string(line.substr(8 + word.size())), {}, {}}});
    } else if (line.starts_with("# TYPE ")) {
      families.back().second.type = line.substr(8 + word.size());
    } else if (const auto brace = line.find('{'); brace != line.npos) {
      add_labels(families.back().second, line.substr(brace + 1, line.rfind('}') - brace - 1));
    }
  }
  return families;
}

/// Values that are few and fixed are named; buckets by their ends.
std::string labels_in_words(const Shown& family) {
  std::string text;
  for (const auto& name : family.label_order) {
    const auto& values = family.labels.at(name);
    if (!text.empty()) text += "; ";
    if (name == "le") {
      text += fmt::format("buckets {} to {}", values.front(), values[values.size() - 2]);
    } else if (name == "worker" || name == "source" || name == "revision" || name == "version" ||
               name == "digest" || name == "name") {
      text += fmt::format("`{}`", name);
    } else {
      text += fmt::format("`{}`: {}", name, fmt::join(values, ", "));
    }
  }
  return text;
}

std::string metrics_page() {
  const SystemClock clock;
  telemetry::Health health(clock, 1);
  telemetry::Exposition exposition({"x", "x"}, health);
  telemetry::WorkerMetrics metrics;
  // Families by source have no series before the first label.
  metrics.labels.count("x", true, telemetry::LabelFate::kApplied, 0);
  exposition.add_worker("0", metrics);
  std::string text =
      "# Metrics\n\nWhat `/metrics` (`admin.listen`) says of one instance. `worker` is "
      "`<n>` for payments and "
      "`entities-<n>` for the second stage. Counters begin with the process; no label holds a "
      "user, card or merchant.\n\n"
      "| name | type | what it is | labels |\n|---|---|---|---|\n";
  for (const auto& [name, family] : families_of(exposition.render_prometheus())) {
    text += fmt::format("| `{}` | {} | {} | {} |\n", name, family.type, cell(family.help),
                        cell(labels_in_words(family)));
  }
  return text;
}

// --- reasons ------------------------------------------------------------------------------------

/// In the order of telemetry::RejectReason.
constexpr std::array<std::string_view, telemetry::kRejectReasonNames.size()> kRejected = {
    "not one JSON object, bytes behind it, a wrong type, a known field twice, nesting above 32; "
    "what is none on an internal topic",
    "key and value together above `input.record_bytes_max`",
    "a required field or the record key missing, null or empty",
    "the record key is not `user_id`",
    "a value that cannot be: amount, currency, time, id, country; bytes that are not UTF-8",
    "a raw card number in key or value; all but its last four digits are masked",
    "event time ahead of the record's timestamp by more than `input.future_max`",
    "it took the process down twice; a payment gets a verdict with the safe action as well",
    "a schema id that nobody registered, or a schema that cannot be one of a payment or label"};
static_assert(!kRejected.back().empty());

/// Of payments that were not decided from everything they should be; `degraded` of a verdict.
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kDegraded = {{
    {"no_model", "no model is configured: `decide.prior` stands for the score"},
    {"score_invalid", "the model failed or gave no number: `decide.safe_action`"},
    {"poison", "the record took the process down twice: `decide.safe_action`"},
    {"profile_stale", "what is known of an entity is older than `entities.max_staleness`"},
    {"profile_down", "nothing is known of entities: their stage was never heard of"},
}};

std::string reasons_page() {
  std::string text =
      "# Reason codes\n\n## Of verdicts: `reasons[].code`\n\nWhat is unusual about a payment "
      "against its user's own past; the "
      "three largest, at least three bits of surprise each. They explain the payment, not the "
      "model.\n\n"
      "| code | typical range | for example |\n|---|---|---|\n";
  const Currency& euro = *find_currency("EUR");
  for (std::uint8_t code = 0; code < operators::kReasonCodes; ++code) {
    const auto name = operators::reason_name(code);
    std::string example;
    const bool below = name == "amount_low" || name == "soon_after_last" || name == "unusual_hour";
    const Reason reason{code, below ? 3.0 : 31.0, 8, 23};
    operators::append_reason_text(example, reason, euro);
    text += fmt::format("| `{}` | {} | {} |\n", name,
                        operators::has_typical_range(code) ? "yes" : "no", cell(example));
  }
  text +=
      "\n## Of dead letters: header `weir-reason`\n\nThe first thing found wrong, in a fixed "
      "order; also the label `reason` of "
      "`weir_dead_letters_total`.\n\n| code | what came |\n|---|---|\n";
  for (std::size_t i = 0; i < kRejected.size(); ++i) {
    text += fmt::format("| `{}` | {} |\n", telemetry::kRejectReasonNames[i], kRejected[i]);
  }
  text +=
      "\n## Of verdicts not made from everything: `degraded[]`\n\nAlso the label `cause` of "
      "`weir_degraded_total`.\n\n"
      "| code | what was missing |\n|---|---|\n";
  for (const auto& [code, meaning] : kDegraded)
    text += fmt::format("| `{}` | {} |\n", code, meaning);
  return text;
}

// --- topics -------------------------------------------------------------------------------------

struct TopicRow {
  std::string_view key;  // of the configuration, and of its table
  std::string_view record_key, value, written_by, read_by, cleanup;
};

constexpr std::array<TopicRow, 11> kTopics = {{
    {"topics.transactions", "`user_id`", "payment, JSON, Avro or Protobuf", "you", "Weir",
     "delete"},
    {"topics.labels", "`user_id`", "label, JSON, Avro or Protobuf", "you", "Weir", "delete"},
    {"topics.verdicts", "`user_id`", "verdict, JSON, Avro or Protobuf", "Weir",
     "you, read_committed", "delete"},
    {"topics.features", "`user_id`", "what a verdict was made from, JSON", "Weir",
     "training, audit", "delete"},
    {"topics.dead_letters", "the record's own", "the original bytes, masked", "Weir", "you",
     "delete"},
    {"topics.metrics", "`instance.id`", "figures of a window, JSON", "Weir", "you", "delete"},
    {"topics.audit", "`user_id`", "what an analyst decided, JSON; where there is a console", "Weir",
     "Weir, audit", "delete"},
    {"topics.state", "user and slot", "changelog, binary", "Weir", "Weir", "compact"},
    {"topics.entities", "kind and id", "payments and labels by entity, binary", "Weir",
     "Weir; validators", "delete"},
    {"topics.entity_profiles", "kind and id", "profile, binary", "Weir", "Weir", "compact"},
    {"topics.entity_state", "entity and row", "changelog, binary", "Weir", "Weir", "compact"},
}};

std::string topics_page() {
  std::string text =
      "# Topics\n\n`transactions`, `labels`, `verdicts`, `features`, `dead-letters` and "
      "`weir-state-decisions` have equally many "
      "partitions; so have the three of entities, in a number of their own; `metrics` has one. "
      "`deploy/topics/weir-topics` makes them, with settings and rights.\n\n"
      "| key | default name | record key | value | written by | read by | cleanup "
      "|\n|---|---|---|---|---|---|---|\n";
  config::Config defaults;
  for (const TopicRow& row : kTopics) {
    const auto match = config::find_key(row.key);
    const auto name = match ? config::value_of(match->key->slot, defaults, {}) : std::string();
    text += fmt::format("| `{}` | `{}` | {} | {} | {} | {} | {} |\n", row.key,
                        name.substr(1, name.size() - 2), row.record_key, row.value, row.written_by,
                        row.read_by, row.cleanup);
  }
  return text;
}

}  // namespace

int reference_command(const std::string& page) {
  fmt::print(fmt::runtime(kMade), page);
  fmt::print("{}", page == "keys"      ? keys_page()
                   : page == "metrics" ? metrics_page()
                   : page == "reasons" ? reasons_page()
                                       : topics_page());
  return kExitOk;
}

}  // namespace weir
