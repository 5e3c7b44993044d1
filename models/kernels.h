#pragma once
// The arithmetic behind weir::linear and weir::attend, without LibTorch.
//
// Three paths (scalar, AVX2+FMA, AVX-512) carry out ONE order of operations, written once in
// kernels_order.h, so a row gives the same bits on every CPU, in every batch size and place. A NaN
// stays a NaN; its payload is not promised. Plain functions on caller-owned buffers: no allocation,
// no shared state, callable from any thread.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "pipeline/core/error.h"

namespace weir::kernels {

inline constexpr std::size_t kLanes = 16;       // sums over R run in this many lanes
inline constexpr std::size_t kWindowMax = 128;  // W
inline constexpr std::size_t kHeadsMax = 16;    // H
inline constexpr std::size_t kWidthMax = 64;    // R
inline constexpr std::size_t kGapBuckets = 24;  // rows of the gap table: two per e-fold of minutes

/// out[m, n] = bias[n], then one fused multiply-add per k in order; then max(., 0) when `relu`.
struct LinearArgs {
  const float* x = nullptr;       // [rows, in]
  const float* weight = nullptr;  // [in, out]: input-major
  const float* bias = nullptr;    // [out]
  float* y = nullptr;             // [rows, out]; must not overlap the inputs
  std::size_t rows = 0;
  std::size_t in = 0;
  std::size_t out = 0;
  bool relu = false;
};

/// Each head reads the rows that are there; models/README.md has the formula. Exact order, per
/// event and head:
///   dot    16 lanes from zero, one FMA per 16 of R; then lanes i + (i+8), i + (i+4), i + (i+2), 0
///   + 1 logit  fma(dot, 1/sqrt(R), fma(-slope, gap, table[bucket])) weight exp(logit - largest),
///   never below exp(-64): less vanishes in any float32 sum it could join total  weight of the null
///   logit, then the rows in order of w sums   from zero, one FMA per row in order of w; at the end
///   times 1/total
/// A row whose mask is 0 is never read. An event without rows yields zeros.
struct AttendArgs {
  const float* query =
      nullptr;                  // [events, heads * width + heads]; the last `heads` are null logits
  const float* rows = nullptr;  // [events, window, width]
  const float* log_gap = nullptr;    // [events, window]
  const float* mask = nullptr;       // [events, window]; 0 = not there
  const float* slope = nullptr;      // [heads]
  const float* gap_table = nullptr;  // [kGapBuckets, heads]
  float* y = nullptr;                // [events, heads * width + heads]; must not overlap the inputs
  std::size_t events = 0;
  std::size_t window = 0;  // at most kWindowMax
  std::size_t width = 0;   // a multiple of kLanes, at most kWidthMax
  std::size_t heads = 0;   // 1 to kHeadsMax
};

enum class CpuPath : std::uint8_t { kScalar, kAvx2, kAvx512 };
inline constexpr CpuPath kCpuPaths[] = {CpuPath::kScalar, CpuPath::kAvx2, CpuPath::kAvx512};

struct Kernels {
  CpuPath path;
  std::string_view name;  // "scalar", "avx2", "avx512": the words WEIR_CPU takes
  void (*linear)(const LinearArgs&);
  void (*attend)(const AttendArgs&);
};

/// Can this machine, and its operating system, run the path?
bool supported(CpuPath path);

/// The kernels of one path. Calling them where it is not supported() is an illegal instruction.
const Kernels& kernels_of(CpuPath path);

/// The best supported path for an empty wish, else the named one. An unknown or unsupported wish is
/// an Error (kFatal).
Result<const Kernels*> choose_kernels(std::string_view wish);

/// choose_kernels() of the environment variable WEIR_CPU; decided at the first call, then fixed for
/// the process.
const Result<const Kernels*>& active_kernels();

}  // namespace weir::kernels
