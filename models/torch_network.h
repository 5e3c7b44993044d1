#pragma once
// A TorchScript module as a Network. All of LibTorch is behind this header: its types, its
// exceptions, its settings, and its start, which waits for the first call.

#include <memory>
#include <string>
#include <vector>

#include "models/network.h"
#include "pipeline/core/error.h"

namespace weir {

/// Loads a module from the bytes of its file, freezes it and checks its graph: every operator must
/// give a row the same bits whatever else is in the batch, and operators of ours must be among
/// `operators`. Error: kFatal; so it is where libweir_torch.so is not beside the program
/// (torch_module.cc).
///
/// Sets, for the whole process: one thread inside and between LibTorch's operators, no JIT fusion,
/// and, where ATEN_CPU_CAPABILITY is unset, AVX2 kernels (at program start).
Result<std::unique_ptr<Network>> load_torch_network(const std::string& bytes,
                                                    const std::vector<std::string>& operators);

}  // namespace weir
