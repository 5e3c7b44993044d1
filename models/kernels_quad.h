#pragma once
// Four lanes for the paths that have 128-bit FMA. Included by kernels_avx2.cc and kernels_avx512.cc
// only.

#include <immintrin.h>

namespace weir::kernels {
namespace {

struct QuadSteps {
  using Quad = __m128;
  static Quad quad_load(const float* from) { return _mm_loadu_ps(from); }
  static void quad_store(float* to, Quad a) { _mm_storeu_ps(to, a); }
  static Quad quad_all(float value) { return _mm_set1_ps(value); }
  static Quad quad_negate(Quad a) { return _mm_xor_ps(a, _mm_set1_ps(-0.0F)); }
  static Quad quad_fma(Quad a, Quad b, Quad c) { return _mm_fmadd_ps(a, b, c); }
  static Quad quad_add(Quad a, Quad b) { return _mm_add_ps(a, b); }
  static Quad quad_mul(Quad a, Quad b) { return _mm_mul_ps(a, b); }
  static Quad quad_div(Quad a, Quad b) { return _mm_div_ps(a, b); }
  static Quad quad_max(Quad a, Quad b) { return _mm_max_ps(a, b); }
};

}  // namespace
}  // namespace weir::kernels
