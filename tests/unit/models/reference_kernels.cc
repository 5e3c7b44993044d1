#include "tests/unit/models/reference_kernels.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace weir::testing {
namespace {

std::vector<float> normal(std::size_t count, std::mt19937& random) {
  std::normal_distribution<float> draw;
  std::vector<float> values(count);
  for (float& value : values) value = draw(random);
  return values;
}

std::vector<float> uniform(std::size_t count, float high, std::mt19937& random) {
  std::uniform_real_distribution<float> draw(0, high);
  std::vector<float> values(count);
  for (float& value : values) value = draw(random);
  return values;
}

std::size_t bucket(float log_gap) {
  const double twice = double{log_gap} * 2;
  if (std::isnan(twice)) return 0;
  return static_cast<std::size_t>(std::clamp(twice, 0.0, 23.0));
}

/// The order of the exponential in kernels_order.h.
float exponential(float x) {
  if (x < -64.0F) x = -64.0F;
  const float shifted = std::fma(x, 1.44269504F, 12582912.0F);
  const float n = shifted - 12582912.0F;
  const float r = std::fma(n, 2.12194440e-4F, std::fma(n, -0.693359375F, x));
  float p = 1.9875691500e-4F;
  for (const float coefficient :
       {1.3981999507e-3F, 8.3334519073e-3F, 4.1665795894e-2F, 1.6666665459e-1F, 5.0000001201e-1F}) {
    p = std::fma(p, r, coefficient);
  }
  p = std::fma(p, r * r, r);
  return std::isnan(n) ? n : std::ldexp(p + 1.0F, static_cast<int>(n));
}

float dot_in_lanes(const float* a, const float* b, std::size_t width) {
  float lanes[16] = {};
  for (std::size_t i = 0; i < width; ++i) lanes[i % 16] = std::fma(a[i], b[i], lanes[i % 16]);
  for (std::size_t half = 8; half > 0; half /= 2) {
    for (std::size_t i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  }
  return lanes[0];
}

/// One head of one event, in the exact order.
void attend_head(const AttendCase& c, std::size_t event, std::size_t head, float* y, float* y_gap) {
  const float* query = c.query.data() + event * c.columns();
  const float* gap = c.log_gap.data() + event * c.window;
  const float* rows = c.rows.data() + event * c.window * c.width;
  const float* mask = c.mask.data() + event * c.window;
  const float scale = 1.0F / std::sqrt(static_cast<float>(c.width));
  const float null_logit = query[c.heads * c.width + head];
  std::vector<float> logits(c.window);
  float largest = null_logit;
  for (std::size_t w = 0; w < c.window; ++w) {
    if (mask[w] == 0) continue;
    const float dot = dot_in_lanes(query + head * c.width, rows + w * c.width, c.width);
    const float table = c.gap_table[bucket(gap[w]) * c.heads + head];
    logits[w] = std::fma(dot, scale, std::fma(-c.slope[head], gap[w], table));
    if (logits[w] > largest) largest = logits[w];
  }
  float total = exponential(null_logit - largest);
  float gaps = 0;
  std::vector<float> sums(c.width);
  for (std::size_t w = 0; w < c.window; ++w) {
    if (mask[w] == 0) continue;
    const float weight = exponential(logits[w] - largest);
    total += weight;
    gaps = std::fma(weight, gap[w], gaps);
    for (std::size_t r = 0; r < c.width; ++r) {
      sums[r] = std::fma(weight, rows[w * c.width + r], sums[r]);
    }
  }
  const float inverse = 1.0F / total;
  for (std::size_t r = 0; r < c.width; ++r) y[r] = sums[r] * inverse;
  *y_gap = gaps * inverse;
}

bool has_rows(const AttendCase& c, std::size_t event) {
  const auto first = c.mask.begin() + static_cast<std::ptrdiff_t>(event * c.window);
  return std::any_of(first, first + static_cast<std::ptrdiff_t>(c.window),
                     [](float m) { return m != 0; });
}

}  // namespace

LinearCase::LinearCase(std::size_t rows_, std::size_t in_, std::size_t out_, bool relu_,
                       std::mt19937& random)
    : rows(rows_),
      in(in_),
      out(out_),
      relu(relu_),
      x(normal(rows * in, random)),
      weight(normal(in * out, random)),
      bias(normal(out, random)) {}

kernels::LinearArgs LinearCase::args(float* y) const {
  return {x.data(), weight.data(), bias.data(), y, rows, in, out, relu};
}

AttendCase::AttendCase(std::size_t events_, std::size_t window_, std::size_t width_,
                       std::size_t heads_, std::mt19937& random)
    : events(events_),
      window(window_),
      width(width_),
      heads(heads_),
      query(normal(events * columns(), random)),
      rows(normal(events * window * width, random)),
      log_gap(uniform(events * window, 13, random)),
      mask(events * window, 1.0F),
      slope(uniform(heads, 1, random)),
      gap_table(normal(kernels::kGapBuckets * heads, random)) {}

kernels::AttendArgs AttendCase::args(float* y) const {
  return {query.data(), rows.data(), log_gap.data(), mask.data(), slope.data(), gap_table.data(), y,
          events,       window,      width,          heads};
}

AttendCase AttendCase::only(std::size_t event) const {
  AttendCase one = *this;
  const auto cut = [event](std::vector<float>& values, std::size_t size) {
    const auto first = values.begin() + static_cast<std::ptrdiff_t>(event * size);
    values = std::vector<float>(first, first + static_cast<std::ptrdiff_t>(size));
  };
  one.events = 1;
  cut(one.query, columns());
  cut(one.rows, window * width);
  cut(one.log_gap, window);
  cut(one.mask, window);
  return one;
}

std::vector<float> linear_in_order(const LinearCase& c) {
  std::vector<float> y(c.rows * c.out);
  for (std::size_t m = 0; m < c.rows; ++m) {
    for (std::size_t n = 0; n < c.out; ++n) {
      float sum = c.bias[n];
      for (std::size_t k = 0; k < c.in; ++k) {
        sum = std::fma(c.x[m * c.in + k], c.weight[k * c.out + n], sum);
      }
      y[m * c.out + n] = c.relu && sum < 0 ? 0 : sum;
    }
  }
  return y;
}

std::vector<float> attend_in_order(const AttendCase& c) {
  std::vector<float> y(c.events * c.columns());
  for (std::size_t event = 0; event < c.events; ++event) {
    if (!has_rows(c, event)) continue;
    float* out = y.data() + event * c.columns();
    for (std::size_t head = 0; head < c.heads; ++head) {
      attend_head(c, event, head, out + head * c.width, out + c.heads * c.width + head);
    }
  }
  return y;
}

std::vector<double> linear_in_double(const LinearCase& c, std::vector<double>& bound) {
  std::vector<double> y(c.rows * c.out);
  bound.assign(y.size(), 0);
  for (std::size_t m = 0; m < c.rows; ++m) {
    for (std::size_t n = 0; n < c.out; ++n) {
      double sum = c.bias[n];
      double magnitude = std::fabs(sum);
      for (std::size_t k = 0; k < c.in; ++k) {
        const double term = double{c.x[m * c.in + k]} * double{c.weight[k * c.out + n]};
        sum += term;
        magnitude += std::fabs(term);
      }
      y[m * c.out + n] = c.relu ? std::max(sum, 0.0) : sum;
      bound[m * c.out + n] =
          magnitude * static_cast<double>(c.in) * 0x1p-24;  // one rounding per fma
    }
  }
  return y;
}

std::vector<double> attend_in_double(const AttendCase& c) {
  std::vector<double> y(c.events * c.columns());
  for (std::size_t event = 0; event < c.events; ++event) {
    const float* query = c.query.data() + event * c.columns();
    double* out = y.data() + event * c.columns();
    for (std::size_t head = 0; head < c.heads; ++head) {
      double total = std::exp(double{query[c.heads * c.width + head]});
      std::vector<double> sums(c.width + 1);
      for (std::size_t w = 0; w < c.window; ++w) {
        if (c.mask[event * c.window + w] == 0) continue;
        const float* row = c.rows.data() + (event * c.window + w) * c.width;
        const double gap = c.log_gap[event * c.window + w];
        double dot = 0;
        for (std::size_t r = 0; r < c.width; ++r)
          dot += double{query[head * c.width + r]} * double{row[r]};
        const double weight =
            std::exp(dot / std::sqrt(static_cast<double>(c.width)) - double{c.slope[head]} * gap +
                     double{c.gap_table[bucket(static_cast<float>(gap)) * c.heads + head]});
        total += weight;
        for (std::size_t r = 0; r < c.width; ++r) sums[r] += weight * double{row[r]};
        sums[c.width] += weight * gap;
      }
      for (std::size_t r = 0; r < c.width; ++r) out[head * c.width + r] = sums[r] / total;
      out[c.heads * c.width + head] = sums[c.width] / total;
    }
  }
  return y;
}

std::vector<float> run_linear(const LinearCase& c, kernels::CpuPath path) {
  std::vector<float> y(c.rows * c.out);
  kernels::kernels_of(path).linear(c.args(y.data()));
  return y;
}

std::vector<float> run_attend(const AttendCase& c, kernels::CpuPath path) {
  std::vector<float> y(c.events * c.columns());
  kernels::kernels_of(path).attend(c.args(y.data()));
  return y;
}

std::vector<kernels::CpuPath> paths_here() {
  std::vector<kernels::CpuPath> paths;
  std::copy_if(std::begin(kernels::kCpuPaths), std::end(kernels::kCpuPaths),
               std::back_inserter(paths), kernels::supported);
  return paths;
}

std::vector<std::uint32_t> bits(const std::vector<float>& values) {
  std::vector<std::uint32_t> patterns(values.size());
  std::transform(values.begin(), values.end(), patterns.begin(),
                 [](float value) { return std::bit_cast<std::uint32_t>(value); });
  return patterns;
}

}  // namespace weir::testing
