#include "pipeline/config/load.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include "operators/decode.h"
#include "operators/decode_label.h"
#include "pipeline/config/assignments.h"
#include "pipeline/config/features.h"
#include "pipeline/config/interpolation.h"
#include "pipeline/config/keys.h"
#include "pipeline/config/read_value.h"
#include "pipeline/config/secret_file.h"
#include "pipeline/config/units.h"
#include "pipeline/config/yaml_tree.h"

namespace weir::config {
namespace {

constexpr std::uintmax_t kFileBytesMax = 1U << 20;
constexpr std::size_t kCurrenciesMax = 16;

/// Turns assignments into a Config, one after the other, collecting every complaint.
class Loader {
 public:
  Loader(const std::string& source, const Environment& environment)
      : source_(source), environment_(environment), file_dir_(absolute(source).parent_path()) {}

  Loaded load(std::string_view yaml, const std::vector<std::string>& overrides) {
    const YamlDocument document = read_yaml(yaml, source_, loaded_.diagnostics);
    assign_tree(document.root, source_, assignments_, loaded_.diagnostics);
    for (const std::string& argument : overrides)
      assign_override(argument, assignments_, loaded_.diagnostics);

    make_room_for_features();
    for (const auto& [path, assignment] : assignments_) apply(path, assignment);
    compile_features(assignments_, loaded_.origins, loaded_.config, loaded_.diagnostics);
    const bool holds_keys =
        document.root.kind == YamlNode::Kind::kMap || document.root.kind == YamlNode::Kind::kNull;
    if (document.complete && holds_keys) require_keys();
    check_together();
    loaded_.config.operators.input_topic = loaded_.config.topics.transactions;
    loaded_.config.operators.label_topic = loaded_.config.topics.labels;

    std::stable_sort(loaded_.diagnostics.begin(), loaded_.diagnostics.end(),
                     [](const auto& a, const auto& b) {
                       return std::pair(a.source == kSetSource, a.place) <
                              std::pair(b.source == kSetSource, b.place);
                     });
    return std::move(loaded_);
  }

 private:
  static std::filesystem::path absolute(const std::string& path) {
    std::error_code ignored;  // no working directory: relative paths stay relative
    auto result = std::filesystem::absolute(path, ignored);
    return ignored ? std::filesystem::path(path) : result;
  }

  void report(const Assignment& at, Place place, std::string what, std::string remedy,
              Severity severity = Severity::kError) {
    loaded_.diagnostics.push_back({at.source, place, std::move(what), std::move(remedy), severity});
  }

  void make_room_for_features() {
    auto& features = loaded_.config.features;
    for (const auto& [path, assignment] : assignments_) {
      if (!path.starts_with("features.")) continue;
      features.resize(std::max(features.size(), feature_index(assignment.match.name) + 1));
    }
  }

  // -- one key

  void apply(const std::string& path, const Assignment& assignment) {
    const Slot& slot = assignment.match.key->slot;
    Origin origin = origin_of(path, assignment);
    bool good = true;
    if (const auto* list = std::get_if<TextListKey>(&slot)) {
      list->field(loaded_.config, assignment.match.name).clear();
      for (const YamlNode& item : items_of(assignment))
        good = apply_one(path, assignment, item, origin) && good;
    } else if (assignment.value.kind == YamlNode::Kind::kList) {
      report(assignment, assignment.value.place, fmt::format("{} is one value, not a list", path),
             fmt::format("write {}", type_of(slot)));
      good = false;
    } else {
      good = apply_one(path, assignment, assignment.value, origin);
    }
    if (good) loaded_.origins.insert_or_assign(path, std::move(origin));
  }

  /// The items of a list key; on the command line they are separated by commas.
  static std::vector<YamlNode> items_of(const Assignment& assignment) {
    if (assignment.value.kind == YamlNode::Kind::kList) return assignment.value.items;
    if (assignment.source != kSetSource) return {assignment.value};  // one item may stand alone
    std::vector<YamlNode> items;
    std::istringstream in(assignment.value.text);
    for (YamlNode item = assignment.value; std::getline(in, item.text, ',');) items.push_back(item);
    return items;
  }

  bool apply_one(const std::string& path, const Assignment& assignment, const YamlNode& node,
                 Origin& origin) {
    if (node.kind == YamlNode::Kind::kUnusable) return false;
    if (node.kind != YamlNode::Kind::kScalar) {
      report(assignment, node.place, fmt::format("{} holds something that is not a value", path),
             fmt::format("write {}", type_of(assignment.match.key->slot)));
      return false;
    }
    auto value = text_of(path, assignment, node, origin);
    if (!value) return false;
    auto complaint = read_value(assignment.match.key->slot, loaded_.config, assignment.match.name,
                                *value, base_of(assignment));
    if (!complaint) return true;
    if (origin.secret) {  // the complaint may quote it
      complaint->what = "the value does not fit";
      if (value->form == Form::kPlain) complaint->remedy = "put it in quotes";
    }
    report(assignment, node.place, fmt::format("{}: {}", path, complaint->what), complaint->remedy);
    return false;
  }

