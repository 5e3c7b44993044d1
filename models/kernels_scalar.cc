// The order of kernels_order.h one lane at a time: for CPUs without AVX2, and the plain reading of
// the other two.

#include "models/kernels_order.h"

namespace weir::kernels {
namespace {

template <std::size_t kCount>
struct Floats {
  float v[kCount];
};

template <std::size_t kCount, class Step>
Floats<kCount> each(Step step) {
  Floats<kCount> out;
  for (std::size_t i = 0; i < kCount; ++i) out.v[i] = step(i);
  return out;
}

struct ScalarPath {
  using Lanes = Floats<kLanes>;
  using Quad = Floats<kQuad>;
  static constexpr std::size_t kRowsBy4 = 0;
  static constexpr std::size_t kRowsBy2 = 0;
  static constexpr std::size_t kRowsBy1 = 1;
  static constexpr std::size_t kHeadsAtOnce = 1;

  static Lanes load(const float* from) {
    return each<kLanes>([&](std::size_t i) { return from[i]; });
  }
  static Lanes load_first(const float* from, std::size_t count) {
    return each<kLanes>([&](std::size_t i) { return i < count ? from[i] : 0.0F; });
  }
  static void store(float* to, const Lanes& a) { store_first(to, a, kLanes); }
  static void store_first(float* to, const Lanes& a, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) to[i] = a.v[i];
  }
  static Lanes all(float value) {
    return each<kLanes>([&](std::size_t) { return value; });
  }
  static Lanes fma(const Lanes& a, const Lanes& b, const Lanes& c) {
    return each<kLanes>([&](std::size_t i) { return __builtin_fmaf(a.v[i], b.v[i], c.v[i]); });
  }
  static Lanes add(const Lanes& a, const Lanes& b) {
    return each<kLanes>([&](std::size_t i) { return a.v[i] + b.v[i]; });
  }
  static Lanes sub(const Lanes& a, const Lanes& b) {
    return each<kLanes>([&](std::size_t i) { return a.v[i] - b.v[i]; });
  }
  static Lanes mul(const Lanes& a, const Lanes& b) {
    return each<kLanes>([&](std::size_t i) { return a.v[i] * b.v[i]; });
  }
  static Lanes max(const Lanes& a,
                   const Lanes& b) {  // b when either is NaN, as the vector instruction
    return each<kLanes>([&](std::size_t i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; });
  }
  static Lanes relu(const Lanes& a) { return max(all(0.0F), a); }
  static Lanes power_of_two(const Lanes& shifted) {
    return each<kLanes>([&](std::size_t i) {
      const auto bits = (__builtin_bit_cast(std::uint32_t, shifted.v[i]) + 127U) << 23U;
      return __builtin_bit_cast(float, bits);
    });
  }

  template <std::size_t kGroups>
  static void dots(const float* query, const float* const* rows, float* out) {
    for (std::size_t w = 0; w < kQuad; ++w) {
      for (std::size_t h = 0; h < kQuad; ++h) {
        Lanes acc = all(0.0F);
        for (std::size_t g = 0; g < kGroups; ++g) {
          const float* q = query + (h * kGroups + g) * kLanes;
          acc = fma(load(q), load(rows[w] + g * kLanes), acc);
        }
        for (std::size_t half = kLanes / 2; half > 0; half /= 2) {
          for (std::size_t i = 0; i < half; ++i) acc.v[i] = acc.v[i] + acc.v[i + half];
        }
        out[w * kQuad + h] = acc.v[0];
      }
    }
  }

  static Lanes repeat(const Quad& a) {
    return each<kLanes>([&](std::size_t i) { return a.v[i % kQuad]; });
  }
  static Quad first(const Lanes& a) {
    return each<kQuad>([&](std::size_t i) { return a.v[i]; });
  }
  static Quad quad_load(const float* from) {
    return each<kQuad>([&](std::size_t i) { return from[i]; });
  }
  static void quad_store(float* to, const Quad& a) {
    for (std::size_t i = 0; i < kQuad; ++i) to[i] = a.v[i];
  }
  static Quad quad_all(float value) {
    return each<kQuad>([&](std::size_t) { return value; });
  }
  static Quad quad_negate(const Quad& a) {
    return each<kQuad>([&](std::size_t i) { return -a.v[i]; });
  }
  static Quad quad_fma(const Quad& a, const Quad& b, const Quad& c) {
    return each<kQuad>([&](std::size_t i) { return __builtin_fmaf(a.v[i], b.v[i], c.v[i]); });
  }
  static Quad quad_add(const Quad& a, const Quad& b) {
    return each<kQuad>([&](std::size_t i) { return a.v[i] + b.v[i]; });
  }
  static Quad quad_mul(const Quad& a, const Quad& b) {
    return each<kQuad>([&](std::size_t i) { return a.v[i] * b.v[i]; });
  }
  static Quad quad_div(const Quad& a, const Quad& b) {
    return each<kQuad>([&](std::size_t i) { return a.v[i] / b.v[i]; });
  }
  static Quad quad_max(const Quad& a, const Quad& b) {
    return each<kQuad>([&](std::size_t i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; });
  }
};

}  // namespace

extern const Kernels kScalarKernels;
const Kernels kScalarKernels{CpuPath::kScalar, "scalar", linear<ScalarPath>, attend<ScalarPath>};

}  // namespace weir::kernels
