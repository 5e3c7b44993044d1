#pragma once
// weir::linear and weir::attend as LibTorch operators (models/README.md has their schemas and
// formulas). Registered when the program, or libweir_torch_ops.so, is loaded.

namespace weir {

/// Does nothing but be called: keeps the linker from dropping the registration out of a static
/// library.
void link_torch_operators();

}  // namespace weir
