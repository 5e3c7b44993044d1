#include "pipeline/config/features.h"

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <optional>
#include <span>

#include <fmt/format.h>

#include "pipeline/config/filter_text.h"
#include "pipeline/config/keys.h"
#include "pipeline/config/units.h"

namespace weir::config {
namespace {

static_assert(std::equal(kFeatureEntities.begin() + 1, kFeatureEntities.end(),
                         std::begin(state::kEntityKindNames)));
static_assert(std::equal(kFeatureFunctions.begin() + 1, kFeatureFunctions.end(),
                         std::begin(state::kFunctionNames)));
static_assert(std::equal(std::begin(state::kFieldNames) + 1, std::end(state::kFieldNames),
                         kFeatureFields.begin()));

/// The keys of an entry in the order of the table, which is that of the dump.
constexpr std::string_view kEntryKeys[] = {"name",  "entity", "function", "field",  "window",
                                           "delay", "filter", "rows",     "default"};
constexpr std::string_view kCsvFirstColumn = "transaction_id";
constexpr std::size_t kWindowFields = std::size(state::kFieldNames) - 1;

/// One entry: what was given, what of it was read well, and where.
struct Entry {
  std::size_t index = 0;
  std::string source;
  Place place;                                     // of its first key
  std::map<std::string, const Assignment*> given;  // by the key's last word
  bool whole = true;                               // every given key was read

  [[nodiscard]] bool has(const std::string& key) const { return given.contains(key); }
};

std::vector<Entry> entries_of(const Assignments& assignments,
                              const std::map<std::string, Origin>& read) {
  std::map<std::size_t, Entry> by_index;
  for (const auto& [path, assignment] : assignments) {
    if (!path.starts_with("features.")) continue;
    const std::size_t index = feature_index(assignment.match.name);
    Entry& entry = by_index[index];
    if (entry.given.empty() || assignment.place < entry.place) entry.place = assignment.place;
    entry.index = index;
    entry.source = assignment.source;
    entry.given[path.substr(path.rfind('.') + 1)] = &assignment;
    entry.whole = entry.whole && read.contains(path);
  }
  std::vector<Entry> entries;
  for (auto& [index, entry] : by_index) entries.push_back(std::move(entry));
  return entries;
}

/// Checks one entry as a whole.
class EntryCheck {
 public:
  EntryCheck(const Entry& entry, const FeatureConfig& read, std::vector<Diagnostic>& diagnostics)
      : entry_(entry), read_(read), diagnostics_(diagnostics) {}

  std::optional<operators::DeclaredFeature> compile() {
    for (const char* key : {"name", "entity", "function"}) {
      if (!entry_.has(key)) complain("", fmt::format("the feature has no {}", key), "add it");
    }
    if (!good_ || !entry_.whole) return std::nullopt;
    if (read_.name == kCsvFirstColumn) {
      complain("name", "transaction_id is the first column of every feature file",
               "choose another name");
    }
    operators::DeclaredFeature feature{read_.name, {}, {}};
    if (read_.entity == 0) {
      feature.source = payment_feature();
    } else {
      feature.source = windowed_feature();
    }
    if (!good_) return std::nullopt;
    if (entry_.has("filter")) feature.filter = canonical_filter(read_.filter);
    return feature;
  }

 private:
  /// At the value of `key`, or at the entry.
  void complain(const std::string& key, std::string what, std::string remedy) {
    const auto found = entry_.given.find(key);
    const Place place = found == entry_.given.end() ? entry_.place : found->second->value.place;
    diagnostics_.push_back(
        {entry_.source, place,
         fmt::format("feature {}: {}",
                     entry_.has("name") && !read_.name.empty() ? fmt::format("'{}'", read_.name)
                                                               : std::to_string(entry_.index + 1),
                     what),
         std::move(remedy), Severity::kError});
    good_ = false;
  }

  void refuse(std::initializer_list<const char*> keys, std::string_view why) {
    for (const char* key : keys) {
      if (entry_.has(key)) complain(key, fmt::format("{} {}", key, why), "remove it");
    }
  }

  [[nodiscard]] std::optional<double> default_value() const {
    return entry_.has("default") ? std::optional(read_.default_value) : std::nullopt;
  }

  operators::PaymentFeature payment_feature() {
    if (read_.function != 0) {
      complain("function", "a payment has values of its own only",
               "write function: value, or name the entity whose past is meant");
    }
    refuse({"window", "delay", "filter", "rows"},
           "means nothing for a value of the payment itself");
    const std::span<const std::string_view> names(operators::kPaymentFieldNames);
    const auto found = std::find(names.begin(), names.end(), kFeatureFields[read_.field]);
    if (!entry_.has("field") || found == names.end()) {
      complain("field",
               entry_.has("field")
                   ? fmt::format("{} is no value of a payment", kFeatureFields[read_.field])
                   : "a value needs a field",
               fmt::format("use one of {}", fmt::join(names.begin(), names.end(), ", ")));
      return {};
    }
    return {static_cast<operators::PaymentField>(found - names.begin()), default_value()};
  }

