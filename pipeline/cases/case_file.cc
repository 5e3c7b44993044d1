#include "pipeline/cases/case_file.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <span>
#include <sstream>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "pipeline/cases/case_keys.h"
#include "pipeline/config/suggest.h"
#include "pipeline/config/units.h"
#include "pipeline/core/event_time.h"
#include "pipeline/tap/record_fields.h"

namespace weir::cases {
namespace {

using config::Diagnostic;
using config::Place;
using config::YamlEntry;
using config::YamlNode;
using Json = nlohmann::ordered_json;

constexpr std::int64_t kNowMs = 1'704'067'200'000;  // 2024-01-01T00:00:00Z

std::vector<std::string> names_of(std::span<const CaseKey> keys) {
  std::vector<std::string> names;
  for (const CaseKey& key : keys) names.emplace_back(key.name);
  return names;
}

/// "reasons.0.code" as the catalogue has it: "reasons.code".
std::string without_places(std::string_view path) {
  std::string plain;
  while (!path.empty()) {
    const auto part = path.substr(0, path.find('.'));
    path.remove_prefix(std::min(part.size() + 1, path.size()));
    if (part.find_first_not_of("0123456789") == part.npos) continue;
    plain += (plain.empty() ? "" : ".") + std::string(part);
  }
  return plain;
}

class Reader {
 public:
  Reader(std::string file, std::vector<Diagnostic>& diagnostics)
      : file_(std::move(file)), diagnostics_(diagnostics) {}

  CaseFile read(const YamlNode& root) {
    CaseFile result;
    result.name = file_;
    if (!known(root, kFileKeys)) return result;
    for (const YamlEntry& entry : root.entries) {
      if (entry.key == "config") {
        result.config =
            (std::filesystem::path(file_).parent_path() / entry.value.text).lexically_normal();
      } else if (entry.key == "set") {
        for (const YamlNode& item : items(entry)) result.set.push_back(item.text);
      } else if (entry.key == "defaults") {
        defaults_ = fields(entry.value, kPaymentWords);
      }
    }
    // `defaults` may stand behind `cases`.
    for (const YamlEntry& entry : root.entries) {
      if (entry.key != "cases") continue;
      for (const YamlNode& item : items(entry)) result.cases.push_back(one_case(item));
    }
    if (result.cases.empty()) wrong(root.place, "no cases", "`weir test --help` shows one");
    return result;
  }

 private:
  void wrong(Place place, std::string what, std::string remedy) {
    diagnostics_.push_back({file_, place, std::move(what), std::move(remedy)});
  }

  /// A map of these keys and no others.
  bool known(const YamlNode& node, std::span<const CaseKey> keys) {
    const auto names = names_of(keys);
    if (node.kind != YamlNode::Kind::kMap) {
      wrong(node.place, "a map expected", fmt::format("give {}", fmt::join(names, ", ")));
      return false;
    }
    for (const YamlEntry& entry : node.entries) {
      if (std::ranges::find(names, entry.key) == names.end())
        unknown(entry, "key", config::nearest(entry.key, names), names);
    }
    return true;
  }

  void unknown(const YamlEntry& entry, std::string_view what,
               const std::optional<std::string>& nearest, const std::vector<std::string>& names) {
    wrong(entry.place, fmt::format("unknown {} '{}'", what, entry.key),
          nearest ? fmt::format("did you mean '{}'?", *nearest)
                  : fmt::format("use one of {}", fmt::join(names, ", ")));
  }

  const std::vector<YamlNode>& items(const YamlEntry& entry) {
    if (entry.value.kind != YamlNode::Kind::kList)
      wrong(entry.place, fmt::format("{}: a list expected", entry.key), "begin each with '- '");
    return entry.value.items;
  }

  const std::vector<YamlEntry>& entries(const YamlEntry& entry, std::string_view remedy) {
    if (entry.value.kind != YamlNode::Kind::kMap)
      wrong(entry.place, fmt::format("{}: a map expected", entry.key), std::string(remedy));
    return entry.value.entries;
  }

  Case one_case(const YamlNode& node) {
    Case one;
    one.place = node.place;
    one.now_ms = kNowMs;
    if (!known(node, kCaseKeys)) return one;
    for (const YamlEntry& entry : node.entries) {
      if (entry.key == "name") one.name = entry.value.text;
      if (entry.key == "now") one.now_ms = time(entry.value);
      if (entry.key == "events") {
        for (const YamlNode& item : items(entry)) one.events.push_back(event(item));
      }
      if (entry.key == "state") {
        for (const YamlEntry& user : entries(entry, "write {U1: history_rows == 1}"))
          one.state.push_back({user.key, user.value.text, user.value.place});
      }
    }
    if (one.name.empty()) wrong(node.place, "a case without a name", "add name: what it shows");
    if (one.events.empty())
      wrong(node.place, "a case without events", "add events: [{payment: {user: U1}}]");
    return one;
  }

