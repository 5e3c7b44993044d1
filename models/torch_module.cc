// load_torch_network() by way of libweir_torch.so: starting LibTorch costs 0.6 s of CPU and 200
// libraries, and most commands, and packages of trees alone, need none of it.

#include "models/torch_module.h"

#include <cstdlib>
#include <utility>

#include <dlfcn.h>

#include "models/kernels.h"
#include "models/torch_network.h"

namespace weir {
namespace {

constexpr const char* kModule = "libweir_torch.so";  // looked for along the program's RUNPATH

/// LibTorch's own kernels differ in last bits between CPU classes. The variable is read at
/// LibTorch's first kernel and nobody may read the environment while it is written, so this happens
/// before main(). LibTorch believes the variable without looking at the CPU: hence the question.
const bool kCapabilityPinned = [] {
  const bool avx2 = kernels::supported(kernels::CpuPath::kAvx2);
  return setenv("ATEN_CPU_CAPABILITY", avx2 ? "avx2" : "default", 0) == 0;
}();

struct Module {
  weir_load_torch_network_t* load = nullptr;
};

Result<Module> open_module() {
  // Never closed: LibTorch does not survive that.
  void* module = dlopen(kModule, RTLD_NOW | RTLD_LOCAL);
  void* symbol = module == nullptr ? nullptr : dlsym(module, "weir_load_torch_network");
  if (symbol == nullptr) {
    return fatal("LibTorch's part of Weir cannot be loaded: " + std::string(dlerror()) +
                 "; it is built as models/libweir_torch.so and goes where weir goes, into "
                 "models/ beside it or into ../lib");
  }
  return Module{reinterpret_cast<weir_load_torch_network_t*>(symbol)};
}

}  // namespace

Result<std::unique_ptr<Network>> load_torch_network(const std::string& bytes,
                                                    const std::vector<std::string>& operators) {
  WEIR_CHECK(kCapabilityPinned);
  static const auto module = open_module();
  if (!module) return module.error();
  Result<std::unique_ptr<Network>> loaded = std::unique_ptr<Network>();
  module->load(bytes, operators, loaded);
  return loaded;
}

}  // namespace weir
