#pragma once
// The one order of operations of weir::linear and weir::attend, written over sixteen lanes.
//
// Included by kernels_scalar.cc, kernels_avx2.cc and kernels_avx512.cc and by nothing else. Each
// brings its own `Path`: sixteen lanes (Lanes), four lanes (Quad, one per head), and element-wise
// steps on them. Lane width is the only thing a path may choose: each output keeps its own chain of
// roundings. Everything lives in an unnamed namespace, and nothing of the standard library is
// called, so that the linker can never pick one path's code (with instructions this machine may
// lack) for another's. Never built with -ffast-math; contraction is off.

#include <cstddef>
#include <cstdint>

#include "models/kernels.h"

namespace weir::kernels {
namespace {

// ---- linear ----

/// kRows x (16 * kColumns) outputs held in registers while k runs. `tail`: how many of the sixteen
/// columns exist.
template <class P, std::size_t kRows, std::size_t kColumns, bool kTail>
void linear_block(const LinearArgs& a, std::size_t row, std::size_t column, std::size_t tail) {
  using Lanes = typename P::Lanes;
  const auto load = [tail](const float* from) {
    if constexpr (kTail) {
      return P::load_first(from, tail);
    } else {
      return P::load(from);
    }
  };
  const float* x = a.x + row * a.in;
  const float* weight = a.weight + column;
  Lanes acc[kRows][kColumns];
#pragma GCC unroll 16
  for (std::size_t c = 0; c < kColumns; ++c) {
    const Lanes bias = load(a.bias + column + c * kLanes);
#pragma GCC unroll 16
    for (std::size_t r = 0; r < kRows; ++r) acc[r][c] = bias;
  }
  for (std::size_t k = 0; k < a.in; ++k, weight += a.out) {
    Lanes w[kColumns];
#pragma GCC unroll 16
    for (std::size_t c = 0; c < kColumns; ++c) w[c] = load(weight + c * kLanes);
#pragma GCC unroll 16
    for (std::size_t r = 0; r < kRows; ++r) {
      const Lanes value = P::all(x[r * a.in + k]);
#pragma GCC unroll 16
      for (std::size_t c = 0; c < kColumns; ++c) acc[r][c] = P::fma(value, w[c], acc[r][c]);
    }
  }
#pragma GCC unroll 16
  for (std::size_t r = 0; r < kRows; ++r) {
    float* y = a.y + (row + r) * a.out + column;
#pragma GCC unroll 16
    for (std::size_t c = 0; c < kColumns; ++c) {
      const Lanes out = a.relu ? P::relu(acc[r][c]) : acc[r][c];
      if constexpr (kTail) {
        P::store_first(y, out, tail);
      } else {
        P::store(y + c * kLanes, out);
      }
    }
  }
}

/// All rows of one strip of columns: as many rows at once as the registers hold, then 4, 2, 1.
template <class P, std::size_t kRows, std::size_t kColumns, bool kTail = false>
void linear_strip(const LinearArgs& a, std::size_t column, std::size_t tail = 0) {
  std::size_t row = 0;
  for (; row + kRows <= a.rows; row += kRows) {
    linear_block<P, kRows, kColumns, kTail>(a, row, column, tail);
  }
  if constexpr (kRows > 4) {
    for (; row + 4 <= a.rows; row += 4) {
      linear_block<P, 4, kColumns, kTail>(a, row, column, tail);
    }
  }
  if constexpr (kRows > 2) {
    for (; row + 2 <= a.rows; row += 2) {
      linear_block<P, 2, kColumns, kTail>(a, row, column, tail);
    }
  }
  for (; row < a.rows; ++row) linear_block<P, 1, kColumns, kTail>(a, row, column, tail);
}

template <class P>
void linear(const LinearArgs& a) {
  std::size_t column = 0;
  if constexpr (P::kRowsBy4 > 0) {
    for (; column + 4 * kLanes <= a.out; column += 4 * kLanes) {
      linear_strip<P, P::kRowsBy4, 4>(a, column);
    }
  }
  if constexpr (P::kRowsBy2 > 0) {
    for (; column + 2 * kLanes <= a.out; column += 2 * kLanes) {
      linear_strip<P, P::kRowsBy2, 2>(a, column);
    }
  }
  for (; column + kLanes <= a.out; column += kLanes) linear_strip<P, P::kRowsBy1, 1>(a, column);
  if (column < a.out) linear_strip<P, P::kRowsBy1, 1, true>(a, column, a.out - column);
}

// ---- attend ----

inline constexpr std::size_t kQuad = 4;  // heads computed side by side
inline constexpr float kExponentMin = -64.0F;

/// e^x for x in [-64, 0]; smaller counts as -64. Within 1.5 units in the last place. NaN stays NaN.
/// x = n ln 2 + r with n from the rounding of 1.5 * 2^23 + x / ln 2, whose low bits are n itself.
template <class P>
typename P::Lanes exponential(typename P::Lanes x) {
  const auto all = [](float value) { return P::all(value); };
  x = P::max(all(kExponentMin), x);
  const auto shifted = P::fma(x, all(1.44269504F), all(12582912.0F));
  const auto n = P::sub(shifted, all(12582912.0F));
  auto r = P::fma(n, all(-0.693359375F), x);  // ln 2, high part: 9 bits, so n times it is exact
  r = P::fma(n, all(2.12194440e-4F), r);      // minus its low part
  auto p = all(1.9875691500e-4F);
  p = P::fma(p, r, all(1.3981999507e-3F));
  p = P::fma(p, r, all(8.3334519073e-3F));
  p = P::fma(p, r, all(4.1665795894e-2F));
  p = P::fma(p, r, all(1.6666665459e-1F));
  p = P::fma(p, r, all(5.0000001201e-1F));
  p = P::fma(p, P::mul(r, r), r);
  return P::mul(P::add(p, all(1.0F)), P::power_of_two(shifted));
}

/// The rows of one event that are there, in order of w; padded with repeats of the last to whole
/// groups of four.
struct PresentRows {
  const float* row[kWindowMax];
  float gap[kWindowMax];
  std::uint32_t bucket[kWindowMax];
  std::size_t count = 0;
};

inline std::uint32_t gap_bucket(float log_gap) {
  const float twice = log_gap * 2.0F;
  if (!(twice > 0.0F)) return 0;  // NaN too: the logit will carry it
  constexpr std::uint32_t kLast = kGapBuckets - 1;
  return twice < static_cast<float>(kLast) ? static_cast<std::uint32_t>(twice) : kLast;
}

inline void find_rows(const AttendArgs& a, std::size_t event, PresentRows& present) {
  const float* mask = a.mask + event * a.window;
  const float* gap = a.log_gap + event * a.window;
  const float* row = a.rows + event * a.window * a.width;
  std::size_t count = 0;
  for (std::size_t w = 0; w < a.window; ++w, row += a.width) {
    if (mask[w] == 0.0F) continue;
    present.row[count] = row;
    present.gap[count] = gap[w];
    present.bucket[count] = gap_bucket(gap[w]);
    ++count;
  }
  present.count = count;
  for (; count != 0 && count % kQuad != 0; ++count) present.row[count] = present.row[count - 1];
}

/// Four heads of one event. Pointers lead to four heads each, present in full or padded by the
/// caller.
struct HeadBlock {
  const float* query = nullptr;       // [4, width]
  const float* null_logit = nullptr;  // [4]
  const float* slope = nullptr;       // [4]
  const float* gap_table = nullptr;   // [kGapBuckets, gap_stride]
  std::size_t gap_stride = 0;
  std::size_t heads = kQuad;  // how many of the four exist
  float* y = nullptr;         // [heads, width]
  float* y_gap = nullptr;     // [heads]
};

/// weights[w][head] = exp(logit - largest); returns the sum, null logit first.
template <class P, std::size_t kGroups>
typename P::Quad softmax_weights(const HeadBlock& block, const PresentRows& present, float scale,
                                 float* weights) {
  using Quad = typename P::Quad;
  for (std::size_t w = 0; w < present.count; w += kQuad) {
    P::template dots<kGroups>(block.query, present.row + w, weights + w * kQuad);
  }
  const Quad null_logit = P::quad_load(block.null_logit);
  const Quad minus_slope = P::quad_negate(P::quad_load(block.slope));
  Quad largest = null_logit;
  for (std::size_t w = 0; w < present.count; ++w) {
    const Quad table = P::quad_load(block.gap_table + present.bucket[w] * block.gap_stride);
    const Quad distance = P::quad_fma(minus_slope, P::quad_all(present.gap[w]), table);
    const Quad dot = P::quad_load(weights + w * kQuad);
    const Quad logit = P::quad_fma(dot, P::quad_all(scale), distance);
    largest = P::quad_max(logit, largest);
    P::quad_store(weights + w * kQuad, logit);
  }
  const auto shift = P::repeat(largest);
  for (std::size_t w = 0; w < present.count; w += kQuad) {
    const auto logit = P::load(weights + w * kQuad);
    P::store(weights + w * kQuad, exponential<P>(P::sub(logit, shift)));
  }
  Quad total = P::first(exponential<P>(P::sub(P::repeat(null_logit), shift)));
  for (std::size_t w = 0; w < present.count; ++w) {
    total = P::quad_add(total, P::quad_load(weights + w * kQuad));
  }
  return total;
}

/// Weighted sums of rows for kHeads heads from `head` on, scaled by inverse[head].
template <class P, std::size_t kGroups, std::size_t kHeads>
void weighted_rows(const HeadBlock& block, const PresentRows& present, const float* weights,
                   const float* inverse, std::size_t head) {
  using Lanes = typename P::Lanes;
  Lanes acc[kHeads][kGroups];
#pragma GCC unroll 4
  for (std::size_t h = 0; h < kHeads; ++h) {
#pragma GCC unroll 4
    for (std::size_t g = 0; g < kGroups; ++g) acc[h][g] = P::all(0.0F);
  }
  for (std::size_t w = 0; w < present.count; ++w) {
    Lanes row[kGroups];
#pragma GCC unroll 4
    for (std::size_t g = 0; g < kGroups; ++g) row[g] = P::load(present.row[w] + g * kLanes);
#pragma GCC unroll 4
    for (std::size_t h = 0; h < kHeads; ++h) {
      const Lanes weight = P::all(weights[w * kQuad + head + h]);
#pragma GCC unroll 4
      for (std::size_t g = 0; g < kGroups; ++g) acc[h][g] = P::fma(weight, row[g], acc[h][g]);
    }
  }
#pragma GCC unroll 4
  for (std::size_t h = 0; h < kHeads; ++h) {
    if (head + h >= block.heads) return;
    float* y = block.y + (head + h) * kGroups * kLanes;
#pragma GCC unroll 4
    for (std::size_t g = 0; g < kGroups; ++g) {
      P::store(y + g * kLanes, P::mul(acc[h][g], P::all(inverse[head + h])));
    }
  }
}

template <class P, std::size_t kGroups>
void attend_block(const HeadBlock& block, const PresentRows& present, float scale) {
  using Quad = typename P::Quad;
  alignas(64) float weights[kWindowMax * kQuad];
  alignas(16) float inverse[kQuad];
  alignas(16) float mean_gap[kQuad];
  const Quad total = softmax_weights<P, kGroups>(block, present, scale, weights);
  const Quad one_by_total = P::quad_div(P::quad_all(1.0F), total);
  P::quad_store(inverse, one_by_total);
  Quad gaps = P::quad_all(0.0F);
  for (std::size_t w = 0; w < present.count; ++w) {
    gaps = P::quad_fma(P::quad_load(weights + w * kQuad), P::quad_all(present.gap[w]), gaps);
  }
  P::quad_store(mean_gap, P::quad_mul(gaps, one_by_total));
  for (std::size_t h = 0; h < block.heads; ++h) block.y_gap[h] = mean_gap[h];
  for (std::size_t h = 0; h < block.heads; h += P::kHeadsAtOnce) {
    weighted_rows<P, kGroups, P::kHeadsAtOnce>(block, present, weights, inverse, h);
  }
}

/// Room for the last, incomplete four heads: zeros where no head is.
struct PaddedHeads {
  alignas(16) float query[kQuad * kWidthMax] = {};
  alignas(16) float null_logit[kQuad] = {};
  alignas(16) float slope[kQuad] = {};
  alignas(16) float gap_table[kGapBuckets * kQuad] = {};
};

inline void pad_parameters(const AttendArgs& a, std::size_t head, PaddedHeads& padded) {
  for (std::size_t h = head; h < a.heads; ++h) {
    padded.slope[h - head] = a.slope[h];
    for (std::size_t b = 0; b < kGapBuckets; ++b) {
      padded.gap_table[b * kQuad + h - head] = a.gap_table[b * a.heads + h];
    }
  }
}

inline void pad_query(const AttendArgs& a, const float* query, std::size_t head,
                      PaddedHeads& padded) {
  const std::size_t heads = a.heads - head;
  for (std::size_t i = 0; i < heads * a.width; ++i) padded.query[i] = query[head * a.width + i];
  for (std::size_t h = 0; h < heads; ++h) {
    padded.null_logit[h] = query[a.heads * a.width + head + h];
  }
}

template <class P, std::size_t kGroups>
void attend_event(const AttendArgs& a, std::size_t event, float scale, PaddedHeads& padded) {
  const std::size_t columns = a.heads * a.width + a.heads;
  const float* query = a.query + event * columns;
  float* y = a.y + event * columns;
  PresentRows present;
  find_rows(a, event, present);
  if (present.count == 0) {
    for (std::size_t i = 0; i < columns; ++i) y[i] = 0.0F;
    return;
  }
  for (std::size_t head = 0; head < a.heads; head += kQuad) {
    HeadBlock block;
    block.y = y + head * a.width;
    block.y_gap = y + a.heads * a.width + head;
    if (head + kQuad <= a.heads) {
      block.query = query + head * a.width;
      block.null_logit = query + a.heads * a.width + head;
      block.slope = a.slope + head;
      block.gap_table = a.gap_table + head;
      block.gap_stride = a.heads;
    } else {
      pad_query(a, query, head, padded);
      block.query = padded.query;
      block.null_logit = padded.null_logit;
      block.slope = padded.slope;
      block.gap_table = padded.gap_table;
      block.gap_stride = kQuad;
      block.heads = a.heads - head;
    }
    attend_block<P, kGroups>(block, present, scale);
  }
}

template <class P, std::size_t kGroups>
void attend_events(const AttendArgs& a) {
  const float scale = 1.0F / __builtin_sqrtf(static_cast<float>(a.width));
  PaddedHeads padded;
  if (a.heads % kQuad != 0) pad_parameters(a, a.heads / kQuad * kQuad, padded);
  for (std::size_t event = 0; event < a.events; ++event) {
    attend_event<P, kGroups>(a, event, scale, padded);
  }
}

template <class P>
void attend(const AttendArgs& a) {
  static_assert(kWidthMax == 4 * kLanes);
  switch (a.width / kLanes) {
    case 1:
      return attend_events<P, 1>(a);
    case 2:
      return attend_events<P, 2>(a);
    case 3:
      return attend_events<P, 3>(a);
    default:
      return attend_events<P, 4>(a);
  }
}

}  // namespace
}  // namespace weir::kernels
