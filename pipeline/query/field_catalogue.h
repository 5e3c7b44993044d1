#pragma once
// Which fields the records of a stream have, so that a mistyped name is an error and not silence.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::query {

enum class FieldType : std::uint8_t { kAny, kText, kNumber, kBool };

struct Field {
  std::string path;  // "risk.fraud.p"; elements of lists without their number: "reasons.code"
  FieldType type = FieldType::kAny;
  bool open = false;  // an object or list whose inside is not ours to know
};

class FieldCatalogue {
 public:
  /// Without fields: records of any shape, every name is taken.
  FieldCatalogue() = default;
  explicit FieldCatalogue(std::vector<Field> fields) : fields_(std::move(fields)) {}

  /// What is known of a path without list numbers; nullopt: there is no such field.
  [[nodiscard]] std::optional<FieldType> find(std::string_view path) const;
  [[nodiscard]] const std::vector<Field>& fields() const { return fields_; }
  /// The known path that was probably meant.
  [[nodiscard]] std::optional<std::string> nearest(std::string_view path) const;

 private:
  std::vector<Field> fields_;
};

}  // namespace weir::query