  /// The value's final text: variables replaced, secret files read.
  std::optional<Value> text_of(const std::string& path, const Assignment& assignment,
                               const YamlNode& node, Origin& origin) {
    Value value{node.text, node.quoted ? Form::kQuoted : Form::kPlain, node.place};
    if (assignment.source == kSetSource) {
      value.form = Form::kUntyped;
    } else {
      auto interpolated = interpolate(node.text, environment_);
      if (const auto* complaint = std::get_if<Complaint>(&interpolated)) {
        report(assignment, node.place, fmt::format("{}: {}", path, complaint->what),
               complaint->remedy);
        return std::nullopt;
      }
      auto& text = std::get<Interpolated>(interpolated);
      value.text = std::move(text.text);
      if (text.replaced) {
        value.form = Form::kUntyped;
        origin.text += ", environment";
      }
    }
    if (assignment.from_file && !read_file(path, assignment, value, origin)) return std::nullopt;
    return value;
  }

  bool read_file(const std::string& path, const Assignment& assignment, Value& value,
                 Origin& origin) {
    const auto file = (base_of(assignment) / value.text).lexically_normal();
    auto secret = read_secret_file(file);
    if (const auto* complaint = std::get_if<Complaint>(&secret)) {
      report(assignment, value.place, fmt::format("{}{}: {}", path, kFileSuffix, complaint->what),
             complaint->remedy);
      return false;
    }
    auto& read = std::get<SecretFile>(secret);
    if (!read.warning.empty()) {
      report(assignment, value.place, fmt::format("{}{}: {}", path, kFileSuffix, read.warning),
             read.warning_remedy, Severity::kWarning);
    }
    value.text = std::move(read.text);
    value.form = Form::kUntyped;
    origin.secret = true;
    origin.secret_file = file.native();
    return true;
  }

  [[nodiscard]] std::filesystem::path base_of(const Assignment& assignment) const {
    return assignment.source == kSetSource ? absolute(".") : file_dir_;
  }

  static Origin origin_of(const std::string& path, const Assignment& assignment) {
    Origin origin;
    origin.text = assignment.source == kSetSource
                      ? std::string(kSetSource)
                      : fmt::format("{}:{}:{}", assignment.source, assignment.place.line,
                                    assignment.place.column);
    origin.secret = is_secret(path);
    return origin;
  }

  // -- all keys

  void missing(std::string_view path, const Key& key, Place place) {
    loaded_.diagnostics.push_back({source_, place, fmt::format("{} is missing", path),
                                   fmt::format("add it: {}", type_of(key.slot)), Severity::kError});
  }

  void require_keys() {
    for (const Key& key : all_keys()) {
      if (key.required && !assignments_.contains(std::string(key.path)))
        missing(key.path, key, {1, 1});
    }
    // A currency with prices of its own needs all of them: a default meant for euros would be wrong
    // in yen.
    std::map<std::string, Place> currencies;
    for (const auto& [path, assignment] : assignments_) {
      if (path.starts_with("decide.costs_by_currency.")) {
        currencies.try_emplace(assignment.match.name, assignment.place);
      }
    }
    for (const auto& [currency, place] : currencies) {
      for (const Key& key : all_keys()) {
        if (!key.path.starts_with("decide.costs_by_currency.*.")) continue;
        std::string path(key.path);
        path.replace(path.find('*'), 1, currency);
        if (!assignments_.contains(path)) missing(path, key, place);
      }
    }
  }

  /// Reports at the first of `paths` that somebody has set, unless one of them already has a
  /// complaint.
  void conflict(std::initializer_list<std::string_view> paths, std::string what,
                std::string remedy) {
    const Assignment* blamed = nullptr;
    for (const std::string_view path : paths) {
      const auto found = assignments_.find(std::string(path));
      if (found == assignments_.end()) continue;
      if (!loaded_.origins.contains(found->first)) return;
      if (blamed == nullptr) blamed = &found->second;
    }
    WEIR_CHECK(blamed != nullptr);  // defaults never contradict each other
    report(*blamed, blamed->value.place, std::move(what), std::move(remedy));
  }

