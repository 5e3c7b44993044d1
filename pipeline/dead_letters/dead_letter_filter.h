#pragma once
// Which dead letters a command is about, and how it finds them.

#include <functional>

#include "pipeline/commands.h"
#include "pipeline/config/config.h"
#include "pipeline/core/error.h"
#include "pipeline/dead_letters/dead_letter_view.h"

namespace weir {

/// Every dead letter there is now that the filter takes, each partition in order. `sink` returns
/// false to stop. An Error of kind kFatal is about the filter itself.
Status read_dead_letters(const config::Config& config, const DeadLetterFilter& filter,
                         const std::function<bool(const DeadLetterView&)>& sink);

/// transactions, labels and entities stand for the configured topics; else the topic of that name.
std::string topic_of_word(const config::Config& config, const std::string& word);

}  // namespace weir
