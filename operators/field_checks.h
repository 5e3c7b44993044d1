#pragma once
// Checks of single fields that payments and labels share, with the same limits and words.

#include <optional>
#include <string>
#include <string_view>

#include "operators/rejection.h"

namespace weir::operators {

inline constexpr std::size_t kIdBytesMax = 128;
inline constexpr std::size_t kChannelBytesMax = 32;  // also other short names

/// nullopt: nothing wrong.
using FieldFlaw = std::optional<Rejection>;

/// "amount: not an ISO 4217 code". `what` is a static text, never a value.
FieldFlaw refuse(RejectReason reason, std::string_view field, std::string_view what);

/// Missing, null or empty.
FieldFlaw check_present(std::string_view name, std::string_view text);
/// Too long, or with a control character. An absent text passes.
FieldFlaw check_text(std::string_view name, std::string_view text, std::size_t bytes_max);
/// The record key decides the partition, and the partition owns the user's state.
FieldFlaw check_key(std::string_view key, std::string_view user_id);

inline bool is_absent(std::string_view text) {
  return text.data() == nullptr;
}

}  // namespace weir::operators
