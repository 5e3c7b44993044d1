#pragma once
// The one symbol of libweir_torch.so. C linkage for its name only: both sides are built together.

#include <memory>
#include <string>
#include <vector>

#include "models/network.h"
#include "pipeline/core/error.h"

extern "C" {
/// What load_torch_network() promises (torch_network.h); never throws.
using weir_load_torch_network_t = void(const std::string& bytes,
                                       const std::vector<std::string>& operators,
                                       weir::Result<std::unique_ptr<weir::Network>>& loaded);
weir_load_torch_network_t weir_load_torch_network;
}
