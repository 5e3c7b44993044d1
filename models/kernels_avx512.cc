// The order of kernels_order.h in 512-bit registers. Built with -mavx512f and friends; run only
// where supported().

// g++ 12 takes its own _mm512_undefined_ps() for a mistake (GCC bug 105593).
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

#include "models/kernels_order.h"
#include "models/kernels_quad.h"

namespace weir::kernels {
namespace {

struct Avx512Path : QuadSteps {
  using Lanes = __m512;
  static constexpr std::size_t kRowsBy4 =
      6;  // 24 of 32 registers hold sums, the rest weights and inputs
  static constexpr std::size_t kRowsBy2 = 12;
  static constexpr std::size_t kRowsBy1 = 12;
  static constexpr std::size_t kHeadsAtOnce = 4;

  static Lanes load(const float* from) { return _mm512_loadu_ps(from); }
  static Lanes load_first(const float* from, std::size_t count) {
    return _mm512_maskz_loadu_ps(mask(count), from);
  }
  static void store(float* to, Lanes a) { _mm512_storeu_ps(to, a); }
  static void store_first(float* to, Lanes a, std::size_t count) {
    _mm512_mask_storeu_ps(to, mask(count), a);
  }
  static Lanes all(float value) { return _mm512_set1_ps(value); }
  static Lanes fma(Lanes a, Lanes b, Lanes c) { return _mm512_fmadd_ps(a, b, c); }
  static Lanes add(Lanes a, Lanes b) { return _mm512_add_ps(a, b); }
  static Lanes sub(Lanes a, Lanes b) { return _mm512_sub_ps(a, b); }
  static Lanes mul(Lanes a, Lanes b) { return _mm512_mul_ps(a, b); }
  static Lanes max(Lanes a, Lanes b) { return _mm512_max_ps(a, b); }
  static Lanes relu(Lanes a) { return _mm512_max_ps(_mm512_setzero_ps(), a); }
  static Lanes power_of_two(Lanes shifted) {
    const __m512i n = _mm512_castps_si512(shifted);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(n, _mm512_set1_epi32(127)), 23));
  }

  /// Four rows with four heads: out[row][head]. The steps of the tree are those of one dot product,
  /// sixteen at a time.
  template <std::size_t kGroups>
  static void dots(const float* query, const float* const* rows, float* out) {
    const __m512 r0 = quarters<kGroups>(query, rows[0]);
    const __m512 r1 = quarters<kGroups>(query, rows[1]);
    const __m512 r2 = quarters<kGroups>(query, rows[2]);
    const __m512 r3 = quarters<kGroups>(query, rows[3]);
    const __m512 r01 = _mm512_add_ps(_mm512_shuffle_ps(r0, r1, 0x44),  // 2 + 2
                                     _mm512_shuffle_ps(r0, r1, 0xEE));
    const __m512 r23 =
        _mm512_add_ps(_mm512_shuffle_ps(r2, r3, 0x44), _mm512_shuffle_ps(r2, r3, 0xEE));
    const __m512 by_head = _mm512_add_ps(_mm512_shuffle_ps(r01, r23, 0x88),  // 1 + 1
                                         _mm512_shuffle_ps(r01, r23, 0xDD));
    const __m512i by_row = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    _mm512_storeu_ps(out, _mm512_permutexvar_ps(by_row, by_head));
  }

  static Lanes repeat(Quad a) { return _mm512_broadcast_f32x4(a); }
  static Quad first(Lanes a) { return _mm512_castps512_ps128(a); }

 private:
  static __mmask16 mask(std::size_t count) { return static_cast<__mmask16>((1U << count) - 1U); }

  /// One row with four heads, summed down to four lanes each: [h0 x4 | h1 x4 | h2 x4 | h3 x4].
  template <std::size_t kGroups>
  static __m512 quarters(const float* query, const float* row) {
    __m512 acc[kQuad] = {all(0.0F), all(0.0F), all(0.0F), all(0.0F)};
#pragma GCC unroll 4
    for (std::size_t g = 0; g < kGroups; ++g) {
      const __m512 r = load(row + g * kLanes);
#pragma GCC unroll 4
      for (std::size_t h = 0; h < kQuad; ++h) {
        acc[h] = fma(load(query + (h * kGroups + g) * kLanes), r, acc[h]);
      }
    }
    const __m512 a01 = _mm512_add_ps(_mm512_shuffle_f32x4(acc[0], acc[1], 0x44),  // 8 + 8
                                     _mm512_shuffle_f32x4(acc[0], acc[1], 0xEE));
    const __m512 a23 = _mm512_add_ps(_mm512_shuffle_f32x4(acc[2], acc[3], 0x44),
                                     _mm512_shuffle_f32x4(acc[2], acc[3], 0xEE));
    return _mm512_add_ps(_mm512_shuffle_f32x4(a01, a23, 0x88),  // 4 + 4
                         _mm512_shuffle_f32x4(a01, a23, 0xDD));
  }
};

}  // namespace

extern const Kernels kAvx512Kernels;
const Kernels kAvx512Kernels{CpuPath::kAvx512, "avx512", linear<Avx512Path>, attend<Avx512Path>};

}  // namespace weir::kernels
