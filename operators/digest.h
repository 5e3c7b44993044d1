#pragma once
// Names by content: the same content has the same name on every machine and in every run.

#include <string>
#include <string_view>

namespace weir::operators {

/// 64 lower-case hex digits.
std::string sha256_hex(std::string_view bytes);

/// 32 lower-case hex digits: XXH3-128 over the parts, each ended by a zero byte (no part holds
/// one). The same payment judged by the same model and rules has the same id, so a repeated verdict
/// can be recognised.
std::string verdict_id(std::string_view user_id, std::string_view transaction_id,
                       std::string_view model_digest, std::string_view rules_digest);

}  // namespace weir::operators