  Event event(const YamlNode& node) {
    Event event;
    event.place = node.place;
    if (!known(node, kEventKeys)) return event;
    int kinds = 0;
    for (const YamlEntry& entry : node.entries) {
      if (entry.key == "times") {
        event.times = times(entry.value);
      } else if (entry.key == "every") {
        event.advance_ms = duration(entry.value);
      } else if (entry.key == "expect") {
        event.expects = true;
        expectations(entry, event);
      } else {
        ++kinds;
        what(entry, event);
      }
    }
    if (kinds != 1) {
      const auto names = names_of(std::span(kEventKeys).first(kEventKinds));
      wrong(node.place, kinds == 0 ? "an event without its kind" : "an event of two kinds",
            fmt::format("give one of {}", fmt::join(names, ", ")));
    }
    return event;
  }

  void expectations(const YamlEntry& expect, Event& event) {
    const auto ours = names_of(kExpectKeys);
    for (const YamlEntry& field : entries(expect, "write {action: approve}")) {
      event.expect.push_back({field.key, field.value, field.value.place});
      const std::string plain = without_places(field.key);
      if (std::ranges::find(ours, field.key) != ours.end() || of_verdict_.find(plain)) continue;
      const auto nearest = config::nearest(field.key, ours);
      unknown(field, "field", nearest ? nearest : of_verdict_.nearest(plain), ours);
    }
  }

  void what(const YamlEntry& entry, Event& event) {
    if (entry.key == "advance") {
      event.kind = Event::Kind::kAdvance;
      event.advance_ms = duration(entry.value);
    } else if (entry.key == "record") {
      event.kind = Event::Kind::kRecord;
      if (!known(entry.value, kRecordKeys)) return;
      for (const YamlEntry& part : entry.value.entries)
        (part.key == "key" ? event.key : event.value) = part.value.text;
    } else if (entry.key == "label") {
      event.kind = Event::Kind::kLabel;
      event.fields = fields(entry.value, kLabelWords);
    } else {
      event.kind = Event::Kind::kPayment;
      event.fields = defaults_;
      event.fields.update(fields(entry.value, kPaymentWords));
    }
  }

  /// Short words made long; scalars as JSON would have them.
  Json fields(const YamlNode& node, std::span<const FieldWord> words) {
    Json json = Json::object();
    if (node.kind != YamlNode::Kind::kMap) {
      wrong(node.place, "a map of fields expected", "write {user: U1, amount: 12.50}");
      return json;
    }
    for (const YamlEntry& entry : node.entries) {
      const auto found = std::ranges::find(words, entry.key, &FieldWord::name);
      const bool is_short = found != words.end() && !found->field.empty();
      const std::string name(is_short ? found->field : entry.key);
      if (name == "at") (void)time(entry.value);
      json[name] = value(entry.value);
    }
    return json;
  }

  static Json value(const YamlNode& node) {
    if (node.kind == YamlNode::Kind::kNull) return nullptr;
    if (node.kind == YamlNode::Kind::kMap) {
      Json json = Json::object();
      for (const YamlEntry& entry : node.entries) json[entry.key] = value(entry.value);
      return json;
    }
    if (node.kind == YamlNode::Kind::kList) {
      Json json = Json::array();
      for (const YamlNode& item : node.items) json.push_back(value(item));
      return json;
    }
    if (node.quoted) return node.text;
    Json parsed = Json::parse(node.text, nullptr, false);
    return parsed.is_number() || parsed.is_boolean() || parsed.is_null() ? parsed : Json(node.text);
  }

  std::int64_t time(const YamlNode& node) {
    const auto parsed = parse_event_time(node.text);
    if (parsed) return parsed->ms;
    wrong(node.place, fmt::format("'{}' is no time", node.text), "write 2018-06-11T10:00:00Z");
    return 0;
  }

  std::int64_t duration(const YamlNode& node) {
    const auto read = config::read_duration(node.text, std::chrono::hours(1));
    if (const auto* value = std::get_if<std::chrono::milliseconds>(&read)) return value->count();
    const auto& complaint = std::get<config::Complaint>(read);
    wrong(node.place, complaint.what, complaint.remedy);
    return 0;
  }

  std::uint64_t times(const YamlNode& node) {
    std::uint64_t count = 0;
    const char* end = node.text.data() + node.text.size();
    const auto [at, error] = std::from_chars(node.text.data(), end, count);
    if (error == std::errc() && at == end && count >= 1 && count <= kTimesMax) return count;
    wrong(node.place, fmt::format("times: '{}' is no number of times", node.text),
          fmt::format("use 1 to {}", kTimesMax));
    return 1;
  }

  std::string file_;
  std::vector<Diagnostic>& diagnostics_;
  Json defaults_ = Json::object();
  const query::FieldCatalogue of_verdict_ = tap::verdict_fields();
};

}  // namespace

std::optional<CaseFile> read_case_file(const std::string& file,
                                       std::vector<Diagnostic>& diagnostics) {
  std::ifstream in(file, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  if (!in) {
    diagnostics.push_back({file, {}, "cannot be read", "check the path"});
    return std::nullopt;
  }
  const auto document = config::read_yaml(text.str(), file, diagnostics);
  const auto bad = [&] {
    return std::ranges::any_of(
        diagnostics, [](const auto& d) { return d.severity == config::Severity::kError; });
  };
  if (bad()) return std::nullopt;
  CaseFile read = Reader(file, diagnostics).read(document.root);
  if (bad()) return std::nullopt;
  return read;
}

}  // namespace weir::cases
