#include "operators/field_checks.h"

namespace weir::operators {
namespace {

bool has_control_character(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) return true;
  }
  return false;
}

}  // namespace

FieldFlaw refuse(RejectReason reason, std::string_view field, std::string_view what) {
  std::string detail(field);
  detail += ": ";
  detail += what;
  return Rejection{0, reason, std::move(detail)};
}

FieldFlaw check_present(std::string_view name, std::string_view text) {
  if (is_absent(text)) return refuse(RejectReason::kMissingField, name, "missing");
  if (text.empty()) return refuse(RejectReason::kMissingField, name, "empty");
  return std::nullopt;
}

FieldFlaw check_text(std::string_view name, std::string_view text, std::size_t bytes_max) {
  if (text.size() > bytes_max) return refuse(RejectReason::kRange, name, "too long");
  if (has_control_character(text)) return refuse(RejectReason::kRange, name, "control character");
  return std::nullopt;
}

FieldFlaw check_key(std::string_view key, std::string_view user_id) {
  if (key.empty()) return refuse(RejectReason::kMissingField, "record key", "missing");
  // The serializers of registries put their frame around keys as well, and then the partition is
  // that of the framed bytes.
  if (key.front() == '\0' && key.size() > 5 && key.ends_with(user_id)) {
    return refuse(RejectReason::kKeyMismatch, "record key",
                  "carries a schema id; send user_id as plain UTF-8");
  }
  if (key != user_id) {
    return refuse(RejectReason::kKeyMismatch, "record key", "differs from user_id");
  }
  return std::nullopt;
}

}  // namespace weir::operators
