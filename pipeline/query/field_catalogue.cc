#include "pipeline/query/field_catalogue.h"

#include "pipeline/config/suggest.h"

namespace weir::query {

std::optional<FieldType> FieldCatalogue::find(std::string_view path) const {
  if (fields_.empty()) return FieldType::kAny;
  for (const Field& field : fields_) {
    if (field.path == path) return field.type;
    const std::string inside = field.path + '.';
    if (field.open && path.starts_with(inside)) return FieldType::kAny;
    // An object on the way to a known field: exists() may ask for it.
    if (field.path.starts_with(std::string(path) + '.')) return FieldType::kAny;
  }
  return std::nullopt;
}

std::optional<std::string> FieldCatalogue::nearest(std::string_view path) const {
  std::vector<std::string> paths;
  for (const Field& field : fields_) paths.push_back(field.path);
  if (auto found = config::nearest(path, paths)) return found;
  // "p" or "fraud.p" for "risk.fraud.p".
  const std::string tail = '.' + std::string(path);
  for (const auto& known : paths) {
    if (known.ends_with(tail)) return known;
  }
  return std::nullopt;
}

}  // namespace weir::query