  state::FeatureDeclaration windowed_feature() {
    state::FeatureDeclaration out;
    out.name = read_.name;
    out.entity = static_cast<state::EntityKind>(read_.entity - 1);
    if (read_.function == 0) {
      complain("function", "value is for entity payment",
               "use last for the newest event's value, or entity: payment");
      return out;
    }
    out.function = static_cast<state::Function>(read_.function - 1);
    if (entry_.has("field")) {
      if (read_.field >= kWindowFields) {
        complain(
            "field", fmt::format("{} is for entity payment", kFeatureFields[read_.field]),
            fmt::format("use one of {}", fmt::join(kFeatureFields.begin(),
                                                   kFeatureFields.begin() + kWindowFields, ", ")));
        return out;
      }
      out.field = static_cast<state::Field>(read_.field + 1);
    }
    if (entry_.has("window")) out.window_ms = read_.window.count();
    if (entry_.has("delay")) out.delay_ms = read_.delay.count();
    out.rows = read_.rows;
    out.default_value = default_value();
    if (entry_.has("filter")) take_filter(out);
    const bool windowed = out.function < state::Function::kMedian;
    if (windowed && !entry_.has("window")) {
      complain("", fmt::format("{} needs a window", kFeatureFunctions[read_.function]),
               "add window: 1s to 90d");
    }
    if (!good_) return out;
    if (const auto valid = state::validate(out); !valid) {
      complain(blamed(out), valid.error().message, "");
    }
    return out;
  }

  void take_filter(state::FeatureDeclaration& out) {
    auto parsed = parse_filter(read_.filter);
    if (auto* flaw = std::get_if<FilterFlaw>(&parsed)) {
      complain("filter",
               fmt::format("filter, character {}: {}", flaw->column, flaw->complaint.what),
               flaw->complaint.remedy);
    } else {
      out.filter = std::get<state::Filter>(std::move(parsed));
    }
  }

  /// validate() names no place: the key its words are most likely about.
  [[nodiscard]] std::string blamed(const state::FeatureDeclaration& out) const {
    state::FeatureDeclaration without = out;
    const auto cured = [&](const char* key) {
      return entry_.has(key) && state::validate(without).has_value();
    };
    without.filter.clear();
    if (cured("filter")) return "filter";
    without = out;
    without.rows = 0;
    if (cured("rows")) return "rows";
    without = out;
    without.window_ms = 0;
    if (cured("window")) return "window";
    without = out;
    without.delay_ms = 0;
    if (cured("delay")) return "delay";
    return entry_.has("field") ? "field" : "function";
  }

  const Entry& entry_;
  const FeatureConfig& read_;
  std::vector<Diagnostic>& diagnostics_;
  bool good_ = true;
};

std::string dump_value(const FeatureConfig& feature, std::string_view key) {
  if (key == "name") return feature.name;
  if (key == "entity") return std::string(kFeatureEntities[feature.entity]);
  if (key == "function") return std::string(kFeatureFunctions[feature.function]);
  if (key == "field") return std::string(kFeatureFields[feature.field]);
  if (key == "window") return format_duration(feature.window);
  if (key == "delay") return format_duration(feature.delay);
  if (key == "filter") return quote(feature.filter);
  if (key == "rows") return std::to_string(feature.rows);
  return fmt::format("{}", feature.default_value);
}

}  // namespace

std::size_t feature_index(std::string_view name) {
  std::size_t index = 0;
  const auto [end, failure] = std::from_chars(name.data(), name.data() + name.size(), index);
  WEIR_CHECK(failure == std::errc{} && end == name.data() + name.size() && index < kFeaturesMax);
  return index;
}

void compile_features(const Assignments& assignments, const std::map<std::string, Origin>& read,
                      Config& config, std::vector<Diagnostic>& diagnostics) {
  std::map<std::string, Place> names;
  for (const Entry& entry : entries_of(assignments, read)) {
    const FeatureConfig& feature = config.features[entry.index];
    auto compiled = EntryCheck(entry, feature, diagnostics).compile();
    if (entry.has("name") && !feature.name.empty()) {
      const Place place = entry.given.at("name")->value.place;
      const auto [first, added] = names.try_emplace(feature.name, place);
      if (!added) {
        diagnostics.push_back({entry.source, place,
                               fmt::format("feature '{}' is declared twice, first at {}:{}",
                                           feature.name, first->second.line, first->second.column),
                               "give each a name of its own", Severity::kError});
      }
    }
    if (compiled) config.operators.features.push_back(std::move(*compiled));
  }
}

std::string dump_features(const Loaded& loaded) {
  const auto& features = loaded.config.features;
  if (features.empty()) return {};
  std::string text = "features:\n";
  for (std::size_t i = 0; i < features.size(); ++i) {
    std::string line;
    std::string from;
    for (const std::string_view key : kEntryKeys) {
      const auto origin = loaded.origins.find(fmt::format("features.{}.{}", i, key));
      if (origin == loaded.origins.end()) continue;
      line +=
          fmt::format("{}{}: {}", line.empty() ? "  - {" : ", ", key, dump_value(features[i], key));
      if (from.empty()) from = origin->second.text;
    }
    text += fmt::format("{}}}  # {}\n", line, from);
  }
  return text;
}

}  // namespace weir::config
