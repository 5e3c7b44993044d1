#include "operators/formats/field_tree.h"

#include <algorithm>

#include <fmt/format.h>

#include "pipeline/core/error.h"

namespace weir::operators {
namespace {

constexpr char kConstantMark = '=';
constexpr std::size_t kFieldsMax = 32;

bool is_constant(std::string_view choice) {
  return choice.starts_with(kConstantMark);
}

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> names;
  for (std::size_t from = 0; from <= path.size();) {
    const std::size_t dot = std::min(path.find('.', from), path.size());
    names.push_back(path.substr(from, dot - from));
    from = dot + 1;
  }
  return names;
}

/// The child of that name, made when missing.
WantedField& child(WantedField& parent, std::string_view name) {
  const auto found = std::ranges::find(parent.below, name, &WantedField::name);
  if (found != parent.below.end()) return *found;
  return parent.below.emplace_back(WantedField{std::string(name), -1, {}});
}

/// Two fields may want the same value: then it may hold whatever either of them takes.
bool share_kind(FieldKind& kind, FieldKind other) {
  if (kind == other) return true;
  const auto is_text = [](FieldKind k) {
    return k == FieldKind::kString || k == FieldKind::kStringOrNumber;
  };
  if (!is_text(kind) || !is_text(other)) return false;
  kind = FieldKind::kStringOrNumber;
  return true;
}

std::string bad_path(std::string_view path) {
  const auto names = split(path);
  if (names.size() > kPathDepthMax) return fmt::format("'{}' has too many names", path);
  const bool empty = std::ranges::any_of(names, [](auto name) { return name.empty(); });
  return empty ? fmt::format("'{}' has an empty name", path) : "";
}

/// The words of the first thing wrong with the choices of one field.
std::string bad_choices(const FieldSpec& field, const std::vector<std::string>& choices) {
  if (choices.empty()) return "no path is given";
  if (choices.size() > kChoicesMax) return fmt::format("more than {} paths", kChoicesMax);
  for (std::size_t i = 0; i < choices.size(); ++i) {
    if (is_constant(choices[i])) {
      if (i + 1 < choices.size()) return "what follows a constant is never looked at";
      if (field.kind == FieldKind::kBool && choices[i] != "=true" && choices[i] != "=false") {
        return fmt::format("'{}' is not =true or =false", choices[i]);
      }
    } else if (auto bad = bad_path(choices[i]); !bad.empty()) {
      return bad;
    }
  }
  return "";
}

/// All paths of a mapping in one tree: a name cannot be both a value and a record.
class PathConflicts {
 public:
  std::string add(std::string_view path, const FieldSpec& field) {
    WantedField* at = &root_;
    for (const std::string_view name : split(path)) {
      if (at->slot >= 0)
        return fmt::format("'{}' passes through a value another field wants", path);
      at = &child(*at, name);
    }
    if (!at->below.empty()) return fmt::format("'{}' holds values other fields want", path);
    if (at->slot < 0) {
      at->slot = static_cast<int>(kinds_.size());
      kinds_.push_back(field.kind);
      return "";
    }
    return share_kind(kinds_[static_cast<std::size_t>(at->slot)], field.kind)
               ? ""
               : fmt::format("'{}' is wanted by a field of another kind, too", path);
  }

 private:
  WantedField root_;
  std::vector<FieldKind> kinds_;
};

}  // namespace

std::vector<MappingFlaw> check_mapping(std::span<const FieldSpec> fields,
                                       const FieldMapping& mapping) {
  std::vector<MappingFlaw> flaws;
  PathConflicts conflicts;
  for (const auto& [name, choices] : mapping) {
    const auto field = std::ranges::find(fields, name, &FieldSpec::name);
    if (field == fields.end() || field->kind == FieldKind::kFlatMap) {
      flaws.push_back({name, "cannot be mapped", "name a field"});
      continue;
    }
    auto bad = bad_choices(*field, choices);
    for (std::size_t i = 0; bad.empty() && i < choices.size(); ++i) {
      if (!is_constant(choices[i])) bad = conflicts.add(choices[i], *field);
    }
    if (!bad.empty()) {
      flaws.push_back({name, std::move(bad), "write names separated by dots, or =constant"});
    }
  }
  for (const FieldSpec& field : fields) {
    if (mapping.contains(std::string(field.name))) continue;
    if (auto bad = conflicts.add(field.name, field); !bad.empty()) {
      // Not mapped, so the mapped one that is in its way is to blame.
      flaws.push_back({std::string(field.name), std::move(bad),
                       "map this field as well, or choose another path for the other one"});
    }
  }
  return flaws;
}

FieldTree::FieldTree(std::span<const FieldSpec> fields, const FieldMapping& mapping) {
  WEIR_CHECK(fields.size() <= kFieldsMax);
  const bool moves_nothing = std::ranges::all_of(mapping, [](const auto& mapped) {
    return mapped.second == std::vector<std::string>{mapped.first};
  });
  if (!moves_nothing) choices_.resize(fields.size());
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (moves_nothing) {
      root_.below.push_back({std::string(fields[i].name), static_cast<int>(i), {}});
      slots_.push_back(fields[i]);
      continue;
    }
    const auto mapped = mapping.find(std::string(fields[i].name));
    if (mapped == mapping.end()) {
      want(fields[i].name, fields[i], choices_[i]);
    } else {
      for (const std::string& path : mapped->second) want(path, fields[i], choices_[i]);
    }
  }
}

void FieldTree::want(std::string_view path, const FieldSpec& field, std::vector<Choice>& choices) {
  if (is_constant(path)) {
    choices.push_back({-1, std::string(path.substr(1))});
    return;
  }
  WantedField* at = &root_;
  for (const std::string_view name : split(path)) {
    WEIR_CHECK(at->slot < 0);
    at = &child(*at, name);
  }
  WEIR_CHECK(at->below.empty());
  if (at->slot < 0) {
    at->slot = static_cast<int>(slots_.size());
    slots_.push_back(field);
  } else {
    WEIR_CHECK(share_kind(slots_[static_cast<std::size_t>(at->slot)].kind, field.kind));
  }
  choices.push_back({at->slot, {}});
}

void FieldTree::resolve(std::span<const std::string_view> slots,
                        std::span<std::string_view> fields) const {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    fields[i] = {};
    for (const Choice& choice : choices_[i]) {
      fields[i] = choice.slot < 0 ? std::string_view(choice.constant)
                                  : slots[static_cast<std::size_t>(choice.slot)];
      if (fields[i].data() != nullptr) break;
    }
  }
}

}  // namespace weir::operators
