#pragma once
// Changes to a user's bytes, on encoded entries: what user_state.h offers on decoded ones, and what
// the store uses so that an entry is encoded once. Every function is pure.

#include <cstdint>
#include <string>
#include <string_view>

#include "state/entry_codec.h"
#include "state/user_state.h"

namespace weir::state {

/// Retention without limits.
inline constexpr RetentionPolicy kKeepAll{kSlots, kSlots, INT64_MAX};

/// normalise() would change nothing. Cheap.
[[nodiscard]] bool keeps_policy(std::string_view encoded, const RetentionPolicy& policy);

/// A state that keeps any valid policy always has one.
[[nodiscard]] std::uint8_t lowest_free_slot(std::string_view encoded);

/// Adds the entry into its slot, which must be free, and applies the policy.
std::string insert_entry(std::string_view encoded, const EntryView& entry,
                         const RetentionPolicy& policy);

/// The slot now holds this entry, unless it holds a later one: of two entries for a slot the one
/// with the higher sequence stays, so that the order of putting does not matter. Then the policy is
/// applied.
std::string put_entry(std::string_view encoded, const EntryView& entry,
                      const RetentionPolicy& policy);

}  // namespace weir::state
