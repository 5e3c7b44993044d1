#include "models/kernels.h"

#include <cstdlib>
#include <string>

namespace weir::kernels {

extern const Kernels kScalarKernels;
extern const Kernels kAvx2Kernels;
extern const Kernels kAvx512Kernels;

bool supported(CpuPath path) {
  switch (path) {
    case CpuPath::kScalar:
      return true;
    case CpuPath::kAvx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case CpuPath::kAvx512:
      return supported(CpuPath::kAvx2) && __builtin_cpu_supports("avx512f") &&
             __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512bw");
  }
  return false;
}

const Kernels& kernels_of(CpuPath path) {
  switch (path) {
    case CpuPath::kAvx2:
      return kAvx2Kernels;
    case CpuPath::kAvx512:
      return kAvx512Kernels;
    case CpuPath::kScalar:
      break;
  }
  return kScalarKernels;
}

Result<const Kernels*> choose_kernels(std::string_view wish) {
  const Kernels* best = nullptr;
  for (const CpuPath path : kCpuPaths) {
    const Kernels& kernels = kernels_of(path);
    if (kernels.name == wish && !supported(path)) {
      return fatal(
          "WEIR_CPU asks for instructions this CPU lacks; unset it to use the best path here: " +
          std::string(wish));
    }
    if (supported(path) && (wish.empty() || kernels.name == wish)) best = &kernels;
  }
  if (best == nullptr) {
    return fatal("WEIR_CPU must be scalar, avx2 or avx512, or unset for the best path: " +
                 std::string(wish));
  }
  return best;
}

const Result<const Kernels*>& active_kernels() {
  static const Result<const Kernels*> active = [] {
    const char* wish = std::getenv("WEIR_CPU");
    return choose_kernels(wish == nullptr ? "" : wish);
  }();
  return active;
}

}  // namespace weir::kernels
