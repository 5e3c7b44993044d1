// The order of kernels_order.h in pairs of 256-bit registers. Built with -mavx2 -mfma; run only
// where supported().

#include <immintrin.h>

#include "models/kernels_order.h"
#include "models/kernels_quad.h"

namespace weir::kernels {
namespace {

struct Avx2Path : QuadSteps {
  struct Lanes {
    __m256 low, high;
  };
  static constexpr std::size_t kRowsBy4 =
      0;  // sixteen registers: six rows of sixteen columns fill them
  static constexpr std::size_t kRowsBy2 = 0;
  static constexpr std::size_t kRowsBy1 = 6;
  static constexpr std::size_t kHeadsAtOnce = 2;

  static Lanes load(const float* from) {
    return {_mm256_loadu_ps(from), _mm256_loadu_ps(from + 8)};
  }
  static Lanes load_first(const float* from, std::size_t count) {
    return {_mm256_maskload_ps(from, mask(count, 0)), _mm256_maskload_ps(from + 8, mask(count, 8))};
  }
  static void store(float* to, Lanes a) {
    _mm256_storeu_ps(to, a.low);
    _mm256_storeu_ps(to + 8, a.high);
  }
  static void store_first(float* to, Lanes a, std::size_t count) {
    _mm256_maskstore_ps(to, mask(count, 0), a.low);
    _mm256_maskstore_ps(to + 8, mask(count, 8), a.high);
  }
  static Lanes all(float value) { return {_mm256_set1_ps(value), _mm256_set1_ps(value)}; }
  static Lanes fma(Lanes a, Lanes b, Lanes c) {
    return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
  }
  static Lanes add(Lanes a, Lanes b) {
    return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
  }
  static Lanes sub(Lanes a, Lanes b) {
    return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
  }
  static Lanes mul(Lanes a, Lanes b) {
    return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
  }
  static Lanes max(Lanes a, Lanes b) {
    return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)};
  }
  static Lanes relu(Lanes a) { return max(all(0.0F), a); }
  static Lanes power_of_two(Lanes shifted) {
    return {power_of_two(shifted.low), power_of_two(shifted.high)};
  }

  /// Four rows with four heads: out[row][head]. The steps of the tree are those of one dot product,
  /// four at a time.
  template <std::size_t kGroups>
  static void dots(const float* query, const float* const* rows, float* out) {
    for (std::size_t w = 0; w < kQuad; w += 2) {
      const __m256 even = pairs<kGroups>(query, rows[w]);
      const __m256 odd = pairs<kGroups>(query, rows[w + 1]);
      const __m256 sums = _mm256_add_ps(_mm256_shuffle_ps(even, odd, 0x88),  // 1 + 1
                                        _mm256_shuffle_ps(even, odd, 0xDD));
      const __m128 heads02 = _mm256_castps256_ps128(sums);
      const __m128 heads13 = _mm256_extractf128_ps(sums, 1);
      _mm_storeu_ps(out + w * kQuad, _mm_unpacklo_ps(heads02, heads13));
      _mm_storeu_ps(out + (w + 1) * kQuad, _mm_unpackhi_ps(heads02, heads13));
    }
  }

  static Lanes repeat(Quad a) { return {_mm256_set_m128(a, a), _mm256_set_m128(a, a)}; }
  static Quad first(Lanes a) { return _mm256_castps256_ps128(a.low); }

 private:
  static __m256i mask(std::size_t count, int from) {
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count) - from), lane);
  }
  static __m256 power_of_two(__m256 shifted) {
    const __m256i n = _mm256_castps_si256(shifted);
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
  }
  /// One row with four heads, summed down to two lanes each: [h0 h0 h2 h2 | h1 h1 h3 h3].
  template <std::size_t kGroups>
  static __m256 pairs(const float* query, const float* row) {
    Lanes acc[kQuad] = {all(0.0F), all(0.0F), all(0.0F), all(0.0F)};
#pragma GCC unroll 4
    for (std::size_t g = 0; g < kGroups; ++g) {
      const Lanes r = load(row + g * kLanes);
#pragma GCC unroll 4
      for (std::size_t h = 0; h < kQuad; ++h) {
        acc[h] = fma(load(query + (h * kGroups + g) * kLanes), r, acc[h]);
      }
    }
    __m256 s[kQuad];
#pragma GCC unroll 4
    for (std::size_t h = 0; h < kQuad; ++h) s[h] = _mm256_add_ps(acc[h].low, acc[h].high);  // 8 + 8
    const __m256 s01 = _mm256_add_ps(_mm256_permute2f128_ps(s[0], s[1], 0x20),              // 4 + 4
                                     _mm256_permute2f128_ps(s[0], s[1], 0x31));
    const __m256 s23 = _mm256_add_ps(_mm256_permute2f128_ps(s[2], s[3], 0x20),
                                     _mm256_permute2f128_ps(s[2], s[3], 0x31));
    return _mm256_add_ps(_mm256_shuffle_ps(s01, s23, 0x44),  // 2 + 2
                         _mm256_shuffle_ps(s01, s23, 0xEE));
  }
};

}  // namespace

extern const Kernels kAvx2Kernels;
const Kernels kAvx2Kernels{CpuPath::kAvx2, "avx2", linear<Avx2Path>, attend<Avx2Path>};

}  // namespace weir::kernels
