#include "pipeline/config/assignments.h"

#include <algorithm>

#include <fmt/format.h>

#include "operators/decode.h"
#include "operators/decode_label.h"
#include "pipeline/config/features.h"
#include "pipeline/config/suggest.h"
#include "pipeline/config/text_forms.h"

namespace weir::config {
namespace {

constexpr std::string_view kPropertiesSection = "kafka.properties";
constexpr std::string_view kPaymentMapping = "mapping.transactions.";
constexpr std::string_view kLabelMapping = "mapping.labels.";
constexpr std::string_view kCurrencySection = "decide.costs_by_currency";

std::string_view last_word(std::string_view path) {
  return path.substr(path.rfind('.') + 1);
}

/// Full paths to choose a suggestion from: every key, without those of a `*`.
std::vector<std::string> all_paths() {
  std::vector<std::string> paths;
  for (const Key& key : all_keys()) {
    if (key.path.find('*') == std::string_view::npos) paths.emplace_back(key.path);
  }
  return paths;
}

/// What to write instead of `word`, which is unknown directly below `section`.
std::string remedy_for(std::string_view section, std::string_view word) {
  const std::string path =
      section.empty() ? std::string(word) : fmt::format("{}.{}", section, word);
  const auto siblings = words_below(section);
  if (auto near = nearest(word, siblings)) return fmt::format("did you mean '{}'?", *near);
  if (word.find('.') != std::string_view::npos) {
    if (auto near = nearest(path, all_paths())) return fmt::format("did you mean '{}'?", *near);
  }
  for (const std::string& known : all_paths()) {
    if (last_word(known) == last_word(word)) return fmt::format("did you mean '{}'?", known);
  }
  if (siblings.empty()) return "remove it";
  return fmt::format("{}: {}", section.empty() ? "known here" : fmt::format("known in {}", section),
                     fmt::join(siblings, ", "));
}

/// The key of `path`, which may be a text key with "_file" behind it.
std::optional<KeyMatch> find_assigned(std::string& path, bool& from_file) {
  from_file = false;
  if (path.ends_with(kFileSuffix)) {
    const std::string plain = path.substr(0, path.size() - kFileSuffix.size());
    auto match = find_key(plain);
    if (match && std::holds_alternative<TextKey>(match->key->slot)) {
      from_file = true;
      path = plain;
      return match;
    }
  }
  return find_key(path);
}

class TreeWalk {
 public:
  TreeWalk(const std::string& source, Assignments& assignments,
           std::vector<Diagnostic>& diagnostics)
      : source_(source), assignments_(assignments), diagnostics_(diagnostics) {}

  void section(const YamlNode& map, const std::string& path) {
    for (const YamlEntry& entry : map.entries) {
      this->entry(entry, path.empty() ? entry.key : fmt::format("{}.{}", path, entry.key), path);
    }
  }

 private:
  void complain(Place place, std::string what, std::string remedy) {
    diagnostics_.push_back({source_, place, std::move(what), std::move(remedy), Severity::kError});
  }

  void entry(const YamlEntry& entry, std::string path, const std::string& section_path) {
    const YamlNode& value = entry.value;
    if (value.kind == YamlNode::Kind::kUnusable) return;
    if (path == kFeaturesSection) return features(entry);
    if (path.starts_with("features.")) return complain_no_list(entry.place);
    bool from_file = false;
    auto match = find_assigned(path, from_file);
    const bool section_here = is_section(path);
    if (section_here && (!match || value.kind == YamlNode::Kind::kMap)) {
      return below(entry, path);
    }
    if (!match) {
      return complain(entry.place, fmt::format("unknown key '{}'", entry.key),
                      remedy_for(section_path, entry.key));
    }
    if (value.kind == YamlNode::Kind::kNull) {
      return complain(entry.place, fmt::format("{} has no value", path),
                      "write one, or remove the line");
    }
    if (value.kind == YamlNode::Kind::kMap) {
      return complain(entry.place, fmt::format("{} is a value, not a section", path),
                      fmt::format("write {}", type_of(match->key->slot)));
    }
    add(path, {std::move(*match), value, source_, entry.place, from_file});
  }

  /// The one list of maps; its keys get paths as if the entries' numbers were names.
  void features(const YamlEntry& list) {
    if (list.value.kind == YamlNode::Kind::kNull) return;  // all commented out
    if (list.value.kind != YamlNode::Kind::kList) {
      return complain_no_list(list.value.place);
    }
    if (list.value.items.size() > kFeaturesMax) {
      return complain(list.place, fmt::format("more than {} features", kFeaturesMax),
                      "declare fewer");
    }
    for (std::size_t i = 0; i < list.value.items.size(); ++i) {
      const YamlNode& item = list.value.items[i];
      if (item.kind == YamlNode::Kind::kUnusable) continue;
      if (item.kind != YamlNode::Kind::kMap || item.entries.empty()) {
        complain(item.place, fmt::format("feature {} holds no keys", i + 1),
                 "write it like {name: count_1d, entity: user, function: count, window: 1d}");
        continue;
      }
      for (const YamlEntry& entry : item.entries) feature_key(entry, i);
    }
  }

  void complain_no_list(Place place) {
    complain(place, "features is a list",
             "write one '- {name: ..., entity: ..., function: ...}' a line below it");
  }

