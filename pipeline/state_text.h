#pragma once
// A user's state as one line of JSON: `weir state get`, `weir state dump`, and the comparison of a
// live run with a replay.

#include <functional>
#include <string>
#include <string_view>

#include "pipeline/core/error.h"
#include "state/user_store.h"

namespace weir {

/// What is remembered of a user, with the rows of its windows. Error: a store that is damaged.
Result<std::string> user_state_json(std::int32_t partition, std::string_view user_id,
                                    const state::UserView& user, state::UserStore& store);

/// The rows that the windows of a merchant, device, address or card hold.
Result<std::string> entity_state_json(std::int32_t partition, std::string_view entity,
                                      state::UserStore& store);

/// Every entity of a store of stage entities that was written to disk, in key order.
Status dump_entities(std::int32_t partition, state::UserStore& store,
                     const std::function<void(const std::string&)>& line);

/// Every user of a store, in key order.
Status dump_store(std::int32_t partition, state::UserStore& store,
                  const std::function<void(const std::string&)>& line);

}  // namespace weir