  void check_together() {
    const Config& c = loaded_.config;
    if (c.metrics_currencies.size() > kCurrenciesMax) {
      conflict({"metrics.currencies"},
               fmt::format("metrics.currencies has {} entries, more than {}",
                           c.metrics_currencies.size(), kCurrenciesMax),
               "name those that matter; all others are added up as one");
    }
    if (c.commit.settle >= c.commit.interval) {
      conflict({"commit.settle", "commit.interval"},
               fmt::format("commit.settle {} is not below commit.interval {}",
                           format_duration(c.commit.settle), format_duration(c.commit.interval)),
               "shorten the settle time or lengthen the interval");
    }
    if (c.operators.dedupe.horizon < c.operators.input.lateness) {
      conflict({"dedupe.horizon", "input.lateness"},
               fmt::format("dedupe.horizon {} is below input.lateness {}",
                           format_duration(c.operators.dedupe.horizon),
                           format_duration(c.operators.input.lateness)),
               "remember ids at least as long as payments may be late");
    }
    check_topics_differ();
    check_registry();
    check_console();
    check_fields("mapping.transactions.", operators::payment_fields(), c.operators.transactions);
    check_fields("mapping.labels.", operators::label_fields(), c.operators.labels);
  }

  void check_registry() {
    const Config& c = loaded_.config;
    const auto needs = [](const operators::RecordFormat& records) {
      return records.format != operators::InputFormat::kJson;
    };
    if (c.registry.urls.empty() && (needs(c.operators.transactions) || needs(c.operators.labels) ||
                                    c.operators.verdicts != operators::VerdictFormat::kJson)) {
      conflict({"formats.transactions", "formats.labels", "formats.verdicts"},
               "registered formats need a schema registry, and registry.urls names none",
               "set registry.urls");
    }
    if (!c.registry.bearer_token.empty() && !c.registry.user.empty()) {
      conflict({"registry.bearer_token", "registry.user"},
               "registry.bearer_token and registry.user are both given", "keep one of them");
    }
  }

  void check_console() {
    const Config& c = loaded_.config;
    if (!c.console.listen.empty() && c.operators.verdicts != operators::VerdictFormat::kJson) {
      conflict({"console.listen", "formats.verdicts"},
               "the console reads verdicts as JSON, and formats.verdicts is another format",
               "set formats.verdicts: json, or leave console.listen out");
    }
    if (c.console.listen == c.admin_listen && !c.console.listen.ends_with(":0")) {
      conflict({"console.listen", "admin.listen"},
               fmt::format("console.listen and admin.listen are both {}", c.console.listen),
               "give each a port of its own");
    }
  }

  void check_fields(std::string_view section, std::span<const operators::FieldSpec> fields,
                    const operators::RecordFormat& records) {
    if (records.mapping.empty()) return;
    const auto blamed = [&](const std::string& field) -> const Assignment& {
      const auto found = assignments_.find(std::string(section) + field);
      return found != assignments_.end() ? found->second
                                         : assignments_.lower_bound(std::string(section))->second;
    };
    for (auto& flaw : operators::check_mapping(fields, records.mapping)) {
      const Assignment& at = blamed(flaw.field);
      report(at, at.place, fmt::format("{}{}: {}", section, flaw.field, flaw.what),
             std::move(flaw.remedy));
    }
  }

  void check_topics_differ() {
    std::map<std::string, std::string_view> owners;
    for (const Key& key : all_keys()) {
      if (!key.path.starts_with("topics.") || !std::holds_alternative<TextKey>(key.slot)) continue;
      const std::string& topic = std::get<TextKey>(key.slot).field(loaded_.config, {});
      const auto [owner, added] = owners.try_emplace(topic, key.path);
      if (added) continue;
      conflict({key.path, owner->second},
               fmt::format("{} and {} are both '{}'", owner->second, key.path, topic),
               "give each topic a name of its own");
    }
  }

  const std::string& source_;
  const Environment& environment_;
  const std::filesystem::path file_dir_;
  Assignments assignments_;
  Loaded loaded_;
};

}  // namespace

bool Loaded::ok() const {
  return std::none_of(diagnostics.begin(), diagnostics.end(),
                      [](const Diagnostic& d) { return d.severity == Severity::kError; });
}

Loaded parse_config(std::string_view yaml, const std::string& name,
                    const std::vector<std::string>& overrides, const Environment& environment) {
  return Loader(name, environment).load(yaml, overrides);
}

Loaded load_config(const std::string& file, const std::vector<std::string>& overrides,
                   const Environment& environment) {
  const auto unreadable = [&](std::string what, std::string remedy) {
    Loaded loaded;
    loaded.diagnostics.push_back({file, {}, std::move(what), std::move(remedy), Severity::kError});
    return loaded;
  };
  std::error_code failure;
  const auto bytes = std::filesystem::file_size(file, failure);
  if (failure)
    return unreadable(fmt::format("cannot be read: {}", failure.message()), "check the path");
  if (bytes > kFileBytesMax) return unreadable("is larger than 1MiB", "name a configuration file");
  std::ifstream in(file, std::ios::binary);
  std::ostringstream content;
  content << in.rdbuf();
  if (!in)
    return unreadable(fmt::format("cannot be read: {}", std::strerror(errno)),
                      "check its permissions");
  return parse_config(content.str(), file, overrides, environment);
}

}  // namespace weir::config