  void feature_key(const YamlEntry& entry, std::size_t index) {
    const std::string section = fmt::format("{}.{}", kFeaturesSection, index);
    std::string path = fmt::format("{}.{}", section, entry.key);
    auto match = find_key(path);
    if (!match) {
      const auto siblings = words_below(section);
      const auto near = nearest(entry.key, siblings);
      return complain(entry.place, fmt::format("unknown key '{}' of a feature", entry.key),
                      near ? fmt::format("did you mean '{}'?", *near)
                           : fmt::format("known: {}", fmt::join(siblings, ", ")));
    }
    if (entry.value.kind == YamlNode::Kind::kNull) {
      return complain(entry.place, fmt::format("{} has no value", entry.key),
                      "write one, or remove it");
    }
    add(std::move(path), {std::move(*match), entry.value, source_, entry.place, false});
  }

  void below(const YamlEntry& entry, const std::string& path) {
    if (entry.value.kind == YamlNode::Kind::kNull)
      return;  // a section whose keys are all commented out
    if (entry.value.kind != YamlNode::Kind::kMap) {
      const auto words = words_below(path);
      return complain(entry.value.place, fmt::format("{} is a section, not a value", path),
                      words.empty() ? "put 'name: value' lines below it"
                                    : fmt::format("put keys below it: {}", fmt::join(words, ", ")));
    }
    section(entry.value, path);
  }

  void add(const std::string& path, const Assignment& assignment) {
    const auto [known, added] = assignments_.try_emplace(path, assignment);
    if (added) return;
    complain(assignment.place,
             fmt::format("{} is given twice, first at {}:{}", path, known->second.place.line,
                         known->second.place.column),
             "keep one of them");
  }

  const std::string& source_;
  Assignments& assignments_;
  std::vector<Diagnostic>& diagnostics_;
};

/// Fields have the names that they have in plain JSON.
std::optional<Complaint> refuse_field(std::string_view section, std::string_view name) {
  const auto fields =
      section == kPaymentMapping ? operators::payment_fields() : operators::label_fields();
  std::vector<std::string> known;
  for (const auto& field : fields) {
    if (field.kind != operators::FieldKind::kFlatMap) known.emplace_back(field.name);
  }
  if (std::find(known.begin(), known.end(), name) != known.end()) return std::nullopt;
  const auto near = nearest(name, known);
  return Complaint{fmt::format("{}{}: no such field", section, name),
                   near ? fmt::format("did you mean '{}'?", *near)
                        : fmt::format("known: {}", fmt::join(known, ", "))};
}

/// Names that stand in for a `*` have rules of their own.
std::optional<Complaint> refuse_name(std::string_view path, const KeyMatch& match) {
  if (path.starts_with(kPropertiesSection)) {
    if (const auto reason = refuse_kafka_property(match.name)) {
      return Complaint{fmt::format("{} cannot be set: {}", path, *reason), "remove it"};
    }
    if (!is_property_name(match.name)) {
      return Complaint{fmt::format("'{}' is not a librdkafka property", match.name),
                       "check the name"};
    }
  }
  for (const std::string_view section : {kPaymentMapping, kLabelMapping}) {
    if (!path.starts_with(section)) continue;
    if (auto complaint = refuse_field(section, match.name)) return complaint;
  }
  if (path.starts_with(kCurrencySection) && !is_currency(match.name)) {
    return Complaint{fmt::format("unknown currency '{}'", match.name),
                     "use an ISO 4217 code such as EUR"};
  }
  return std::nullopt;
}

}  // namespace

void assign_tree(const YamlNode& root, const std::string& source, Assignments& assignments,
                 std::vector<Diagnostic>& diagnostics) {
  if (root.kind == YamlNode::Kind::kScalar || root.kind == YamlNode::Kind::kList) {
    diagnostics.push_back({source, root.place, "the file holds a value, not keys",
                           "write 'key: value' lines", Severity::kError});
    return;
  }
  TreeWalk(source, assignments, diagnostics).section(root, "");
  for (auto it = assignments.begin(); it != assignments.end();) {
    const auto complaint = refuse_name(it->first, it->second.match);
    if (!complaint) {
      ++it;
      continue;
    }
    diagnostics.push_back(
        {source, it->second.place, complaint->what, complaint->remedy, Severity::kError});
    it = assignments.erase(it);
  }
}

void assign_override(std::string_view argument, Assignments& assignments,
                     std::vector<Diagnostic>& diagnostics) {
  const auto complain = [&](std::string what, std::string remedy) {
    diagnostics.push_back(
        {std::string(kSetSource), {}, std::move(what), std::move(remedy), Severity::kError});
  };
  const auto equals = argument.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    return complain(fmt::format("'{}' is not key=value", argument),
                    "write it like commit.interval=50ms");
  }
  std::string path(argument.substr(0, equals));
  if (path == kFeaturesSection || path.starts_with("features.")) {
    return complain("features cannot be set on the command line", "declare them in the file");
  }
  bool from_file = false;
  auto match = find_assigned(path, from_file);
  if (!match) {
    if (is_section(path)) {
      return complain(fmt::format("{} is a section, not a key", path),
                      fmt::format("set one of its keys: {}", fmt::join(words_below(path), ", ")));
    }
    const auto near = nearest(path, all_paths());
    return complain(fmt::format("unknown key '{}'", path),
                    near ? fmt::format("did you mean '{}'?", *near) : "see `weir check --keys`");
  }
  if (const auto complaint = refuse_name(path, *match))
    return complain(complaint->what, complaint->remedy);
  YamlNode value;
  value.kind = YamlNode::Kind::kScalar;
  value.text = argument.substr(equals + 1);
  assignments.insert_or_assign(
      path,
      Assignment{std::move(*match), std::move(value), std::string(kSetSource), {}, from_file});
}

}  // namespace weir::config
